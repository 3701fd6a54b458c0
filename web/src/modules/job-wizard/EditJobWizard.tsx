import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { currentOf } from "../../api/errors.ts";
import { keys } from "../../api/keys.ts";
import { agentsQuery } from "../../api/queries/agents.ts";
import { changeJob } from "../../api/queries/jobs.ts";
import type { Job } from "../../api/types.ts";
import type { JobDraft } from "../../forms/job.ts";
import {
	beginEdit,
	editedFields,
	type ForeignChange,
	type JobField,
	jobFields,
	jobPatch,
	rebase,
} from "../../forms/job-edit.ts";
import type { JobStep } from "../../forms/job-steps.ts";
import { useDraft } from "../../hooks/use-draft.ts";
import { paths } from "../../util/paths.ts";
import { ForeignChanges } from "./ForeignChanges.tsx";
import { JobWizard } from "./JobWizard.tsx";
import { KeptPlaceStep } from "./KeptPlaceStep.tsx";
import { ReviewStep } from "./ReviewStep.tsx";
import type { StepAddress } from "./steps.ts";

/** Changes a job that is there, in the same steps. Only what was changed is sent, based on the version that was shown. */
export function EditJobWizard({ job, step, to }: { job: Job; step: JobStep; to: StepAddress }) {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const queries = useQueryClient();
	const start = beginEdit(job);
	const {
		draft: edit,
		change,
		clear,
	} = useDraft(
		`holdfast-edit-job-${job.id}`,
		start,
		(stored) => jobFields.every((field) => field in stored.draft) && editedFields(stored).length > 0,
	);
	const [theirs, setTheirs] = useState<readonly ForeignChange[] | undefined>();
	const agents = useQuery({ ...agentsQuery, refetchInterval: 10_000 });
	const changeDraft = (part: Partial<JobDraft>) => change({ draft: { ...edit.draft, ...part } });
	const save = useMutation({
		mutationFn: () => changeJob(job.id, edit.version, jobPatch(edit)),
		onMutate: () => setTheirs(undefined),
		onSuccess: async (changed) => {
			clear();
			queries.setQueryData(keys.job(job.id), changed);
			await queries.invalidateQueries({ queryKey: keys.jobs(), exact: true });
			await navigate(paths.job(job.id));
		},
		onError: (error) => {
			const current = currentOf<Job>(error);
			if (current === undefined) return;
			const merged = rebase(edit, current);
			queries.setQueryData(keys.job(job.id), current);
			change(merged.edit);
			setTheirs(merged.theirs);
		},
	});
	const take = (field: JobField) => {
		changeDraft({ [field]: edit.base[field] });
		setTheirs(theirs?.map((entry) => (entry.field === field ? { field, kept: false } : entry)));
	};
	const changed = editedFields(edit);
	const discard = () => {
		change(beginEdit(queries.getQueryData<Job>(keys.job(job.id)) ?? job));
		setTheirs(undefined);
		save.reset();
	};
	return (
		<JobWizard
			title={t("wizard.editJob")}
			note={edit.base.name}
			step={step}
			to={to}
			draft={edit.draft}
			change={changeDraft}
			agent={agents.data?.items.find((agent) => agent.id === job.agent.id)}
			owner={{ job_id: job.id }}
			place={{
				step: <KeptPlaceStep job={job} />,
				summary: `${job.agent.name} \u2192 ${job.vault.name}`,
				missing: undefined,
			}}
			review={
				<ReviewStep
					draft={edit.draft}
					change={changeDraft}
					suggestion=""
					agent={job.agent.name}
					vault={job.vault.name}
					before={edit.base}
					to={to}
					notice={
						theirs === undefined ? null : (
							<ForeignChanges changes={theirs} current={edit.base} mine={edit.draft} onTake={take} />
						)
					}
					error={theirs === undefined ? save.error : null}
				/>
			}
			open
			save={{
				label: save.isPending ? t("wizard.savingChanges") : t("wizard.saveChanges"),
				busy: save.isPending,
				missing:
					edit.draft.name.trim() === ""
						? t("wizard.needName")
						: changed.length === 0
							? t("wizard.nothingChanged")
							: undefined,
				run: () => save.mutate(),
			}}
			hint={
				changed.length === 0 ? undefined : (
					<Button variant="subtle" onClick={discard}>
						{t("wizard.discard")}
					</Button>
				)
			}
			onClose={() => void navigate(paths.job(job.id))}
		/>
	);
}
