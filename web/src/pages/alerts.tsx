import { Button, SegmentedControl } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useFallbackInterval, useTopics } from "../api/live.ts";
import { acknowledgeAlert, alertsQuery } from "../api/queries/alerts.ts";
import type { Alert } from "../api/types.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ActionButton } from "../modules/ActionButton.tsx";
import { AlertList } from "../modules/AlertList.tsx";
import { Page, TrailLink } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { Empty } from "../ui/Empty.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { paths } from "../util/paths.ts";
import css from "./runs.module.css";

const route = getRouteApi("/signed-in/alerts");

const severities = ["bad", "warning", "info"] as const;

/** What needs somebody, and what did. */
export default function Alerts() {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const search = route.useSearch();
	const state = search.state === "closed" ? "closed" : "open";
	const severity = severities.find((word) => word === search.severity);
	useTopics("alerts");
	const query = useInfiniteQuery({ ...alertsQuery({ state, severity }), refetchInterval: useFallbackInterval(10_000) });
	const go = (next: { state?: string; severity?: string | undefined }) =>
		void navigate(
			paths.alerts({
				...((next.state ?? state) === "closed" ? { state: "closed" } : {}),
				...(next.severity === undefined ? {} : { severity: next.severity }),
			}),
		);
	return (
		<Page
			title={t("alerts.title")}
			name={t("alerts.title")}
			trail={<TrailLink to={paths.overview()}>{t("nav.overview")}</TrailLink>}
		>
			<div className={css["filters"]}>
				<SegmentedControl
					aria-label={t("alerts.filterState")}
					value={state}
					onChange={(value) => go({ state: value, severity })}
					data={[
						{ value: "open", label: t("alerts.open") },
						{ value: "closed", label: t("alerts.closed") },
					]}
				/>
				<SegmentedControl
					aria-label={t("alerts.filterSeverity")}
					value={severity ?? "all"}
					onChange={(value) => go({ severity: value === "all" ? undefined : value })}
					data={[
						{ value: "all", label: t("common.all") },
						...severities.map((word) => ({ value: word, label: t(`alert.severity.${word}`) })),
					]}
				/>
			</div>
			<QueryView query={query}>
				{(data) => {
					const alerts = data.pages.flatMap((page) => page.items);
					if (alerts.length === 0) {
						return severity === undefined ? (
							<Empty title={t(state === "open" ? "alerts.noneOpen" : "alerts.noneClosed")}>
								{t("alerts.noneText")}
							</Empty>
						) : (
							<Empty
								title={t("alerts.noMatch")}
								action={<Link {...paths.alerts(state === "closed" ? { state } : {})}>{t("runs.clear")}</Link>}
							>
								{t("alerts.noMatchText")}
							</Empty>
						);
					}
					return (
						<>
							<AlertList alerts={sorted(alerts, state)} beside={(alert) => <TakeNote alert={alert} />} />
							{query.hasNextPage ? (
								<Button mt="md" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
									{t("common.loadMore")}
								</Button>
							) : null}
						</>
					);
				}}
			</QueryView>
		</Page>
	);
}

/** Open ones as on the overview: what nobody took note of first, then the worst, then the oldest. */
function sorted(alerts: readonly Alert[], state: "open" | "closed"): readonly Alert[] {
	if (state === "closed") return alerts;
	const order = (alert: Alert) => (alert.acknowledged_at ? 10 : 0) + severities.indexOf(alert.severity);
	return alerts.toSorted((a, b) => order(a) - order(b) || a.since.localeCompare(b.since));
}

function TakeNote({ alert }: { alert: Alert }) {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const take = useMutation({
		mutationFn: () => acknowledgeAlert(alert.id),
		onSuccess: () =>
			Promise.all([
				queries.invalidateQueries({ queryKey: ["alerts"] }),
				queries.invalidateQueries({ queryKey: ["overview"] }),
			]),
	});
	if (alert.acknowledged_at) return null;
	return (
		<>
			<ActionButton actions={alert.actions} name="acknowledge" loading={take.isPending} onClick={() => take.mutate()}>
				{t("alert.acknowledge")}
			</ActionButton>
			{take.error === null ? null : <ErrorText words={words(take.error)} />}
		</>
	);
}
