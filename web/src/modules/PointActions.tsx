import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { deletePoint, deletionPreviewQuery, pinPoint, unpinPoint } from "../api/queries/points.ts";
import type { DeletePointsResult, DeletionPreview, Point } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ConfirmDialog } from "../ui/ConfirmDialog.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { ActionMenu } from "./ActionMenu.tsx";

const noteLength = 100;

/** What else may be done with a restore point: pin it, unpin it, delete it. */
export function PointActions({
	point,
	newest = false,
}: {
	point: Point;
	/** Whether its job has no newer one. */
	newest?: boolean;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const words = useWording();
	const refresh = useRefresh();
	const [dialog, setDialog] = useState<"pin" | "delete">();
	const unpin = useMutation({ mutationFn: () => unpinPoint(point.id), onSettled: refresh });
	return (
		<>
			<ActionMenu
				label={t("points.menu", { time: format.longMoment(point.time) })}
				actions={point.actions}
				entries={[
					point.pinned
						? { name: "unpin", label: t("points.unpin"), run: () => unpin.mutate() }
						: { name: "pin", label: t("points.pin"), run: () => setDialog("pin") },
					{ name: "delete", label: t("points.delete"), danger: true, run: () => setDialog("delete") },
				]}
			/>
			{unpin.error === null ? null : <ErrorText words={words(unpin.error)} />}
			{dialog === "pin" ? <PinDialog point={point} onClose={() => setDialog(undefined)} /> : null}
			{dialog === "delete" ? <DeleteDialog point={point} newest={newest} onClose={() => setDialog(undefined)} /> : null}
		</>
	);
}

/** After a change everything that shows points is fetched again. */
function useRefresh() {
	const queries = useQueryClient();
	return () => Promise.all(["points", "jobs", "vaults"].map((noun) => queries.invalidateQueries({ queryKey: [noun] })));
}

function PinDialog({ point, onClose }: { point: Point; onClose: () => void }) {
	const { t } = useTranslation();
	const words = useWording();
	const refresh = useRefresh();
	const [note, setNote] = useState("");
	const pin = useMutation({
		mutationFn: () => pinPoint(point.id, note.trim()),
		onSettled: refresh,
		onSuccess: onClose,
	});
	const send = (event: FormEvent) => {
		event.preventDefault();
		pin.mutate();
	};
	return (
		<Modal
			opened
			onClose={onClose}
			title={t("points.pinTitle")}
			size={480}
			closeButtonProps={{ "aria-label": t("common.close") }}
		>
			<form onSubmit={send}>
				<TextInput
					data-autofocus
					label={t("points.note")}
					description={t("points.noteHelp")}
					maxLength={noteLength}
					value={note}
					onChange={(event) => setNote(event.currentTarget.value)}
				/>
				{pin.error === null ? null : <ErrorText words={words(pin.error)} />}
				<Group justify="flex-end" gap="xs" mt="md">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" variant="filled" loading={pin.isPending}>
						{t("points.pinSubmit")}
					</Button>
				</Group>
			</form>
		</Modal>
	);
}

/** Why a point stays, in words; `undefined` when it goes. */
function refusalOf(result: DeletePointsResult, point: Point) {
	if (result.deleted.includes(point.id) || result.missing.includes(point.id)) return undefined;
	return result.refused.find((refused) => refused.point === point.id)?.reason ?? "needed";
}

function DeleteDialog({ point, newest, onClose }: { point: Point; newest: boolean; onClose: () => void }) {
	const { t } = useTranslation();
	const format = useFormat();
	const words = useWording();
	const refresh = useRefresh();
	const preview = useQuery({ ...deletionPreviewQuery(point.id), retry: false });
	const remove = useMutation({
		mutationFn: () => deletePoint(point.id),
		onSettled: refresh,
		onSuccess: (result) => {
			if (refusalOf(result, point) === undefined) onClose();
		},
	});
	const stays = [remove.data, preview.data?.would]
		.filter((result) => result !== undefined)
		.map((result) => refusalOf(result, point))
		.find((reason) => reason !== undefined);
	return (
		<ConfirmDialog
			opened
			onClose={onClose}
			title={t("points.deleteTitle", { time: format.longMoment(point.time) })}
			points={[
				{
					icon: "failed",
					text: t("points.goes", { files: format.files(point.files), size: format.size(point.total_bytes) }),
				},
				...(newest ? [{ icon: "partial_success" as const, text: t("points.newest") }] : []),
				{ icon: "queued", text: <Freed preview={preview.data} failed={preview.isError} /> },
				{ icon: "success", text: t("points.othersStay") },
				...(stays === undefined ? [] : [{ icon: "partial_success" as const, text: t(`points.stays.${stays}`) }]),
			]}
			keep={t("points.keep")}
			confirm={t("points.deleteSubmit")}
			onConfirm={() => remove.mutate()}
			busy={remove.isPending}
			error={remove.error === null ? null : <ErrorText words={words(remove.error)} />}
		/>
	);
}

/** What a deletion frees, and when. */
function Freed({ preview, failed }: { preview: DeletionPreview | undefined; failed: boolean }) {
	const { t } = useTranslation();
	const format = useFormat();
	if (preview === undefined)
		return <span aria-live="polite">{t(failed ? "points.freedUnknown" : "points.reckoning")}</span>;
	const bytes = preview.at_most_bytes ?? undefined;
	const lock = preview.lock_seconds ?? undefined;
	return (
		<span aria-live="polite">
			{bytes === undefined ? t("points.freedUnknown") : t("points.freed", { size: format.size(bytes) })}{" "}
			{lock === undefined ? t("points.freedWhen") : t("points.freedLocked", { time: format.duration(lock) })}
		</span>
	);
}
