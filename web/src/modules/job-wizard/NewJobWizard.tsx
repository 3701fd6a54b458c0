import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { keys } from "../../api/keys.ts";
import { agentsQuery } from "../../api/queries/agents.ts";
import { createJob, startRun } from "../../api/queries/jobs.ts";
import { vaultsQuery } from "../../api/queries/vaults.ts";
import { type JobDraft, jobRequest, suggestedName } from "../../forms/job.ts";
import type { JobStep } from "../../forms/job-steps.ts";
import { useDraft } from "../../hooks/use-draft.ts";
import { paths } from "../../util/paths.ts";
import { JobWizard } from "./JobWizard.tsx";
import { PlaceStep } from "./PlaceStep.tsx";
import { ReviewStep } from "./ReviewStep.tsx";
import type { StepAddress } from "./steps.ts";

/** Makes a job, from nothing or from a copy. `draftKey` names where the draft is kept. */
export function NewJobWizard({
	title,
	draftKey,
	start,
	step,
	to,
	presetAgent,
}: {
	title: string;
	draftKey: string;
	start: JobDraft;
	step: JobStep;
	to: StepAddress;
	presetAgent?: string | undefined;
}) {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const queries = useQueryClient();
	const { draft, change, clear } = useDraft(draftKey, start);
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
	return (
		<JobWizard
			title={title}
			note={draft.name}
			step={step}
			to={to}
			draft={present}
			change={change}
			agent={agent}
			owner={agentId === "" ? {} : { agent_id: agentId }}
			place={{
				step: <PlaceStep draft={present} change={change} agents={agents} vaults={vaults} />,
				summary: agent === undefined || vault === undefined ? undefined : `${agent.name} \u2192 ${vault.name}`,
				missing:
					agent === undefined ? t("wizard.needMachine") : vault === undefined ? t("wizard.needVault") : undefined,
			}}
			review={
				<ReviewStep
					draft={present}
					change={change}
					suggestion={name}
					agent={agent?.name ?? ""}
					vault={vault?.name ?? ""}
					to={to}
					error={create.error}
				/>
			}
			open={false}
			save={{
				label: create.isPending ? t("wizard.saving") : draft.runFirst ? t("wizard.saveAndRun") : t("wizard.save"),
				busy: create.isPending,
				run: () => create.mutate(),
			}}
			hint={t("wizard.draft")}
			onLeave={() => change({ agent: agentId })}
			onClose={() => void navigate(paths.jobs())}
		/>
	);
}
