import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFallbackInterval } from "../api/live.ts";
import { type RunFilter, runsQuery } from "../api/queries/runs.ts";
import type { RunSummary } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Status } from "../ui/Status.tsx";
import { Cell, Table } from "../ui/Table.tsx";
import { paths } from "../util/paths.ts";
import { QueryView } from "./QueryView.tsx";
import { runStatus } from "./run-status.ts";
import css from "./run-table.module.css";
import { useRunNames } from "./run-words.ts";

/** Runs, newest first, page by page; with `most` only so many. */
export function RunTable({ filter, most, empty }: { filter: RunFilter; most?: number; empty?: ReactNode }) {
	const { t } = useTranslation();
	const format = useFormat();
	const query = useInfiniteQuery({ ...runsQuery(filter), refetchInterval: useFallbackInterval(5_000) });
	return (
		<QueryView query={query}>
			{(data) => {
				const runs = data.pages.flatMap((page) => page.items).slice(0, most);
				const first = data.pages[0];
				if (runs.length === 0) return empty ?? <p className="muted">{t("jobs.runsNone")}</p>;
				return (
					<>
						<Rows runs={runs} withJob={filter.job === undefined} />
						{most === undefined && first !== undefined ? (
							<div className={css["foot"]}>
								<span className="faint small">
									{t("runs.total", {
										count: first.count,
										formatted: first.count_capped ? t("runs.countCapped") : format.count(first.count),
									})}
								</span>
								{query.hasNextPage ? (
									<Button loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
										{t("common.loadMore")}
									</Button>
								) : null}
							</div>
						) : null}
					</>
				);
			}}
		</QueryView>
	);
}

function Rows({ runs, withJob }: { runs: readonly RunSummary[]; withJob: boolean }) {
	const { t } = useTranslation();
	return (
		<Table
			label={t("runs.title")}
			head={[
				{ name: t("common.status") },
				...(withJob ? [{ name: t("runs.job"), wide: true }] : []),
				{ name: t("runs.kind"), hideBelow: "narrow" as const },
				{ name: t("runs.duration"), align: "right" as const, hideBelow: "phone" as const },
				{ name: t("runs.read"), align: "right" as const, hideBelow: "phone" as const },
				{ name: t("runs.uploaded"), align: "right" as const, hideBelow: "narrow" as const },
				{ name: t("runs.skipped"), align: "right" as const, hideBelow: "narrow" as const },
			]}
		>
			{runs.map((run) => (
				<Row key={run.id} run={run} withJob={withJob} />
			))}
		</Table>
	);
}

function Row({ run, withJob }: { run: RunSummary; withJob: boolean }) {
	const { t } = useTranslation();
	const format = useFormat();
	const names = useRunNames();
	const percent = run.progress.percent ?? undefined;
	const begin = run.started_at ?? run.created_at;
	const end = run.finished_at === null || run.finished_at === undefined ? format.now : new Date(run.finished_at);
	const seconds = (end.getTime() - new Date(begin).getTime()) / 1000;
	const restore = run.type === "restore";
	return (
		<tr>
			<Cell second={run.trigger === "offline" ? `${format.moment(begin)}, ${t("runs.offline")}` : format.moment(begin)}>
				<Link {...paths.run(run.id)} className={css["status"]}>
					<Status status={runStatus(run)} percent={percent}>
						{run.status === "running" && percent !== undefined ? format.percent(percent, 0) : undefined}
					</Status>
				</Link>
			</Cell>
			{withJob ? (
				<Cell strong second={names(run).agent}>
					<Link {...paths.run(run.id)}>{names(run).job}</Link>
				</Cell>
			) : null}
			<Cell hideBelow="narrow">{restore ? t("runs.restore") : t("runs.backup")}</Cell>
			<Cell align="right" hideBelow="phone">
				{run.status === "queued" ? t("common.none") : format.duration(Math.max(0, seconds))}
			</Cell>
			<Cell align="right" hideBelow="phone">
				{restore ? t("common.none") : format.size(run.progress.bytes_processed)}
			</Cell>
			<Cell align="right" hideBelow="narrow">
				{restore
					? `${t("runs.written")} ${format.size(run.progress.bytes_transferred)}`
					: format.size(run.progress.bytes_transferred)}
			</Cell>
			<Cell align="right" hideBelow="narrow">
				{run.problem_count === 0 ? t("common.none") : format.count(run.problem_count)}
			</Cell>
		</tr>
	);
}
