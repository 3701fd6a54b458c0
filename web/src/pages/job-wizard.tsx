import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Navigate, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { agentsQuery } from "../api/queries/agents.ts";
import { createJob, startRun } from "../api/queries/jobs.ts";
import { vaultsQuery } from "../api/queries/vaults.ts";
import { emptyJob, jobRequest, suggestedName } from "../forms/job.ts";
import { typedNumber } from "../forms/number.ts";
import { isComplete, scheduleRequest } from "../forms/schedule.ts";
import { useDraft } from "../hooks/use-draft.ts";
import { useScheduleWords } from "../hooks/use-schedule-words.ts";
import { OptionsStep, PlaceStep, ReviewStep, ScheduleStep, SourceStep } from "../modules/JobSteps.tsx";
import { WizardSheet, type WizardStep } from "../modules/WizardSheet.tsx";
import { Icon } from "../ui/Icon.tsx";
import { paths } from "../util/paths.ts";

const route = getRouteApi("/signed-in/jobs/new/$step");

const steps = ["place", "source", "schedule", "options", "review"] as const;
type Step = (typeof steps)[number];

/** New job: machine and vault, source, schedule, options, review. */
export default function JobWizard() {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const queries = useQueryClient();
	const { step: wanted } = route.useParams();
	const { agent: presetAgent } = route.useSearch();
	const scheduleWords = useScheduleWords();
	const { draft, change, clear } = useDraft("holdfast-new-job", emptyJob);
	const agents = useQuery({ ...agentsQuery, refetchInterval: 10_000 });
	const vaults = useQuery(vaultsQuery);
	const agentId = draft.agent === "" ? (presetAgent ?? "") : draft.agent;
	const agent = agents.data?.items.find((entry) => entry.id === agentId);
	const vault = vaults.data?.items.find((entry) => entry.id === draft.vault);
	const present = { ...draft, agent: agentId };
	const name = draft.name.trim() === "" ? suggestedName(draft, agent?.name ?? "") : draft.name.trim();

	const create = useMutation({
		mutationFn: async () => {
			const job = await createJob(jobRequest(present, name));
			return { job, run: draft.runFirst ? await startRun(job.id) : undefined };
		},
		onSuccess: async ({ job, run }) => {
			clear();
			await queries.invalidateQueries({ queryKey: keys.jobs() });
			await navigate(run === undefined ? paths.job(job.id) : paths.run(run.id));
		},
	});

	const step = steps.find((known): known is Step => known === wanted);
	if (step === undefined) return <Navigate {...paths.newJob()} replace />;
	const current = steps.indexOf(step);
	const scheduleFine = isComplete(draft.schedule);
	const optionsFine = typedNumber(draft.limit) !== null && typedNumber(draft.maxAge) !== null;
	const missing =
		agent === undefined
			? t("wizard.needMachine")
			: vault === undefined
				? t("wizard.needVault")
				: current >= 1 && draft.paths.length === 0
					? t("wizard.needPath")
					: current >= 2 && !scheduleFine
						? t("schedule.incomplete")
						: current >= 3 && !optionsFine
							? t("wizard.limitInvalid")
							: undefined;
	const list: WizardStep[] = [
		{
			name: t("wizard.place"),
			summary: agent === undefined || vault === undefined ? undefined : `${agent.name} \u2192 ${vault.name}`,
			done: agent !== undefined && vault !== undefined,
			to: paths.newJob("place"),
		},
		{
			name: t("wizard.source"),
			summary: draft.paths.length === 0 ? undefined : t("common.pathsCount", { count: draft.paths.length }),
			done: draft.paths.length > 0,
			to: paths.newJob("source"),
		},
		{
			name: t("wizard.schedule"),
			summary: current >= 2 && scheduleFine ? scheduleWords(scheduleRequest(draft.schedule)) : undefined,
			done: current > 2 && scheduleFine,
			to: paths.newJob("schedule"),
		},
		{ name: t("wizard.options"), done: current > 3, to: paths.newJob("options") },
		{ name: t("wizard.review"), done: false, to: paths.newJob("review") },
	];
	const next = steps[current + 1];
	const previous = steps[current - 1];
	const goOn = () => {
		if (missing !== undefined || next === undefined) return;
		change({ agent: agentId });
		void navigate(paths.newJob(next));
	};
	return (
		<WizardSheet
			title={t("wizard.newJob")}
			note={draft.name}
			steps={list}
			current={current}
			onClose={() => void navigate(paths.jobs())}
			onBack={previous === undefined ? undefined : () => void navigate(paths.newJob(previous))}
			hint={missing ?? t("wizard.draft")}
			primary={
				next === undefined ? (
					<Button
						variant="filled"
						loading={create.isPending}
						{...(missing === undefined ? {} : { "data-disabled": true, "aria-disabled": true })}
						onClick={() => {
							if (missing === undefined) create.mutate();
						}}
					>
						{create.isPending ? t("wizard.saving") : draft.runFirst ? t("wizard.saveAndRun") : t("wizard.save")}
					</Button>
				) : (
					<Button
						variant="filled"
						rightSection={<Icon name="right" />}
						{...(missing === undefined ? {} : { "data-disabled": true, "aria-disabled": true })}
						onClick={goOn}
					>
						{t("wizard.continueTo", { step: t(`wizard.${next}`) })}
					</Button>
				)
			}
		>
			{step === "place" ? <PlaceStep draft={present} change={change} agents={agents} vaults={vaults} /> : null}
			{step === "source" ? <SourceStep draft={present} change={change} agent={agent} /> : null}
			{step === "schedule" ? <ScheduleStep draft={present} change={change} /> : null}
			{step === "options" ? <OptionsStep draft={present} change={change} /> : null}
			{step === "review" ? (
				<ReviewStep draft={present} change={change} name={name} agent={agent} vault={vault} error={create.error} />
			) : null}
		</WizardSheet>
	);
}
