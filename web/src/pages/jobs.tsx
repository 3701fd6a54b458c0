import { Button, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useFallbackInterval } from "../api/live.ts";
import { jobsQuery } from "../api/queries/jobs.ts";
import type { Job } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useRestWords } from "../hooks/use-rest-words.ts";
import { useScheduleWords } from "../hooks/use-schedule-words.ts";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { DayStrip } from "../modules/DayStrip.tsx";
import { Page } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { RunNow } from "../modules/RunNow.tsx";
import { byProblems, runStatus } from "../modules/run-status.ts";
import { Empty } from "../ui/Empty.tsx";
import { Icon } from "../ui/Icon.tsx";
import { PathText } from "../ui/PathText.tsx";
import { Status } from "../ui/Status.tsx";
import { Cell, Table } from "../ui/Table.tsx";
import { paths } from "../util/paths.ts";
import css from "./jobs.module.css";

const route = getRouteApi("/signed-in/jobs");

/** What is protected, from where to where, does it work. */
export default function Jobs() {
	const { t } = useTranslation();
	const { q } = route.useSearch();
	const query = useQuery({ ...jobsQuery, refetchInterval: useFallbackInterval(10_000) });
	const add = (
		<ButtonLink to={paths.newJob()} variant="filled" leftSection={<Icon name="plus" />}>
			{t("jobs.new")}
		</ButtonLink>
	);
	const empty = query.data?.items.length === 0;
	return (
		<Page title={t("jobs.title")} name={t("jobs.title")} actions={empty ? undefined : add}>
			<QueryView query={query}>
				{(page) =>
					page.items.length === 0 ? (
						<Empty icon="jobs" title={t("jobs.emptyTitle")} action={add}>
							{t("jobs.emptyText")}
						</Empty>
					) : (
						<List jobs={page.items} search={q ?? ""} />
					)
				}
			</QueryView>
		</Page>
	);
}

function List({ jobs, search }: { jobs: readonly Job[]; search: string }) {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const wanted = search.toLowerCase();
	const shown = jobs
		.filter((job) => [job.name, job.agent.name, ...job.paths].some((text) => text.toLowerCase().includes(wanted)))
		.sort(byProblems);
	return (
		<>
			<TextInput
				className={css["search"] ?? ""}
				aria-label={t("jobs.search")}
				placeholder={t("jobs.search")}
				leftSection={<Icon name="search" />}
				value={search}
				onChange={(event) => {
					const q = event.currentTarget.value;
					void navigate({ ...paths.jobs(q === "" ? {} : { q }), replace: true });
				}}
			/>
			{shown.length === 0 ? (
				<Empty
					title={t("jobs.noMatch", { count: jobs.length })}
					action={<Button onClick={() => void navigate(paths.jobs())}>{t("agents.clear")}</Button>}
				>
					{t("jobs.noMatchText", { query: search })}
				</Empty>
			) : (
				<Table
					label={t("jobs.title")}
					head={[
						{ name: t("jobs.job") },
						{ name: t("jobs.fromTo"), hideBelow: "narrow" },
						{ name: t("jobs.schedule"), hideBelow: "narrow" },
						{ name: t("jobs.lastDays"), hideBelow: "narrow" },
						{ name: t("jobs.lastRun") },
						{ name: t("jobs.runNow"), silent: true, align: "right" },
					]}
				>
					{shown.map((job) => (
						<Row key={job.id} job={job} />
					))}
				</Table>
			)}
		</>
	);
}

function Row({ job }: { job: Job }) {
	const { t } = useTranslation();
	const format = useFormat();
	const words = useScheduleWords();
	const next = job.next_run_at
		? job.starts_when_back
			? t("schedule.whenBack")
			: t("schedule.nextAt", { time: format.moment(job.next_run_at) })
		: undefined;
	return (
		<tr>
			<Cell strong icon={<Icon name="file" />} second={<Source job={job} />}>
				<Link {...paths.job(job.id)}>{job.name}</Link>
			</Cell>
			<Cell hideBelow="narrow" second={job.vault.name}>
				{job.agent.name}
			</Cell>
			<Cell hideBelow="narrow" second={next}>
				{words(job.schedule)}
			</Cell>
			<Cell hideBelow="narrow">
				<DayStrip job={job} most={14} />
			</Cell>
			<LastRun job={job} />
			<td className={css["actions"]}>
				<RunNow job={job} compact />
			</td>
		</tr>
	);
}

function Source({ job }: { job: Job }) {
	const { t } = useTranslation();
	const first = job.paths[0];
	return (
		<>
			{t("jobs.kindFiles")}
			{", "}
			{job.paths.length === 1 && first !== undefined ? (
				<PathText path={first} />
			) : (
				t("common.pathsCount", { count: job.paths.length })
			)}
		</>
	);
}

function LastRun({ job }: { job: Job }) {
	const { t } = useTranslation();
	const format = useFormat();
	const rest = useRestWords();
	const run = job.active_run ?? job.last_run;
	if (!job.enabled) {
		return (
			<Cell>
				<Status status="disabled" />
			</Cell>
		);
	}
	if (run === null || run === undefined) {
		return <Cell second={t("jobs.neverRan")}>{t("common.none")}</Cell>;
	}
	const percent = run.progress.percent ?? undefined;
	const second =
		run.status === "running" ? rest(run.progress) : format.age(run.finished_at ?? run.started_at ?? run.created_at);
	return (
		<Cell second={second}>
			<Link {...paths.run(run.id)} className={css["status"]}>
				<Status status={runStatus(run)} percent={percent}>
					{run.status === "running" && percent !== undefined ? format.percent(percent, 0) : undefined}
				</Status>
			</Link>
		</Cell>
	);
}
