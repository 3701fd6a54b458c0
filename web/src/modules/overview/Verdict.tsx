import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Overview } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { StatusIcon } from "../../ui/StatusIcon.tsx";
import { paths } from "../../util/paths.ts";
import css from "./verdict.module.css";

/** Jobs that are named; the strip below has them all. */
const named = 3;

/** Is everything protected: one sentence with numbers, and the exceptions. */
export function Verdict({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	const format = useFormat();
	const count = overview.jobs_total;
	const all = overview.jobs_protected === count;
	const behind = overview.jobs.filter((job) => job.enabled && !job.protected);
	const late = count - overview.jobs_protected;
	const restore = overview.last_restore;
	return (
		<div className={css["verdict"]}>
			<StatusIcon status={all ? "proven" : "overdue"} size={28} />
			<div>
				<p className={css["sentence"]}>
					{all
						? t("overview.verdictAll", { count })
						: t("overview.verdictSome", { count, protected: overview.jobs_protected })}
				</p>
				<p className="muted">
					{late > 0 ? <>{t("overview.behind", { count: late })} </> : null}
					{behind.slice(0, named).map((job) => (
						<span key={job.id}>
							<Link {...paths.job(job.id)}>
								{job.latest_point_at === null || job.latest_point_at === undefined
									? t("overview.noPointYet", { job: job.name })
									: t("overview.behindBy", { job: job.name, time: format.duration(job.late_by_seconds ?? 0) })}
							</Link>
							{". "}
						</span>
					))}
					{restore?.finished_at ? (
						<>
							{t("overview.provenRestore")} <Link {...paths.run(restore.id)}>{format.moment(restore.finished_at)}</Link>
							{"."}
						</>
					) : (
						t("overview.noRestore")
					)}
				</p>
			</div>
		</div>
	);
}
