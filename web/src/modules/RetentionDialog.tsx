import { Button, Group, Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { changeJob } from "../api/queries/jobs.ts";
import type { Job } from "../api/types.ts";
import { isRetentionComplete, retentionDraft, retentionRequest } from "../forms/retention.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ErrorText } from "../ui/ErrorText.tsx";
import { RetentionFields } from "./RetentionFields.tsx";

/** Changes how long a job's restore points are kept. */
export default function RetentionDialog({ job, onClose }: { job: Job; onClose: () => void }) {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const [draft, setDraft] = useState(() => retentionDraft(job.retention));
	const save = useMutation({
		mutationFn: () => changeJob(job.id, job.version, { retention: retentionRequest(draft) }),
		onSuccess: async (changed) => {
			queries.setQueryData(keys.job(job.id), changed);
			await queries.invalidateQueries({ queryKey: keys.jobs(), exact: true });
			onClose();
		},
	});
	const complete = isRetentionComplete(draft);
	const send = (event: FormEvent) => {
		event.preventDefault();
		if (complete) save.mutate();
	};
	return (
		<Modal
			opened
			onClose={onClose}
			title={t("retention.editTitle", { name: job.name })}
			size={1080}
			closeButtonProps={{ "aria-label": t("common.close") }}
		>
			<form onSubmit={send}>
				<RetentionFields draft={draft} change={setDraft} owner={{ job_id: job.id }} />
				{save.error === null ? null : <ErrorText words={words(save.error)} />}
				<Group justify="flex-end" gap="xs" mt="md">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" variant="filled" loading={save.isPending} disabled={!complete}>
						{t("retention.save")}
					</Button>
				</Group>
			</form>
		</Modal>
	);
}
