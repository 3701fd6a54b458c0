import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { useFallbackInterval, useTopics } from "../api/live.ts";
import { isActive, runQuery } from "../api/queries/runs.ts";
import type { Run } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { ActionButton } from "../modules/ActionButton.tsx";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { Page, TrailLink } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { RunNow } from "../modules/RunNow.tsx";
import { ActiveRun } from "../modules/run/ActiveRun.tsx";
import { FinishedRun } from "../modules/run/FinishedRun.tsx";
import { runStatus } from "../modules/run-status.ts";
import { Icon } from "../ui/Icon.tsx";
import { Status } from "../ui/Status.tsx";
import { paths } from "../util/paths.ts";

const CancelDialog = lazy(() => import("../modules/run/CancelDialog.tsx"));
const route = getRouteApi("/signed-in/runs/$run");

/** Live while the run is active, its detail when it is over: the same address. */
export default function RunPage() {
	const { t } = useTranslation();
	const format = useFormat();
	const { run: id } = route.useParams();
	useTopics(`runs/${id}`);
	const pace = useFallbackInterval(2_500);
	const query = useQuery({
		...runQuery(id),
		refetchInterval: ({ state }) => (state.data !== undefined && !isActive(state.data.status) ? false : pace),
	});
	const run = query.data;
	useSettle(run);
	const job = run?.job?.name ?? t("runs.deletedJob");
	const restore = run?.type === "restore";
	const begin = run === undefined ? "" : format.fullMoment(run.started_at ?? run.created_at);
	const title = restore ? `${t("runs.restore")}, ${begin}` : begin;
	const percent = run?.progress.percent;
	const name =
		run !== undefined && isActive(run.status) && percent !== null && percent !== undefined
			? t("run.pageTitle", { percent: format.percent(percent, 0), job })
			: job;
	return (
		<Page
			title={run === undefined ? t("runs.title") : title}
			name={name}
			trail={
				<>
					<TrailLink to={paths.runs()}>{t("runs.title")}</TrailLink>
					{run?.job ? <TrailLink to={paths.job(run.job.id)}>{run.job.name}</TrailLink> : null}
				</>
			}
			beside={run === undefined ? null : <Status status={runStatus(run)} percent={percent ?? undefined} form="pill" />}
			actions={run === undefined ? null : <Actions run={run} />}
		>
			<QueryView query={query}>
				{(data) => (isActive(data.status) ? <ActiveRun run={data} /> : <FinishedRun run={data} />)}
			</QueryView>
		</Page>
	);
}

/** When the run ends while it is watched, everything that its result changes is fetched again. */
function useSettle(run: Run | undefined): void {
	const queries = useQueryClient();
	const active = run === undefined ? undefined : isActive(run.status);
	const before = useRef(active);
	useEffect(() => {
		if (before.current === true && active === false && run !== undefined) {
			void queries.invalidateQueries({ queryKey: keys.run(run.id) });
			for (const noun of ["jobs", "points", "vaults", "overview", "runs-list"]) {
				void queries.invalidateQueries({ queryKey: [noun] });
			}
		}
		before.current = active;
	}, [active, run, queries]);
}

function Actions({ run }: { run: Run }) {
	const { t } = useTranslation();
	const [asking, setAsking] = useState(false);
	if (isActive(run.status)) {
		return (
			<>
				{run.job ? (
					<ButtonLink to={paths.job(run.job.id)} variant="subtle" leftSection={<Icon name="link" />}>
						{t("run.openJob")}
					</ButtonLink>
				) : null}
				<ActionButton
					actions={
						run.cancel_requested ? [{ name: "cancel", allowed: false, reason: t("run.cancelRequested") }] : run.actions
					}
					name="cancel"
					variant="danger-outline"
					onClick={() => setAsking(true)}
				>
					{run.cancel_requested ? t("run.cancelRequested") : t("run.cancel")}
				</ActionButton>
				<Suspense fallback={null}>
					<CancelDialog run={run} opened={asking} onClose={() => setAsking(false)} />
				</Suspense>
			</>
		);
	}
	const again = run.actions.find((action) => action.name === "run_again");
	return (
		<>
			{run.job && run.type === "backup" && again !== undefined ? (
				<RunNow job={{ id: run.job.id, name: run.job.name, actions: [{ ...again, name: "run" }] }} />
			) : null}
			{run.point_id ? (
				<ButtonLink to={paths.newRestore("what", run.point_id)} variant="filled" leftSection={<Icon name="restore" />}>
					{t("run.restoreFrom")}
				</ButtonLink>
			) : null}
		</>
	);
}
