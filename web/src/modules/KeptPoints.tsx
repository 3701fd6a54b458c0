import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { retentionPreviewQuery } from "../api/queries/jobs.ts";
import type { Job, PointMark } from "../api/types.ts";
import { rules } from "../forms/retention.ts";
import { useFormat } from "../hooks/use-format.ts";
import css from "./kept-points.module.css";

/** How many points of a job each rule of its retention keeps, a point counted once. */
export function KeptPoints({ job, points }: { job: Job; points: readonly PointMark[] }) {
	const { t } = useTranslation();
	const format = useFormat();
	const preview = useQuery({ ...retentionPreviewQuery(job.retention, { job_id: job.id }, 0), retry: false });
	// The rules stand in the order in which they let go.
	const longest = preview.data?.now.map((point) =>
		rules.findLast((rule) => point.rules.some((by) => by.rule === rule)),
	);
	const counts = rules.map((rule) => ({
		name: t(`retention.rule.${rule}`),
		count: longest?.filter((kept) => kept === rule).length ?? 0,
	}));
	const pinned = points.filter((point) => point.pinned).length;
	const rows = [...counts, { name: t("snapshots.pinned"), count: pinned }].filter(({ count }) => count > 0);
	if (rows.length === 0) return null;
	return (
		<section aria-label={t("snapshots.keptPoints")}>
			<h2 className={css["heading"]}>{t("snapshots.keptPoints")}</h2>
			<dl>
				{rows.map(({ name, count }) => (
					<div key={name} className={css["row"]}>
						<dt>{name}</dt>
						<dd className="num">{format.count(count)}</dd>
					</div>
				))}
			</dl>
		</section>
	);
}
