import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { type ScheduleOwner, schedulePreviewQuery } from "../api/queries/jobs.ts";
import type { Schedule } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { fullMoment } from "../util/format.ts";
import css from "./next-runs.module.css";

/** The next ten runs that a schedule starts, in its own zone; the server reckons them. */
export function NextRuns({ schedule, owner }: { schedule: Schedule; owner: ScheduleOwner }) {
	const { t } = useTranslation();
	const format = useFormat();
	const query = useQuery({ ...schedulePreviewQuery(schedule, owner), placeholderData: keepPreviousData, retry: false });
	if (query.error !== null) return <p className="muted">{t("schedule.noPreview")}</p>;
	if (query.data === undefined) return <p className="muted">{t("common.loading")}</p>;
	const { zone, next_runs: runs } = query.data;
	if (runs.length === 0) return <p className="muted">{t("schedule.noRuns")}</p>;
	return (
		<>
			<ol className={css["runs"]} aria-label={t("schedule.next")}>
				{runs.map((run) => (
					<li key={run.due_at}>
						<span className="num">{fullMoment(format.language, new Date(run.start_at), zone)}</span>
						<span className={`${css["note"]} small`}>
							{run.clashes_with.length > 0
								? t("schedule.clash", { jobs: run.clashes_with.join(", ") })
								: run.moved
									? t("schedule.moved")
									: null}
						</span>
					</li>
				))}
			</ol>
			<p className="faint small">{t("schedule.zoneNote", { zone })}</p>
		</>
	);
}
