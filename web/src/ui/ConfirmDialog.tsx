import { Button, Group, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import css from "./confirm-dialog.module.css";
import { StatusIcon, type StatusName } from "./StatusIcon.tsx";

/** Asks before something that destroys or interrupts: what will happen, what stays; the safe button has the focus. */
export function ConfirmDialog({
	opened,
	onClose,
	title,
	text,
	points,
	keep,
	confirm,
	onConfirm,
	busy,
	error,
}: {
	opened: boolean;
	onClose: () => void;
	title: string;
	text?: string;
	points: readonly { icon: StatusName; text: ReactNode }[];
	keep: string;
	confirm: string;
	onConfirm: () => void;
	busy: boolean;
	error?: ReactNode;
}) {
	return (
		<Modal opened={opened} onClose={onClose} title={title} size={480} withCloseButton={false}>
			{text === undefined ? null : <p className="muted">{text}</p>}
			<ul className={css["points"]}>
				{points.map((point, index) => (
					// biome-ignore lint/suspicious/noArrayIndexKey: the points of a dialog do not move
					<li key={index}>
						<StatusIcon status={point.icon} />
						<span>{point.text}</span>
					</li>
				))}
			</ul>
			{error}
			<Group justify="flex-end" gap="xs" mt="md">
				<Button data-autofocus onClick={onClose}>
					{keep}
				</Button>
				<Button variant="danger" onClick={onConfirm} loading={busy}>
					{confirm}
				</Button>
			</Group>
		</Modal>
	);
}
