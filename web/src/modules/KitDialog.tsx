import { Button, Checkbox, Group, Modal, PasswordInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { showKit } from "../api/queries/vaults.ts";
import type { RecoveryKit, Vault } from "../api/types.ts";
import { useWording } from "../hooks/use-wording.ts";
import { CommandBlock } from "../ui/CommandBlock.tsx";
import { CopyButton } from "../ui/CopyButton.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { KeyValues } from "../ui/KeyValues.tsx";
import css from "./kit-dialog.module.css";

/** Shows the recovery kit after the reader's own password was asked again. */
export default function KitDialog({ vault, onClose }: { vault: Vault; onClose: () => void }) {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const [password, setPassword] = useState("");
	const [storageKeys, setStorageKeys] = useState(false);
	const show = useMutation({
		mutationFn: () => showKit(vault.id, password, storageKeys),
		onSuccess: () => queries.invalidateQueries({ queryKey: keys.vault(vault.id) }),
		gcTime: 0,
	});
	const send = (event: FormEvent) => {
		event.preventDefault();
		show.mutate();
	};
	return (
		<Modal
			opened
			onClose={onClose}
			title={t("vaults.kitTitle", { name: vault.name })}
			size={640}
			closeButtonProps={{ "aria-label": t("common.close") }}
		>
			{show.data === undefined ? (
				<form onSubmit={send} className={css["form"]}>
					<p className="muted">{t("vaults.kitAsk")}</p>
					<PasswordInput
						data-autofocus
						label={t("vaults.kitPassword")}
						autoComplete="current-password"
						required
						withAsterisk={false}
						visibilityToggleButtonProps={{ "aria-label": t("common.showPassword") }}
						value={password}
						onChange={(event) => setPassword(event.currentTarget.value)}
					/>
					{vault.storage.kind === "s3" ? (
						<Checkbox
							label={t("vaults.kitKeys")}
							checked={storageKeys}
							onChange={(event) => setStorageKeys(event.currentTarget.checked)}
						/>
					) : null}
					{show.error === null ? null : <ErrorText words={words(show.error)} />}
					<Group justify="flex-end" gap="xs">
						<Button onClick={onClose}>{t("common.cancel")}</Button>
						<Button type="submit" variant="filled" loading={show.isPending}>
							{t("vaults.kitSubmit")}
						</Button>
					</Group>
				</form>
			) : (
				<Kit kit={show.data} />
			)}
		</Modal>
	);
}

function Kit({ kit }: { kit: RecoveryKit }) {
	const { t } = useTranslation();
	const { storage } = kit;
	const rows: [string, string][] =
		storage.kind === "s3"
			? [
					[t("vaults.endpoint"), storage.endpoint],
					[t("vaults.bucket"), storage.bucket],
					[t("vaults.prefix"), storage.prefix],
					[t("vaults.accessKey"), storage.access_key_id],
				]
			: [
					[t("vaults.machine"), storage.agent.name],
					[t("vaults.path"), storage.path],
				];
	rows.push([t("vaults.kitVaultPassword"), kit.repository_password]);
	if (kit.secret_access_key) rows.push([t("vaults.kitSecret"), kit.secret_access_key]);
	const text = [
		`${t("vaults.kitTitle", { name: kit.vault })}\n${kit.made_at}\n`,
		...rows.map(([label, value]) => `${label}: ${value}`),
		"",
		...kit.commands,
		"",
	].join("\n");
	const download = () => {
		const link = document.createElement("a");
		link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
		link.download = `recovery-kit-${kit.vault.replace(/[^\w.-]+/g, "-")}.txt`;
		link.click();
		URL.revokeObjectURL(link.href);
	};
	return (
		<div className={css["form"]}>
			<KeyValues
				rows={rows.map(
					([label, value]) =>
						[
							label,
							<span key={label} className="mono">
								{value}
							</span>,
						] as const,
				)}
			/>
			<h3>{t("vaults.kitCommands")}</h3>
			{kit.commands.map((command) => (
				<CommandBlock key={command} command={command} />
			))}
			<Group justify="flex-end" gap="xs">
				<CopyButton text={text} label={t("common.copy")} />
				<Button variant="filled" data-autofocus onClick={download}>
					{t("vaults.kitDownload")}
				</Button>
			</Group>
		</div>
	);
}
