import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Navigate, useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { agentsQuery } from "../api/queries/agents.ts";
import { jobsQuery } from "../api/queries/jobs.ts";
import { pointQuery, startRestore } from "../api/queries/points.ts";
import type { Agent, Point } from "../api/types.ts";
import { isAbsolute } from "../forms/job.ts";
import { emptyRestore, restoreDraftKey, restoreRequest } from "../forms/restore.ts";
import { useDraft } from "../hooks/use-draft.ts";
import { useFormat } from "../hooks/use-format.ts";
import { QueryView } from "../modules/QueryView.tsx";
import { ReviewStep, RulesStep, WhatStep, WhereStep } from "../modules/RestoreSteps.tsx";
import { WizardSheet, type WizardStep } from "../modules/WizardSheet.tsx";
import { Icon } from "../ui/Icon.tsx";
import { paths } from "../util/paths.ts";

const route = getRouteApi("/signed-in/restore/new/$step");

const steps = ["what", "where", "rules", "review"] as const;
type Step = (typeof steps)[number];

/** Restore: what, where, rules, review; then the live page. */
export default function RestoreWizard() {
	const { step: wanted } = route.useParams();
	const { point: id } = route.useSearch();
	const point = useQuery({ ...pointQuery(id ?? ""), enabled: id !== undefined });
	const agents = useQuery({ ...agentsQuery, refetchInterval: 10_000 });
	const step = steps.find((known): known is Step => known === wanted);
	if (id === undefined) return <Navigate {...paths.restore()} replace />;
	if (step === undefined) return <Navigate {...paths.newRestore("what", id)} replace />;
	return (
		<QueryView query={point}>
			{(data) => <Wizard key={id} point={data} step={step} agents={agents.data?.items ?? []} />}
		</QueryView>
	);
}

function Wizard({ point, step, agents }: { point: Point; step: Step; agents: readonly Agent[] }) {
	const { t } = useTranslation();
	const format = useFormat();
	const navigate = useNavigate();
	const queries = useQueryClient();
	const { draft, change, clear } = useDraft(restoreDraftKey(point.id), emptyRestore);
	const jobs = useQuery(jobsQuery);
	const home = jobs.data?.items.find((job) => job.id === point.job?.id)?.agent.id;
	// Unless another one is chosen, the data goes back to the machine it came from.
	useEffect(() => {
		if (draft.agent === "" && home !== undefined) change({ agent: home });
	}, [draft.agent, home, change]);
	const agent = agents.find((entry) => entry.id === draft.agent);
	const start = useMutation({
		mutationFn: () => startRestore(restoreRequest(draft, point.id)),
		onSuccess: async (run) => {
			clear();
			queries.setQueryData(keys.run(run.id), run);
			await navigate(paths.run(run.id));
		},
	});
	const current = steps.indexOf(step);
	const files = format.files(point.files);
	const what = draft.everything
		? t("restore.itemsAll", { files, size: format.size(point.total_bytes) })
		: t("restore.itemsSome", { count: draft.items.length });
	const missing =
		!draft.everything && draft.items.length === 0
			? t("restore.needItems")
			: current >= 1 && agent === undefined
				? t("wizard.needMachine")
				: current >= 1 && !isAbsolute(draft.target.trim())
					? draft.target.trim() === ""
						? t("restore.needTarget")
						: t("restore.targetInvalid")
					: undefined;
	const list: WizardStep[] = [
		{
			name: t("restore.what"),
			summary: `${what}, ${format.fullMoment(point.time)}`,
			done: current > 0,
			to: paths.newRestore("what", point.id),
		},
		{
			name: t("restore.where"),
			summary: current > 1 && agent !== undefined ? `${agent.name}, ${draft.target}` : undefined,
			done: current > 1,
			to: paths.newRestore("where", point.id),
		},
		{
			name: t("restore.rules"),
			summary: current > 2 ? t(`restore.${draft.overwrite}`) : undefined,
			done: current > 2,
			to: paths.newRestore("rules", point.id),
		},
		{ name: t("restore.review"), done: false, to: paths.newRestore("review", point.id) },
	];
	const next = steps[current + 1];
	const previous = steps[current - 1];
	const inert = missing === undefined ? {} : { "data-disabled": true, "aria-disabled": true as const };
	const submit = draft.everything
		? t("restore.submitAll", { files, agent: agent?.name ?? "" })
		: t("restore.submitSome", { count: draft.items.length, agent: agent?.name ?? "" });
	return (
		<WizardSheet
			title={t("restore.title")}
			note={`${point.source}${point.job ? `, ${point.job.name}` : ""}`}
			steps={list}
			current={current}
			onClose={() => void navigate(paths.restore(point.job ? { source: point.job.id } : {}))}
			onBack={previous === undefined ? undefined : () => void navigate(paths.newRestore(previous, point.id))}
			hint={missing ?? (next === undefined ? t("restore.note") : t("wizard.draft"))}
			primary={
				next === undefined ? (
					<Button
						variant="filled"
						leftSection={<Icon name="restore" />}
						loading={start.isPending}
						{...inert}
						onClick={() => {
							if (missing === undefined) start.mutate();
						}}
					>
						{start.isPending ? t("restore.submitting") : submit}
					</Button>
				) : (
					<Button
						variant="filled"
						rightSection={<Icon name="right" />}
						{...inert}
						onClick={() => {
							if (missing === undefined) void navigate(paths.newRestore(next, point.id));
						}}
					>
						{t("wizard.continueTo", { step: t(`restore.${next}`) })}
					</Button>
				)
			}
		>
			{step === "what" ? <WhatStep draft={draft} change={change} point={point} /> : null}
			{step === "where" ? <WhereStep draft={draft} change={change} agents={agents} /> : null}
			{step === "rules" ? <RulesStep draft={draft} change={change} /> : null}
			{step === "review" ? (
				<ReviewStep draft={draft} point={point} agent={agent} what={what} error={start.error} />
			) : null}
		</WizardSheet>
	);
}
