import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { jobQuery } from "../api/queries/jobs.ts";
import { activeStatuses } from "../api/queries/runs.ts";
import { useFormat } from "../hooks/use-format.ts";
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
	const { status, job, from, to } = route.useSearch();
	const format = useFormat();
	const named = useQuery({ ...jobQuery(job ?? ""), enabled: job !== undefined });
	const filtered = [status, job, from, to].some((value) => value !== undefined);
	const limits = [from, to].filter(isDay).map((date) => format.day(date));
	const [first, last] = limits;
	const beside = [
		named.data === undefined ? undefined : t("runs.ofJob", { job: named.data.name }),
		first === undefined || last === undefined || first === last ? first : t("runs.between", { from: first, to: last }),
	].filter((part) => part !== undefined);
	const filter = {
		job,
		from,
		to,
		status: status === "active" ? activeStatuses.join(",") : status === "partial" ? "partial_success" : status,
	};
	return (
		<Page
			title={t("runs.title")}
			name={t("runs.title")}
			beside={beside.length === 0 ? null : <span className="muted">{beside.join(", ")}</span>}
		>
			<div className={css["filters"]}>
				<SegmentedControl
					aria-label={t("runs.filterStatus")}
					value={status ?? "all"}
					onChange={(value) =>
						void navigate(
							paths.runs({
								...(value === "all" ? {} : { status: value }),
								...(job === undefined ? {} : { job }),
								...(from === undefined ? {} : { from }),
								...(to === undefined ? {} : { to }),
							}),
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

/** Whether an address names a day that exists. */
const isDay = (date: string | undefined): date is string =>
	date !== undefined && !Number.isNaN(Date.parse(`${date}T00:00:00Z`));
