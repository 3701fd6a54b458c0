import { Select } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Agent, Page, Vault } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { Empty } from "../../ui/Empty.tsx";
import { paths } from "../../util/paths.ts";
import { ButtonLink } from "../ButtonLink.tsx";
import { QueryView } from "../QueryView.tsx";
import { StepHead } from "../WizardSheet.tsx";
import css from "./job-wizard.module.css";
import type { StepProps } from "./steps.ts";

/** Step 1: which machine, which vault. */
export function PlaceStep({
	draft,
	change,
	agents,
	vaults,
}: StepProps & { agents: UseQueryResult<Page<Agent>>; vaults: UseQueryResult<Page<Vault>> }) {
	const { t } = useTranslation();
	return (
		<>
			<StepHead title={t("wizard.placeTitle")} text={t("wizard.placeText")} />
			<div className={css["form"]}>
				<QueryView query={agents} rows={2}>
					{(page) => <MachineField agents={page.items} draft={draft} change={change} />}
				</QueryView>
				<QueryView query={vaults} rows={2}>
					{(page) => <VaultField vaults={page.items} draft={draft} change={change} />}
				</QueryView>
			</div>
		</>
	);
}

function MachineField({ agents, draft, change }: StepProps & { agents: readonly Agent[] }) {
	const { t } = useTranslation();
	const format = useFormat();
	if (agents.length === 0) {
		return (
			<Empty
				icon="agents"
				title={t("wizard.noMachine")}
				action={
					<ButtonLink to={paths.agents({ panel: "add" })} variant="filled">
						{t("agents.add")}
					</ButtonLink>
				}
			>
				{t("wizard.noMachineText")}
			</Empty>
		);
	}
	const label = (agent: Agent) => {
		if (agent.state === "online") return agent.name;
		if (agent.state === "disabled") return `${agent.name}, ${t("status.disabled")}`;
		return agent.last_seen_at
			? t("wizard.machineOffline", { name: agent.name, time: format.moment(agent.last_seen_at) })
			: t("wizard.machineNever", { name: agent.name });
	};
	return (
		<Select
			label={t("wizard.machine")}
			description={t("wizard.machineHelp")}
			searchable={agents.length > 8}
			allowDeselect={false}
			data={agents.map((agent) => ({
				value: agent.id,
				label: label(agent),
				disabled: agent.state === "disabled",
			}))}
			value={draft.agent === "" ? null : draft.agent}
			onChange={(agent) => change({ agent: agent ?? "", paths: [], vault: "" })}
		/>
	);
}

function VaultField({ vaults, draft, change }: StepProps & { vaults: readonly Vault[] }) {
	const { t } = useTranslation();
	if (vaults.length === 0) {
		return (
			<Empty
				icon="vaults"
				title={t("wizard.noVault")}
				action={
					<ButtonLink to={paths.newVault()} variant="filled">
						{t("vaults.new")}
					</ButtonLink>
				}
			>
				{t("wizard.noVaultText")}
			</Empty>
		);
	}
	// A folder vault can only be used by the machine it lies on.
	const usable = (vault: Vault) => vault.storage.kind !== "directory" || vault.storage.agent.id === draft.agent;
	return (
		<Select
			label={t("wizard.vault")}
			searchable={vaults.length > 8}
			allowDeselect={false}
			data={vaults.map((vault) => ({
				value: vault.id,
				label:
					vault.storage.kind === "directory"
						? t("wizard.vaultOther", { name: vault.name, agent: vault.storage.agent.name })
						: vault.name,
				disabled: !usable(vault),
			}))}
			value={draft.vault === "" ? null : draft.vault}
			onChange={(vault) => change({ vault: vault ?? "" })}
		/>
	);
}
