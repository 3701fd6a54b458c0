import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { jobQuery } from "../api/queries/jobs.ts";
import { activeStatuses } from "../api/queries/runs.ts";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { Page } from "../modules/Page.tsx";
import { RunTable } from "../modules/RunTable.tsx";
import { Empty } from "../ui/Empty.tsx";
import { paths } from "../util/paths.ts";
import css from "./runs.module.css";

const route = getRouteApi("/signed-in/runs");

/** What ran, what failed. */
export default function Runs() {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const { status, job } = route.useSearch();
	const named = useQuery({ ...jobQuery(job ?? ""), enabled: job !== undefined });
	const filtered = status !== undefined || job !== undefined;
	const filter = {
		job,
		status: status === "active" ? activeStatuses.join(",") : status === "partial" ? "partial_success" : status,
	};
	return (
		<Page
			title={t("runs.title")}
			name={t("runs.title")}
			beside={
				named.data === undefined ? null : <span className="muted">{t("runs.ofJob", { job: named.data.name })}</span>
			}
		>
			<div className={css["filters"]}>
				<SegmentedControl
					aria-label={t("runs.filterStatus")}
					value={status ?? "all"}
					onChange={(value) =>
						void navigate(
							paths.runs({ ...(value === "all" ? {} : { status: value }), ...(job === undefined ? {} : { job }) }),
						)
					}
					data={[
						{ value: "all", label: t("common.all") },
						{ value: "active", label: t("runs.active") },
						{ value: "failed", label: t("runs.failed") },
						{ value: "partial", label: t("runs.partial") },
					]}
				/>
				{filtered ? <Link {...paths.runs()}>{t("runs.clear")}</Link> : null}
			</div>
			<RunTable
				filter={filter}
				empty={
					filtered ? (
						<Empty title={t("runs.noMatch")} action={<Link {...paths.runs()}>{t("runs.clear")}</Link>}>
							{t("runs.noMatchText")}
						</Empty>
					) : (
						<Empty
							icon="runs"
							title={t("runs.emptyTitle")}
							action={
								<ButtonLink to={paths.jobs()} variant="filled">
									{t("runs.emptyAction")}
								</ButtonLink>
							}
						>
							{t("runs.emptyText")}
						</Empty>
					)
				}
			/>
		</Page>
	);
}
