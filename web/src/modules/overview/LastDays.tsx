import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { agentsQuery } from "../../api/queries/agents.ts";
import { overviewOfQuery } from "../../api/queries/overview.ts";
import type { Overview, OverviewJob } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { usePhone, useStripDays } from "../../hooks/use-strip-days.ts";
import { type CellKind, StripCell, StripHead } from "../../ui/Strip.tsx";
import { Cell, Table } from "../../ui/Table.tsx";
import { paths } from "../../util/paths.ts";
import { DayStrip } from "../DayStrip.tsx";
import { Section } from "../Page.tsx";
import { QueryView } from "../QueryView.tsx";
import css from "./last-days.module.css";

const legend: readonly CellKind[] = [
	"success",
	"partial_success",
	"failed",
	"missed",
	"cancelled",
	"running",
	"nothing_due",
];

/** Rows of the start page; the rest is behind a link. */
const shown = 10;

/** The same on a phone. */
const shownOnPhone = 5;

/** One strip a job, problems first; those of one machine when it is chosen. */
export function LastDays({ overview, agent }: { overview: Overview; agent: string | undefined }) {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const days = useStripDays();
	const agents = useQuery(agentsQuery);
	const filtered = useQuery({ ...overviewOfQuery(agent ?? ""), enabled: agent !== undefined, refetchInterval: 10_000 });
	const title = t("overview.strip", { count: days });
	const machines = (agents.data?.items ?? []).map((machine) => ({ value: machine.id, label: machine.name }));
	return (
		<Section
			title={title}
			count={t("overview.problemsFirst", { jobs: t("common.jobsCount", { count: overview.jobs_total }) })}
			more={
				machines.length < 2 ? null : (
					<Select
						className={css["agent"]}
						size="xs"
						aria-label={t("overview.filterAgent")}
						placeholder={t("overview.allAgents")}
						clearable
						clearButtonProps={{ "aria-label": t("overview.allAgents") }}
						data={machines}
						value={agent ?? null}
						onChange={(value) => void navigate(paths.overview(value === null ? {} : { agent: value }))}
					/>
				)
			}
		>
			{agent === undefined ? (
				<Jobs overview={overview} title={title} />
			) : (
				<QueryView query={filtered}>{(part) => <Jobs overview={part} title={title} />}</QueryView>
			)}
			<ul className={css["legend"]} aria-label={t("overview.legend")}>
				{legend.map((kind) => (
					<li key={kind}>
						<StripCell kind={kind} /> {kind === "missed" ? t("strip.missedLong") : t(`status.${kind}`)}
					</li>
				))}
			</ul>
		</Section>
	);
}

function Jobs({ overview, title }: { overview: Overview; title: string }) {
	const { t } = useTranslation();
	const days = useStripDays();
	const jobs = overview.jobs.slice(0, usePhone() ? shownOnPhone : shown);
	const dates = (overview.jobs[0]?.days ?? []).slice(-days).map((day) => day.date);
	if (jobs.length === 0) return <p className="muted">{t("overview.noJobHere")}</p>;
	return (
		<>
			<div className={css["scroll"]}>
				<Table
					label={title}
					dense
					head={[
						{ name: t("overview.job"), wide: true },
						{ name: title, shown: <StripHead days={dates} /> },
						{ name: t("overview.latestPoint"), hideBelow: "phone" },
						{ name: t("overview.nextRun"), align: "right", hideBelow: "phone" },
					]}
				>
					{jobs.map((job) => (
						<Row key={job.id} job={job} overview={overview} />
					))}
				</Table>
			</div>
			{jobs.length < overview.jobs.length || overview.jobs_total > jobs.length ? (
				<p className={css["more"]}>
					<Link {...paths.jobs()}>{t("overview.allJobs", { count: overview.jobs_total })}</Link>
				</p>
			) : null}
		</>
	);
}

function Row({ job, overview }: { job: OverviewJob; overview: Overview }) {
	const { t } = useTranslation();
	const format = useFormat();
	const phone = usePhone();
	const active = overview.active_runs.find((run) => run.job?.id === job.id && run.type === "backup");
	const latest = job.latest_point_at ? format.moment(job.latest_point_at) : t("common.never");
	return (
		<tr>
			<Cell second={phone ? latest : undefined}>
				<Link {...paths.job(job.id)} className={css["job"]}>
					{job.name}
				</Link>{" "}
				{phone ? null : <span className="faint small">{job.agent.name}</span>}
			</Cell>
			<Cell>
				<DayStrip job={job} />
			</Cell>
			<Cell hideBelow="phone" strong={!job.protected}>
				{latest}
			</Cell>
			<Cell align="right" hideBelow="phone">
				{active !== undefined && active.status !== "queued" ? (
					<Link {...paths.run(active.id)}>{t("status.running")}</Link>
				) : job.starts_when_back ? (
					t("schedule.whenBack")
				) : job.next_run_at ? (
					format.moment(job.next_run_at)
				) : (
					<span className="faint">{t("overview.byHand")}</span>
				)}
			</Cell>
		</tr>
	);
}
