import { useTranslation } from "react-i18next";
import type { Run } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { useNow } from "../../hooks/use-now.ts";
import { serverRest, useRestWords } from "../../hooks/use-rest-words.ts";
import { Bar } from "../../ui/Bar.tsx";
import { type Figure, Figures } from "../../ui/Figures.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { PathText } from "../../ui/PathText.tsx";
import { restEstimate } from "../../util/estimate.ts";
import { stopwatch } from "../../util/format.ts";
import { useRunNames } from "../run-words.ts";
import css from "./active-run.module.css";
import { Events } from "./Events.tsx";
import { Funnel } from "./Funnel.tsx";
import { SpeedPanel } from "./SpeedPanel.tsx";
import { Stages } from "./Stages.tsx";
import { useSamples } from "./use-samples.ts";

/** No report for longer than this while running is said, seconds. */
const stalledAfter = 60;

/** A run that is not over: does it move, when is it done, what is it doing. */
export function ActiveRun({ run }: { run: Run }) {
	const { t } = useTranslation();
	const format = useFormat();
	const now = useNow(1_000);
	const samples = useSamples(run);
	const percent = run.progress.percent ?? undefined;
	const rest = restEstimate(samples, run.progress.bytes_total) ?? serverRest(run.progress);
	const restWords = useRestWords();
	const silent = run.progress.reported_at ? (now.getTime() - new Date(run.progress.reported_at).getTime()) / 1000 : 0;
	const stalled = run.status === "running" && silent > stalledAfter;
	const moving = run.status === "running" && !stalled && !run.cancel_requested;
	const begin = new Date(run.started_at ?? run.created_at);
	const { agent } = useRunNames()(run);
	const waiting = run.waiting_reason;
	const route = { agent, vault: run.vault.name, attempt: Math.max(1, run.attempt) };
	return (
		<>
			{run.status === "queued" ? (
				<div className={css["notice"]}>
					<Notice tone="neutral" icon="queued" title={t("run.queuedTitle", { agent })}>
						{waiting
							? t(`run.waiting.${waiting.code}`, {
									name: waiting.name ?? "",
									time: waiting.until ? format.moment(waiting.until) : "",
								})
							: t("run.queuedText")}
					</Notice>
				</div>
			) : null}
			{stalled ? (
				<div className={css["notice"]}>
					<Notice tone="warn" title={t("run.stalled", { time: format.duration(silent) })}>
						{run.given_up_in_seconds
							? t("run.stalledGiveUp", { time: format.duration(run.given_up_in_seconds) })
							: undefined}
					</Notice>
				</div>
			) : null}
			<div className={css["hero"]}>
				<span className={`${css["percent"]} num`} data-testid="percent">
					{percent === undefined
						? run.status === "queued"
							? t("status.queued")
							: t("run.counting")
						: format.percent(percent, 1)}
				</span>
				{run.status === "running" && percent !== undefined ? (
					<span className={css["rest"]}>
						{percent >= 100 ? t("run.finishing") : restWords(run.progress, rest)}{" "}
						{percent < 100 && rest !== undefined && rest.high >= 120 ? (
							<span className="faint">
								{t("run.doneBetween", {
									from: format.clock(now.getTime() + rest.low * 1000),
									to: format.clock(now.getTime() + rest.high * 1000),
								})}
							</span>
						) : null}
					</span>
				) : null}
				{percent === undefined && run.progress.objects_transferred ? (
					<span className={css["rest"]}>
						{t("run.filesSoFar", {
							count: run.progress.objects_transferred,
							formatted: format.count(run.progress.objects_transferred),
						})}
					</span>
				) : null}
				<span className={`${css["route"]} faint`}>
					{t(run.type === "restore" ? "run.restoreTo" : "run.fromTo", route)}
				</span>
			</div>
			<Bar form="hero" value={run.status === "queued" ? 0 : percent} label={t("run.progress")} moving={moving} />
			<Stages run={run} now={now} />
			<div className={css["columns"]}>
				<div>
					<Funnel run={run} />
					<div className={css["figures"]}>
						<Figures figures={figures()} />
					</div>
				</div>
				<SpeedPanel run={run} samples={samples} />
			</div>
			<p className={css["current"]}>
				<span className="muted">{t(run.type === "restore" ? "run.writingNow" : "run.readingNow")}</span>{" "}
				{run.progress.current_item ? (
					<PathText path={run.progress.current_item} />
				) : (
					<span className="faint">{t("run.nothingNow")}</span>
				)}
			</p>
			<Events run={run} active />
			<Announcements run={run} />
		</>
	);

	function figures(): Figure[] {
		const { objects_transferred: done, objects_total: total } = run.progress;
		const before = run.previous?.statistics.duration_seconds;
		return [
			{
				label: t(run.type === "restore" ? "run.filesWritten" : "run.filesRead"),
				value: format.count(done),
				note: total === null || total === undefined ? undefined : t("run.of", { total: format.count(total) }),
			},
			{
				label: t("run.skipped"),
				value: format.count(run.problem_count),
				tone: run.problem_count > 0 ? "warn" : undefined,
				note: run.problem_count > 0 ? t("run.skippedSome") : undefined,
			},
			{
				label: run.status === "queued" ? t("run.waitingFor") : t("run.runningFor"),
				value: stopwatch((now.getTime() - begin.getTime()) / 1000),
				note: before ? t("run.lastTime", { time: stopwatch(before) }) : undefined,
			},
		];
	}
}

/** Read out: the status, and each ten percent; not each tick. */
function Announcements({ run }: { run: Run }) {
	const { t } = useTranslation();
	const format = useFormat();
	const tens =
		run.progress.percent === null || run.progress.percent === undefined
			? 0
			: Math.floor(run.progress.percent / 10) * 10;
	return (
		<p className="visually-hidden" role="status">
			{t("run.announceStatus", { job: run.job?.name ?? t("runs.deletedJob"), status: t(`status.${run.status}`) })}
			{tens > 0 ? `. ${t("run.announcePercent", { percent: format.percent(tens, 0) })}` : ""}
		</p>
	);
}
