import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useFallbackInterval } from "../api/live.ts";
import { startRun } from "../api/queries/jobs.ts";
import { overviewQuery } from "../api/queries/overview.ts";
import type { Alert, Overview } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { DayStrip } from "../modules/DayStrip.tsx";
import { FirstSteps } from "../modules/FirstSteps.tsx";
import { Columns, Page, Section } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { RunningList } from "../modules/RunningList.tsx";
import { Icon } from "../ui/Icon.tsx";
import { KeyValues } from "../ui/KeyValues.tsx";
import { Status } from "../ui/Status.tsx";
import { StatusIcon, type StatusName } from "../ui/StatusIcon.tsx";
import { type CellKind, StripCell } from "../ui/Strip.tsx";
import { Cell, Table } from "../ui/Table.tsx";
import { paths } from "../util/paths.ts";
import css from "./overview.module.css";

const legend: readonly CellKind[] = [
	"success",
	"partial_success",
	"failed",
	"missed",
	"cancelled",
	"running",
	"nothing_due",
];

/** Is everything protected, what must be done, what is running. */
export default function OverviewPage() {
	const { t } = useTranslation();
	const query = useQuery({ ...overviewQuery, refetchInterval: useFallbackInterval(10_000) });
	return (
		<Page
			title={t("overview.title")}
			name={t("overview.title")}
			actions={
				<>
					<ButtonLink to={paths.restore()} leftSection={<Icon name="restore" />}>
						{t("overview.restore")}
					</ButtonLink>
					<ButtonLink to={paths.newJob()} variant="filled" leftSection={<Icon name="plus" />}>
						{t("overview.newJob")}
					</ButtonLink>
				</>
			}
		>
			<QueryView query={query}>{(overview) => <Content overview={overview} />}</QueryView>
		</Page>
	);
}

function Content({ overview }: { overview: Overview }) {
	if (overview.jobs_total === 0 && overview.jobs.length === 0) return <FirstSteps overview={overview} />;
	return (
		<>
			<Verdict overview={overview} />
			<Columns
				main={
					<>
						<Attention overview={overview} />
						<LastDays overview={overview} />
					</>
				}
				side={
					<>
						<Running overview={overview} />
						<Storage overview={overview} />
						<Proof overview={overview} />
					</>
				}
			/>
		</>
	);
}

function Verdict({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	const format = useFormat();
	const all = overview.jobs_protected === overview.jobs_total;
	const behind = overview.jobs.filter((job) => job.enabled && !job.protected);
	return (
		<div className={css["verdict"]}>
			<StatusIcon status={all ? "proven" : "overdue"} size={28} />
			<div>
				<p className={css["sentence"]}>
					{all
						? t("overview.verdictAll", { count: overview.jobs_total })
						: t("overview.verdictSome", { count: overview.jobs_total, protected: overview.jobs_protected })}
				</p>
				<p className="muted">
					{behind.length > 0 ? <>{t("overview.behind", { count: behind.length })} </> : null}
					{behind.slice(0, 3).map((job) => (
						<span key={job.id}>
							<Link {...paths.job(job.id)}>
								{job.latest_point_at === null || job.latest_point_at === undefined
									? t("overview.noPointYet", { job: job.name })
									: t("overview.behindBy", { job: job.name, time: format.duration(job.late_by_seconds ?? 0) })}
							</Link>
							{". "}
						</span>
					))}
					{overview.last_restore?.finished_at
						? t("overview.provenRestore", { time: format.moment(overview.last_restore.finished_at) })
						: t("overview.noRestore")}
				</p>
			</div>
		</div>
	);
}

function Attention({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	const format = useFormat();
	if (overview.alerts.length === 0) {
		return (
			<Section title={t("overview.attention")}>
				<p className="muted">{t("overview.attentionNone", { time: format.clock(overview.checked_at) })}</p>
			</Section>
		);
	}
	return (
		<Section title={t("overview.attention")} count={overview.alerts.length}>
			<ul className={css["alerts"]}>
				{overview.alerts.map((alert, index) => (
					<AlertRow key={`${alert.kind} ${alert.object_id}`} alert={alert} first={index === 0} />
				))}
			</ul>
		</Section>
	);
}

const alertWords = [
	"run_failed",
	"files_skipped",
	"run_missed",
	"agent_unreachable",
	"agent_cloned",
	"vault_not_ready",
	"job_late",
	"kit_not_shown",
] as const;

/** Alerts whose icon is not that of their severity. */
const alertIcons: Readonly<Record<string, StatusName>> = { agent_unreachable: "unreachable", run_missed: "missed" };

type AlertWord = (typeof alertWords)[number];

function AlertRow({ alert, first }: { alert: Alert; first: boolean }) {
	const { t, i18n } = useTranslation();
	const format = useFormat();
	const known = alertWords.find((word): word is AlertWord => word === alert.kind);
	// The server's own sentence says more, but only in English.
	const title =
		i18n.language === "en" || known === undefined ? alert.title : t(`alert.${known}`, { name: alert.object_name });
	const icon = alertIcons[alert.kind] ?? (alert.severity === "bad" ? "failed" : "partial_success");
	return (
		<li className={css["alert"]}>
			<StatusIcon status={icon} label={t(`status.${icon}`)} />
			<div className={css["alertText"]}>
				<p className={css["alertTitle"]}>{title}</p>
				{alert.detail ? <p className="muted">{alert.detail}</p> : null}
			</div>
			<span className={`${css["age"]} faint small`}>{format.age(alert.opened_at)}</span>
			<AlertButton alert={alert} filled={first} />
		</li>
	);
}

function AlertButton({ alert, filled }: { alert: Alert; filled: boolean }) {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const queries = useQueryClient();
	const run = useMutation({
		mutationFn: () => startRun(alert.object_id),
		onSuccess: async (started) => {
			await queries.invalidateQueries({ queryKey: ["overview"] });
			await navigate(paths.run(started.id));
		},
	});
	const variant = filled ? "filled" : "default";
	if (alert.action === "run_now") {
		return (
			<Button variant={variant} loading={run.isPending} onClick={() => run.mutate()}>
				{t("alert.run_now")}
			</Button>
		);
	}
	const target = (() => {
		if (alert.action === "open_run" && alert.run_id) return { to: paths.run(alert.run_id), words: t("alert.open_run") };
		if (alert.object_type === "agents") return { to: paths.agent(alert.object_id), words: t("alert.open_agent") };
		if (alert.action === "download_kit") return { to: paths.vault(alert.object_id), words: t("alert.download_kit") };
		if (alert.object_type === "vaults") return { to: paths.vault(alert.object_id), words: t("alert.open_vault") };
		if (alert.object_type === "runs") return { to: paths.run(alert.object_id), words: t("alert.open_run") };
		return { to: paths.job(alert.object_id), words: t("alert.open_job") };
	})();
	return (
		<ButtonLink to={target.to} variant={variant}>
			{target.words}
		</ButtonLink>
	);
}

function LastDays({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	const format = useFormat();
	const days = overview.jobs[0]?.days.length ?? 21;
	return (
		<Section
			title={t("overview.strip", { count: days })}
			count={t("common.jobsCount", { count: overview.jobs.length })}
		>
			<div className={css["scroll"]}>
				<Table
					label={t("overview.strip", { count: days })}
					dense
					head={[
						{ name: t("overview.job"), wide: true },
						{ name: t("overview.strip", { count: days }), silent: true },
						{ name: t("overview.latestPoint"), align: "right", hideBelow: "phone" },
					]}
				>
					{overview.jobs.map((job) => (
						<tr key={job.id}>
							<Cell second={undefined}>
								<Link {...paths.job(job.id)} className={css["job"]}>
									{job.name}
								</Link>{" "}
								<span className="faint small">{job.agent.name}</span>
							</Cell>
							<Cell>
								<DayStrip job={job.name} days={job.days} />
							</Cell>
							<Cell
								align="right"
								hideBelow="phone"
								strong={!job.protected}
								second={
									job.next_run_at
										? job.starts_when_back
											? t("schedule.whenBack")
											: t("schedule.nextAt", { time: format.moment(job.next_run_at) })
										: undefined
								}
							>
								{job.latest_point_at ? format.moment(job.latest_point_at) : t("common.never")}
							</Cell>
						</tr>
					))}
				</Table>
			</div>
			<ul className={css["legend"]} aria-label={t("overview.legend")}>
				{legend.map((kind) => (
					<li key={kind}>
						<StripCell kind={kind} /> {kind === "nothing_due" ? t("strip.nothing") : t(`status.${kind}`)}
					</li>
				))}
			</ul>
		</Section>
	);
}

function Running({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	return (
		<Section
			title={t("overview.running")}
			count={overview.active_runs.length > 0 ? overview.active_runs.length : undefined}
			more={<Link {...paths.runs()}>{t("overview.allRuns")}</Link>}
		>
			{overview.active_runs.length === 0 ? (
				<p className="muted">{t("overview.runningNone")}</p>
			) : (
				<RunningList runs={overview.active_runs} />
			)}
		</Section>
	);
}

function Storage({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	const format = useFormat();
	return (
		<Section title={t("overview.storage")} more={<Link {...paths.vaults()}>{t("nav.vaults")}</Link>}>
			{overview.vaults.length === 0 ? <p className="muted">{t("overview.storageNone")}</p> : null}
			<ul className={css["vaults"]}>
				{overview.vaults.map((vault) => {
					const stored = format.sizeParts(vault.stored_bytes);
					return (
						<li key={vault.id}>
							<p>
								<span className={`${css["figure"]} num`}>
									{stored.value} {stored.unit}
								</span>{" "}
								<Link {...paths.vault(vault.id)}>{vault.name}</Link>
							</p>
							<p className="faint small">
								{t("overview.storageLine", {
									stored: format.size(vault.stored_bytes),
									protected: format.size(vault.protected_bytes),
								})}
								{", "}
								{t("overview.storagePoints", { count: vault.points })}
							</p>
						</li>
					);
				})}
			</ul>
		</Section>
	);
}

function Proof({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	const format = useFormat();
	const last = overview.last_restore;
	return (
		<Section title={t("overview.proof")}>
			<KeyValues
				rows={[
					[
						t("overview.proofFiles"),
						last?.finished_at ? (
							<Link key="last" {...paths.run(last.id)}>
								{format.moment(last.finished_at)}
							</Link>
						) : (
							t("common.notYet")
						),
					],
				]}
			/>
			{last?.finished_at ? <Status status="proven" /> : <Status status="overdue" />}
		</Section>
	);
}
