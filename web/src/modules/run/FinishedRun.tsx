import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { failureWording } from "../../api/errors.ts";
import { pointQuery } from "../../api/queries/points.ts";
import { runProblemsQuery } from "../../api/queries/runs.ts";
import type { Run } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { useKnownTexts } from "../../hooks/use-wording.ts";
import { KeyValues } from "../../ui/KeyValues.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { PathText } from "../../ui/PathText.tsx";
import { StatusIcon } from "../../ui/StatusIcon.tsx";
import { Cell, Table } from "../../ui/Table.tsx";
import { stopwatch } from "../../util/format.ts";
import { paths } from "../../util/paths.ts";
import { Columns, Section } from "../Page.tsx";
import { QueryView } from "../QueryView.tsx";
import { useRunNames } from "../run-words.ts";
import { Events } from "./Events.tsx";
import { Funnel } from "./Funnel.tsx";
import css from "./finished-run.module.css";
import { Numbers } from "./Numbers.tsx";
import { stageSeconds, useStageName } from "./Stages.tsx";

/** A run that is over: is there a point, what is missing, why, where did the time go. */
export function FinishedRun({ run }: { run: Run }) {
	return (
		<>
			<div className={css["verdict"]}>
				<Verdict run={run} />
			</div>
			<Columns
				main={
					<>
						<Causes run={run} />
						<Problems run={run} />
						<Funnel run={run} />
						<TimeWent run={run} />
						<Events run={run} active={false} />
					</>
				}
				side={
					<>
						<Numbers run={run} />
						<PointFacts run={run} />
					</>
				}
			/>
		</>
	);
}

function Verdict({ run }: { run: Run }) {
	const { t } = useTranslation();
	const format = useFormat();
	const known = useKnownTexts();
	const { agent } = useRunNames()(run);
	const restore = run.type === "restore";
	const target = restore && run.target_path ? <p>{t("run.target", { path: run.target_path, agent })}</p> : undefined;
	const words = run.failure ? failureWording(run.failure, known) : undefined;
	switch (run.status) {
		case "success": {
			const { files, total_bytes: bytes } = run.statistics;
			return (
				<Notice tone="good" title={t(restore ? "run.verdict.successRestore" : "run.verdict.success")}>
					{files === null || files === undefined || bytes === null || bytes === undefined
						? undefined
						: t("run.verdictMore", { files: format.files(files), size: format.size(bytes) })}
					{target}
				</Notice>
			);
		}
		case "partial_success":
			return (
				<Notice
					tone="warn"
					title={t(restore ? "run.verdict.partialRestore" : "run.verdict.partial", {
						count: run.problem_count,
						formatted: format.count(run.problem_count),
					})}
				>
					{target}
				</Notice>
			);
		case "cancelled":
			return (
				<Notice
					tone="neutral"
					icon="cancelled"
					title={t(restore ? "run.verdict.cancelledRestore" : "run.verdict.cancelled")}
				>
					{words === undefined ? target : <p>{words.title}</p>}
				</Notice>
			);
		default: {
			return (
				<Notice tone="bad" title={t(restore ? "run.verdict.failedRestore" : "run.verdict.failed")}>
					{words === undefined ? undefined : (
						<>
							<p>{words.title}</p>
							{words.detail === undefined ? null : (
								<p>
									<bdi>{words.detail}</bdi>
								</p>
							)}
							{words.hints.map((hint) => (
								<p key={hint}>{hint}</p>
							))}
							<p className="mono">{words.code}</p>
						</>
					)}
				</Notice>
			);
		}
	}
}

/** Why items are missing, grouped. */
function Causes({ run }: { run: Run }) {
	const { t } = useTranslation();
	const format = useFormat();
	if (run.problem_groups.length === 0) return null;
	return (
		<Section title={t(run.type === "restore" ? "run.whyRestore" : "run.why")}>
			<ul className={css["causes"]}>
				{run.problem_groups.map((group) => (
					<li key={group.code}>
						<StatusIcon status="partial_success" />
						<div>
							<p className={css["cause"]}>
								{t("run.group", { count: group.count, formatted: format.count(group.count), title: group.title })}
							</p>
							{group.hints.map((hint) => (
								<p key={hint} className="muted">
									{hint}
								</p>
							))}
						</div>
					</li>
				))}
			</ul>
		</Section>
	);
}

function Problems({ run }: { run: Run }) {
	const { t } = useTranslation();
	const format = useFormat();
	const query = useInfiniteQuery({ ...runProblemsQuery(run.id), enabled: run.problem_count > 0 });
	if (run.problem_count === 0) return null;
	return (
		<Section title={t("run.problems")} count={format.count(run.problem_count)}>
			<QueryView query={query} rows={3}>
				{(data) => (
					<>
						<Table
							label={t("run.problems")}
							dense
							head={[
								{ name: t("run.problemPath"), wide: true },
								{ name: t("run.problemCause"), hideBelow: "phone" },
								{ name: t("common.size"), align: "right" },
							]}
						>
							{data.pages
								.flatMap((page) => page.items)
								.map((problem) => (
									<tr key={problem.seq}>
										<Cell>
											<PathText path={problem.path} />
										</Cell>
										<Cell hideBelow="phone">
											<bdi>{problem.message}</bdi>
										</Cell>
										<Cell align="right">
											{problem.size === null || problem.size === undefined ? "" : format.size(problem.size)}
										</Cell>
									</tr>
								))}
						</Table>
						{query.hasNextPage ? (
							<Button size="xs" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
								{t("common.loadMore")}
							</Button>
						) : null}
					</>
				)}
			</QueryView>
		</Section>
	);
}

/** The share of each stage in the whole time. */
function TimeWent({ run }: { run: Run }) {
	const { t } = useTranslation();
	const format = useFormat();
	const name = useStageName();
	const { agent } = useRunNames()(run);
	const end = new Date(run.finished_at ?? run.created_at);
	const stages = run.stages.map((stage) => ({ stage, seconds: stageSeconds(stage, end) }));
	if (stages.length === 0) return null;
	const whole = (end.getTime() - new Date(run.started_at ?? run.created_at).getTime()) / 1000;
	return (
		<Section
			title={t("run.timeWent")}
			more={<span className="faint">{t("run.timeOn", { time: format.duration(whole), agent })}</span>}
		>
			<div className={css["times"]} aria-hidden="true">
				{stages.map(({ stage, seconds }, index) => (
					<span key={stage.name} data-tone={(index % 4) + 1} style={{ flexGrow: Math.max(seconds, whole / 200) }} />
				))}
			</div>
			<ul className={css["timeWords"]}>
				{stages.map(({ stage, seconds }, index) => (
					<li key={stage.name}>
						<span data-tone={(index % 4) + 1} aria-hidden="true" />
						{name(stage.name)} <strong className="num">{format.duration(seconds)}</strong>
					</li>
				))}
			</ul>
		</Section>
	);
}

function PointFacts({ run }: { run: Run }) {
	const { t } = useTranslation();
	const format = useFormat();
	const id = run.point_id ?? "";
	const point = useQuery({ ...pointQuery(id), enabled: id !== "" });
	if (id === "" || point.data === undefined) {
		return (
			<Section title={t("run.started")}>
				<KeyValues rows={times()} />
			</Section>
		);
	}
	return (
		<Section title={t("run.point")}>
			<KeyValues
				rows={[
					[t("run.pointTime"), format.fullMoment(point.data.time)],
					[t("run.pointSize"), `${format.size(point.data.total_bytes)}, ${format.files(point.data.files)}`],
					...times(),
				]}
			/>
			<Link {...paths.snapshots({ point: id, ...(run.job ? { source: run.job.id } : {}) })}>{t("run.browse")}</Link>
		</Section>
	);

	function times(): [string, string][] {
		const rows: [string, string][] = [[t("run.started"), format.fullMoment(run.started_at ?? run.created_at)]];
		if (run.trigger === "offline") rows.push([t("run.startedBy"), t("runs.offline")]);
		if (run.finished_at) rows.push([t("run.finished"), format.fullMoment(run.finished_at)]);
		if (run.started_at && run.finished_at) {
			const seconds = (new Date(run.finished_at).getTime() - new Date(run.started_at).getTime()) / 1000;
			rows.push([t("run.took"), stopwatch(seconds)]);
		}
		return rows;
	}
}
