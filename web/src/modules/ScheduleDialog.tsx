import { Button, Group, Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { changeJob } from "../api/queries/jobs.ts";
import type { Job } from "../api/types.ts";
import { isComplete, scheduleDraft, scheduleRequest } from "../forms/schedule.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ErrorText } from "../ui/ErrorText.tsx";
import { ScheduleFields } from "./ScheduleFields.tsx";

/** Changes when a job starts by itself. */
export default function ScheduleDialog({ job, onClose }: { job: Job; onClose: () => void }) {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const [draft, setDraft] = useState(() => scheduleDraft(job.schedule, job.offline_start));
	const save = useMutation({
		mutationFn: () =>
			changeJob(job.id, job.version, {
				schedule: scheduleRequest(draft),
				offline_start: draft.type !== "manual" && draft.offlineStart,
			}),
		onSuccess: async (changed) => {
			queries.setQueryData(keys.job(job.id), changed);
			await queries.invalidateQueries({ queryKey: keys.jobs(), exact: true });
			onClose();
		},
	});
	const complete = isComplete(draft);
	const send = (event: FormEvent) => {
		event.preventDefault();
		if (complete) save.mutate();
	};
	return (
		<Modal
			opened
			onClose={onClose}
			title={t("schedule.editTitle", { name: job.name })}
			size={900}
			closeButtonProps={{ "aria-label": t("common.close") }}
		>
			<form onSubmit={send}>
				<ScheduleFields
					draft={draft}
					change={(part) => setDraft((present) => ({ ...present, ...part }))}
					owner={{ job_id: job.id }}
				/>
				{save.error === null ? null : <ErrorText words={words(save.error)} />}
				<Group justify="flex-end" gap="xs" mt="md">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" variant="filled" loading={save.isPending} disabled={!complete}>
						{t("schedule.save")}
					</Button>
				</Group>
			</form>
		</Modal>
	);
}
