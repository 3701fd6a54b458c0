import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { failureWording } from "../api/errors.ts";
import { keys } from "../api/keys.ts";
import { useFallbackInterval } from "../api/live.ts";
import { changeJob, deleteJob, jobQuery } from "../api/queries/jobs.ts";
import { pointsQuery } from "../api/queries/points.ts";
import type { Job } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useRetentionWords } from "../hooks/use-retention-words.ts";
import { useScheduleConditions } from "../hooks/use-schedule-conditions.ts";
import { useScheduleWords } from "../hooks/use-schedule-words.ts";
import { useKnownTexts, useWording } from "../hooks/use-wording.ts";
import { ActionButton } from "../modules/ActionButton.tsx";
import { ActionMenu } from "../modules/ActionMenu.tsx";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { DayStrip } from "../modules/DayStrip.tsx";
import { RuleList } from "../modules/job-wizard/JobFieldValue.tsx";
import { NextRuns } from "../modules/NextRuns.tsx";
import { Columns, Page, Section, TrailLink } from "../modules/Page.tsx";
import { PointList } from "../modules/PointList.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import RetentionDialog from "../modules/RetentionDialog.tsx";
import { RunNow } from "../modules/RunNow.tsx";
import { RunningList } from "../modules/RunningList.tsx";
import { RunTable } from "../modules/RunTable.tsx";
import ScheduleDialog from "../modules/ScheduleDialog.tsx";
import { ConfirmDialog } from "../ui/ConfirmDialog.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Icon } from "../ui/Icon.tsx";
import { KeyValues } from "../ui/KeyValues.tsx";
import { Notice } from "../ui/Notice.tsx";
import { PathText } from "../ui/PathText.tsx";
import { Status } from "../ui/Status.tsx";
import { paths } from "../util/paths.ts";
import css from "./job.module.css";

const route = getRouteApi("/signed-in/jobs/$job");

/** One job: is it protected, what ran, what can be restored. */
export default function JobPage() {
	const { t } = useTranslation();
	const words = useWording();
	const { job: id } = route.useParams();
	const query = useQuery({ ...jobQuery(id), refetchInterval: useFallbackInterval(5_000) });
	const queries = useQueryClient();
	const navigate = useNavigate();
	const [deleting, setDeleting] = useState(false);
	const switchJob = useMutation({
		mutationFn: (job: Job) => changeJob(job.id, job.version, { enabled: !job.enabled }),
		onSuccess: (job) => queries.setQueryData(keys.job(id), job),
	});
	const remove = useMutation({
		mutationFn: deleteJob,
		onSuccess: async () => {
			await navigate(paths.jobs());
			queries.removeQueries({ queryKey: keys.job(id) });
			await queries.invalidateQueries({ queryKey: keys.jobs() });
		},
	});
	const job = query.data;
	return (
		<Page
			title={job?.name ?? t("jobs.job")}
			name={job?.name ?? t("jobs.job")}
			trail={<TrailLink to={paths.jobs()}>{t("jobs.title")}</TrailLink>}
			beside={job === undefined || job.enabled ? null : <Status status="disabled" form="pill" />}
			actions={
				job === undefined ? null : (
					<>
						<ActionMenu
							label={t("jobs.more", { name: job.name })}
							actions={job.actions}
							entries={[
								{ name: "update", label: t("jobs.duplicate"), run: () => void navigate(paths.duplicateJob(job.id)) },
								{
									name: "update",
									label: job.enabled ? t("jobs.disable") : t("jobs.enable"),
									run: () => switchJob.mutate(job),
								},
								{ name: "delete", label: t("jobs.delete"), danger: true, run: () => setDeleting(true) },
							]}
						/>
						<ActionButton actions={job.actions} name="update" onClick={() => void navigate(paths.editJob(job.id))}>
							{t("jobs.edit")}
						</ActionButton>
						<ButtonLink to={paths.restore({ source: job.id })} leftSection={<Icon name="restore" />}>
							{t("jobs.restore")}
						</ButtonLink>
						<RunNow job={job} variant="filled" />
					</>
				)
			}
		>
			{switchJob.error === null ? null : <ErrorText words={words(switchJob.error)} />}
			{job === undefined || job.enabled ? null : (
				<div className={css["disabled"]}>
					<Notice
						tone="neutral"
						icon="disabled"
						title={t("jobs.disabledTitle")}
						action={
							<ActionButton
								actions={job.actions}
								name="update"
								loading={switchJob.isPending}
								onClick={() => switchJob.mutate(job)}
							>
								{t("jobs.enable")}
							</ActionButton>
						}
					>
						{t("jobs.disabledText")}
					</Notice>
				</div>
			)}
			<QueryView query={query}>{(data) => <Content job={data} />}</QueryView>
			{job === undefined ? null : (
				<ConfirmDialog
					opened={deleting}
					onClose={() => setDeleting(false)}
					title={t("jobs.deleteTitle", { name: job.name })}
					points={[
						{ icon: "cancelled", text: t("jobs.deletePoint1") },
						{ icon: "cancelled", text: t("jobs.deletePoint3") },
						{
							icon: "success",
							text:
								job.points === 0
									? t("jobs.deletePointsNone")
									: t("jobs.deletePoint2", { count: job.points, vault: job.vault.name }),
						},
						{ icon: "success", text: t("jobs.deletePoint4") },
					]}
					keep={t("jobs.keep")}
					confirm={t("jobs.deleteSubmit")}
					onConfirm={() => remove.mutate(job)}
					busy={remove.isPending}
					error={remove.error === null ? null : <ErrorText words={words(remove.error)} />}
				/>
			)}
		</Page>
	);
}

function Content({ job }: { job: Job }) {
	const { t } = useTranslation();
	const points = useQuery(pointsQuery({ job: job.id }));
	return (
		<>
			<Verdict job={job} />
			<div className={css["strip"]}>
				<DayStrip job={job} />
			</div>
			<Columns
				main={
					<>
						{job.active_run ? (
							<Section title={t("overview.running")}>
								<RunningList runs={[job.active_run]} />
							</Section>
						) : null}
						<Section title={t("jobs.points")} count={job.points}>
							<QueryView query={points} rows={3}>
								{(page) =>
									page.items.length === 0 ? (
										<p className="muted">{t("jobs.pointsNone")}</p>
									) : (
										<PointList points={page.items.slice(0, 10)} />
									)
								}
							</QueryView>
						</Section>
						<Section title={t("jobs.runs")} more={<Link {...paths.runs({ job: job.id })}>{t("jobs.allRuns")}</Link>}>
							<RunTable filter={{ job: job.id }} most={10} />
						</Section>
					</>
				}
				side={<Settings job={job} />}
			/>
		</>
	);
}

function Verdict({ job }: { job: Job }) {
	const { t } = useTranslation();
	const format = useFormat();
	const latest = job.latest_point_at;
	if (!latest) {
		return (
			<Notice tone="neutral" icon="overdue" title={t("jobs.noPoint")}>
				{t("jobs.pointsNone")}
			</Notice>
		);
	}
	return (
		<Notice
			tone={job.protected ? "good" : "warn"}
			icon={job.protected ? "proven" : "overdue"}
			title={
				!job.protected
					? t("jobs.late")
					: job.max_age_seconds
						? t("jobs.protected")
						: t("jobs.noLimit", { time: format.moment(latest) })
			}
		>
			{t("jobs.pointAt", { time: format.fullMoment(latest), count: job.points })}
		</Notice>
	);
}

/** When it starts by itself, and the way to change that. */
function ScheduleSection({ job }: { job: Job }) {
	const { t } = useTranslation();
	const words = useScheduleWords();
	const [editing, setEditing] = useState(false);
	const { schedule } = job;
	const refused = job.offline_start_refused && schedule.type !== "manual";
	const conditions = useScheduleConditions()(schedule, job.offline_start && !refused);
	return (
		<Section
			title={t("jobs.schedule")}
			more={
				<ActionButton actions={job.actions} name="update" onClick={() => setEditing(true)}>
					{t("schedule.edit")}
				</ActionButton>
			}
		>
			<p className={css["schedule"]}>{words(schedule)}</p>
			{conditions.length === 0 ? null : (
				<ul className="muted">
					{conditions.map((condition) => (
						<li key={condition}>{condition}</li>
					))}
				</ul>
			)}
			{refused ? (
				<Notice tone="warn" title={t("schedule.offlineRefused")}>
					{t("schedule.offlineRefusedText")}
				</Notice>
			) : null}
			{schedule.type === "manual" ? null : job.enabled ? (
				<>
					<h3 className={css["next"]}>{t("schedule.next")}</h3>
					<NextRuns schedule={schedule} owner={{ job_id: job.id }} />
				</>
			) : (
				<p className="muted">{t("schedule.disabled")}</p>
			)}
			{editing ? <ScheduleDialog job={job} onClose={() => setEditing(false)} /> : null}
		</Section>
	);
}

/** How long its points are kept, what that did last, and the way to change it. */
function RetentionSection({ job }: { job: Job }) {
	const { t } = useTranslation();
	const format = useFormat();
	const known = useKnownTexts();
	const words = useRetentionWords();
	const [editing, setEditing] = useState(false);
	const applied = job.retention_applied;
	return (
		<Section
			title={t("retention.title")}
			more={
				<ActionButton actions={job.actions} name="update" onClick={() => setEditing(true)}>
					{t("retention.edit")}
				</ActionButton>
			}
		>
			<p className={css["schedule"]}>{words(job.retention)}</p>
			{applied?.failure ? (
				<ErrorText words={failureWording(applied.failure, known)} />
			) : (
				<p className="muted">
					{applied
						? t("retention.lastApplied", {
								time: format.moment(applied.at),
								count: applied.deleted,
								formatted: format.count(applied.deleted),
							})
						: t("retention.neverApplied")}
				</p>
			)}
			{editing ? <RetentionDialog job={job} onClose={() => setEditing(false)} /> : null}
		</Section>
	);
}

function Settings({ job }: { job: Job }) {
	const { t } = useTranslation();
	const format = useFormat();
	const limit = job.upload_limit_bytes_per_second;
	return (
		<>
			<ScheduleSection job={job} />
			<RetentionSection job={job} />
			<Section title={t("jobs.paths")} count={job.paths.length}>
				<ul>
					{job.paths.map((path) => (
						<li key={path}>
							<PathText path={path} wrap />
						</li>
					))}
				</ul>
			</Section>
			<Section title={t("jobs.settings")}>
				<KeyValues
					rows={[
						[
							t("jobs.agent"),
							<Link key="agent" {...paths.agent(job.agent.id)}>
								{job.agent.name}
							</Link>,
						],
						[
							t("jobs.vault"),
							<Link key="vault" {...paths.vault(job.vault.id)}>
								{job.vault.name}
							</Link>,
						],
						[t("jobs.compression"), t(`jobs.compressionName.${job.policy.compression ?? "zstd-default"}`)],
						[
							t("jobs.limit"),
							limit
								? t("jobs.limitValue", { speed: format.speed(limit), bits: format.bits(limit) })
								: t("jobs.limitNone"),
						],
						[
							t("jobs.parallelism"),
							job.policy.parallelism ? format.count(job.policy.parallelism) : t("jobs.parallelismAgent"),
						],
						[t("jobs.maxAge"), job.max_age_seconds ? format.duration(job.max_age_seconds) : t("jobs.maxAgeNone")],
						[
							t("jobs.leftOut"),
							<RuleList key="rules" rules={job.policy.ignore_rules ?? []} none={t("jobs.leftOutNone")} />,
						],
						...(job.policy.include_rules?.length
							? [[t("jobs.onlyTaken"), <RuleList key="only" rules={job.policy.include_rules} none="" />] as const]
							: []),
						...(job.policy.max_file_size_bytes
							? [[t("jobs.maxFileSize"), format.size(job.policy.max_file_size_bytes)] as const]
							: []),
						...(job.policy.one_file_system ? [[t("jobs.fileSystems"), t("jobs.oneFileSystem")] as const] : []),
					]}
				/>
			</Section>
		</>
	);
}
