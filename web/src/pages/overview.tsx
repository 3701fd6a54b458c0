import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useFallbackInterval } from "../api/live.ts";
import { overviewQuery } from "../api/queries/overview.ts";
import type { Overview } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { AlertList } from "../modules/AlertList.tsx";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { DayStrip } from "../modules/DayStrip.tsx";
import { FirstSteps } from "../modules/FirstSteps.tsx";
import { Columns, Page, Section } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { RunningList } from "../modules/RunningList.tsx";
import { Icon } from "../ui/Icon.tsx";
import { KeyValues } from "../ui/KeyValues.tsx";
import { Status } from "../ui/Status.tsx";
import { StatusIcon } from "../ui/StatusIcon.tsx";
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

/** Alerts of the start page; the rest is behind a link. */
const alertsShown = 5;

function Attention({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	const format = useFormat();
	const all = <Link {...paths.alerts()}>{t("overview.allAlerts")}</Link>;
	const fresh = overview.alerts.filter((alert) => !alert.acknowledged_at);
	if (fresh.length === 0) {
		return (
			<Section title={t("overview.attention")} more={all}>
				<p className="muted">
					{overview.alerts.length === 0
						? t("overview.attentionNone", { time: format.clock(overview.checked_at) })
						: t("overview.attentionNoted", { count: overview.alerts.length })}
				</p>
			</Section>
		);
	}
	return (
		<Section title={t("overview.attention")} count={overview.alerts_open} more={all}>
			<AlertList alerts={fresh.slice(0, alertsShown)} />
		</Section>
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
