import { useTranslation } from "react-i18next";
import type { Vault } from "../api/types.ts";
import { StatusIcon, type StatusName } from "../ui/StatusIcon.tsx";
import css from "./vault-place.module.css";

/** Where a vault's data lies, in one line. */
export function useVaultPlace(): (vault: Vault) => string {
	const { t } = useTranslation();
	return ({ storage }) => {
		if (storage.kind === "directory") return t("vaults.directory", { agent: storage.agent.name });
		if (storage.prefix === "") return t("vaults.s3", { bucket: storage.bucket });
		return t("vaults.s3Prefix", { bucket: storage.bucket, prefix: storage.prefix });
	};
}

/** Whether the vault's storage is there. */
export function VaultState({ vault }: { vault: Pick<Vault, "state" | "failure"> }) {
	const { t } = useTranslation();
	const failed = vault.failure !== null && vault.failure !== undefined && vault.state !== "ready";
	const icon: StatusName = failed
		? "failed"
		: vault.state === "ready"
			? "success"
			: vault.state === "creating"
				? "starting"
				: "queued";
	if (icon === "failed") {
		return (
			<span className={css["state"]}>
				<StatusIcon status="failed" /> {t("vaults.state.failed")}
			</span>
		);
	}
	return (
		<span className={css["state"]}>
			<StatusIcon status={icon} /> {t(`vaults.state.${vault.state}`)}
		</span>
	);
}
