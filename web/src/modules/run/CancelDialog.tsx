import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { keys } from "../../api/keys.ts";
import { jobQuery } from "../../api/queries/jobs.ts";
import { cancelRun } from "../../api/queries/runs.ts";
import type { Run } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { useWording } from "../../hooks/use-wording.ts";
import { ConfirmDialog } from "../../ui/ConfirmDialog.tsx";
import { ErrorText } from "../../ui/ErrorText.tsx";

/** Asks before a run is cancelled: what is lost, what stays. */
export default function CancelDialog({ run, opened, onClose }: { run: Run; opened: boolean; onClose: () => void }) {
	const { t } = useTranslation();
	const format = useFormat();
	const words = useWording();
	const queries = useQueryClient();
	const restore = run.type === "restore";
	const job = useQuery({ ...jobQuery(run.job?.id ?? ""), enabled: opened && !restore && Boolean(run.job) });
	const cancel = useMutation({
		mutationFn: () => cancelRun(run.id),
		onSuccess: (changed) => {
			queries.setQueryData(keys.run(run.id), changed);
			onClose();
		},
	});
	const latest = job.data?.latest_point_at;
	const sent = run.progress.bytes_transferred ?? 0;
	const name = run.job?.name ?? t("runs.deletedJob");
	return (
		<ConfirmDialog
			opened={opened}
			onClose={onClose}
			title={restore ? t("run.cancelRestoreTitle") : t("run.cancelTitle", { job: name })}
			text={run.status === "queued" ? t("run.cancelQueuedText") : t("run.cancelText")}
			points={
				restore
					? [
							{ icon: "partial_success", text: t("run.cancelRestore1") },
							{ icon: "success", text: t("run.cancelRestore2") },
						]
					: [
							{ icon: "cancelled", text: t("run.cancelPoint1") },
							latest
								? { icon: "success", text: t("run.cancelPoint2", { time: format.fullMoment(latest) }) }
								: { icon: "partial_success", text: t("run.cancelPoint2None") },
							{
								icon: "success",
								text: sent > 0 ? t("run.cancelPoint3", { size: format.size(sent) }) : t("run.cancelPoint3None"),
							},
						]
			}
			keep={t("run.keepRunning")}
			confirm={t("run.cancelSubmit")}
			onConfirm={() => cancel.mutate()}
			busy={cancel.isPending}
			error={cancel.error === null ? null : <ErrorText words={words(cancel.error)} />}
		/>
	);
}
