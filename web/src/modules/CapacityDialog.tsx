import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { setCapacity, vaultQuery } from "../api/queries/vaults.ts";
import type { Vault } from "../api/types.ts";
import { typedNumber } from "../forms/number.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ErrorText } from "../ui/ErrorText.tsx";
import { QueryView } from "./QueryView.tsx";

const gigabyte = 1e9;

/** Says how much a vault may hold, so that it can be told when it will be full. */
export default function CapacityDialog({ id, name, onClose }: { id: string; name: string; onClose: () => void }) {
	const { t } = useTranslation();
	const vault = useQuery(vaultQuery(id));
	return (
		<Modal
			opened
			onClose={onClose}
			title={t("growth.capacityTitle", { name })}
			closeButtonProps={{ "aria-label": t("common.close") }}
		>
			<QueryView query={vault}>{(data) => <Form vault={data} onClose={onClose} />}</QueryView>
		</Modal>
	);
}

function Form({ vault, onClose }: { vault: Vault; onClose: () => void }) {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const [text, setText] = useState(vault.quota_bytes ? String(vault.quota_bytes / gigabyte) : "");
	const size = typedNumber(text);
	const save = useMutation({
		mutationFn: () => setCapacity(vault, Math.round((size ?? 0) * gigabyte)),
		onSuccess: async (changed) => {
			queries.setQueryData(keys.vault(vault.id), changed);
			await Promise.all([
				queries.invalidateQueries({ queryKey: keys.overview() }),
				queries.invalidateQueries({ queryKey: keys.vaultUsage(vault.id) }),
			]);
			onClose();
		},
	});
	const send = (event: FormEvent) => {
		event.preventDefault();
		if (size !== null) save.mutate();
	};
	return (
		<form onSubmit={send}>
			<TextInput
				label={t("growth.capacityLabel")}
				description={t("growth.capacityHelp")}
				inputMode="decimal"
				data-autofocus
				value={text}
				error={size === null ? t("growth.capacityWrong") : undefined}
				onChange={(event) => setText(event.currentTarget.value)}
			/>
			{save.error === null ? null : <ErrorText words={words(save.error)} />}
			<Group justify="flex-end" gap="xs" mt="md">
				<Button onClick={onClose}>{t("common.cancel")}</Button>
				<Button type="submit" variant="filled" loading={save.isPending} disabled={size === null}>
					{t("growth.capacitySave")}
				</Button>
			</Group>
		</form>
	);
}
