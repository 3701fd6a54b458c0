import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Point } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { StatusIcon } from "../ui/StatusIcon.tsx";
import { Cell, Table } from "../ui/Table.tsx";
import { paths } from "../util/paths.ts";
import { PointActions } from "./PointActions.tsx";
import css from "./point-list.module.css";

/** Restore points with what may be done with each. */
export function PointList({ points, withJob = false }: { points: readonly Point[]; withJob?: boolean }) {
	const { t } = useTranslation();
	const format = useFormat();
	return (
		<Table
			label={t("jobs.points")}
			dense
			head={[
				{ name: t("common.time"), wide: true },
				{ name: t("common.files"), align: "right", hideBelow: "phone" },
				{ name: t("common.size"), align: "right" },
				{ name: t("snapshots.restore"), silent: true, align: "right" },
			]}
		>
			{points.map((point) => {
				const time = format.fullMoment(point.time);
				const job = point.job?.name ?? point.source;
				return (
					<tr key={point.id}>
						<Cell second={withJob ? `${job}, ${point.source}` : undefined}>
							<Link
								{...paths.snapshots({ point: point.id, ...(point.job ? { source: point.job.id } : {}) })}
								aria-label={`${t("restore.browse")}: ${job}, ${time}`}
							>
								{time}
							</Link>{" "}
							{point.problem_count > 0 ? (
								<StatusIcon
									status="partial_success"
									size={13}
									label={t("snapshots.missing", { count: point.problem_count })}
								/>
							) : null}
							{point.pinned ? (
								<span className="faint" title={point.pin_note ?? undefined}>
									{t("snapshots.pinned")}{" "}
								</span>
							) : null}
							{point.state === "present" ? null : <span className="faint">{t(`snapshots.${point.state}`)}</span>}
						</Cell>
						<Cell align="right" hideBelow="phone">
							{format.count(point.files)}
						</Cell>
						<Cell align="right">{format.size(point.total_bytes)}</Cell>
						<Cell align="right">
							{point.state === "gone" ? null : (
								<span className={css["actions"]}>
									<Link {...paths.newRestore("what", point.id)} aria-label={t("restore.chooseNamed", { job, time })}>
										{t("restore.choose")}
									</Link>
									<PointActions point={point} />
								</span>
							)}
						</Cell>
					</tr>
				);
			})}
		</Table>
	);
}
