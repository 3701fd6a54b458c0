import { ActionIcon, Button, Checkbox, Select, Textarea, TextInput } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Agent, Compression, Page, Vault } from "../api/types.ts";
import { addPath, cleanPath, isAbsolute, type JobDraft, ruleLines } from "../forms/job.ts";
import { typedNumber } from "../forms/number.ts";
import { scheduleRequest } from "../forms/schedule.ts";
import { useFieldProblems } from "../hooks/use-field-problems.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useScheduleWords } from "../hooks/use-schedule-words.ts";
import { useWording } from "../hooks/use-wording.ts";
import { Empty } from "../ui/Empty.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Icon } from "../ui/Icon.tsx";
import { KeyValues } from "../ui/KeyValues.tsx";
import { PathText } from "../ui/PathText.tsx";
import { paths, type Target } from "../util/paths.ts";
import { ButtonLink } from "./ButtonLink.tsx";
import { FileBrowser } from "./FileBrowser.tsx";
import css from "./job-steps.module.css";
import { QueryView } from "./QueryView.tsx";
import { ScheduleFields } from "./ScheduleFields.tsx";
import { TargetLink } from "./TargetLink.tsx";
import { StepHead } from "./WizardSheet.tsx";

interface StepProps {
	draft: JobDraft;
	change: (part: Partial<JobDraft>) => void;
}

const compressions: readonly Compression[] = ["zstd-default", "s2", "pgzip", "none"];

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

/** Step 2: folders, browsed or typed. */
export function SourceStep({ draft, change, agent }: StepProps & { agent: Agent | undefined }) {
	const { t } = useTranslation();
	const [typed, setTyped] = useState("");
	const [wrong, setWrong] = useState<string | undefined>();
	const add = (event: FormEvent) => {
		event.preventDefault();
		const path = cleanPath(typed);
		if (!isAbsolute(path)) {
			setWrong(t("wizard.notAbsolute"));
			return;
		}
		if (draft.paths.includes(path)) {
			setWrong(t("wizard.already"));
			return;
		}
		change({ paths: addPath(draft.paths, path) });
		setTyped("");
		setWrong(undefined);
	};
	return (
		<>
			<StepHead
				title={t("wizard.sourceTitle")}
				text={t("wizard.sourceText", { agent: agent?.name ?? t("wizard.machine") })}
			/>
			<div className={css["columns"]}>
				<div>
					{agent === undefined ? null : (
						<FileBrowser agent={agent} paths={draft.paths} onChange={(chosen) => change({ paths: chosen })} />
					)}
				</div>
				<div className={css["side"]}>
					<form onSubmit={add} className={css["typed"]}>
						<TextInput
							label={t("wizard.typePath")}
							description={t("wizard.typePathHelp")}
							value={typed}
							error={wrong}
							onChange={(event) => {
								setTyped(event.currentTarget.value);
								setWrong(undefined);
							}}
						/>
						<Button type="submit" leftSection={<Icon name="plus" />}>
							{t("wizard.addPath")}
						</Button>
					</form>
					<h2 className={css["heading"]}>
						{t("wizard.selected")} <span className="faint num">{draft.paths.length}</span>
					</h2>
					{draft.paths.length === 0 ? <p className="muted">{t("wizard.selectedNone")}</p> : null}
					<ul className={css["chosen"]}>
						{draft.paths.map((path) => (
							<li key={path}>
								<PathText path={path} wrap />
								<ActionIcon
									variant="subtle"
									size={24}
									aria-label={t("wizard.remove", { path })}
									onClick={() => change({ paths: draft.paths.filter((present) => present !== path) })}
								>
									<Icon name="close" size={12} />
								</ActionIcon>
							</li>
						))}
					</ul>
				</div>
			</div>
		</>
	);
}

/** Step 3: when it starts by itself. */
export function ScheduleStep({ draft, change }: StepProps) {
	const { t } = useTranslation();
	return (
		<>
			<StepHead title={t("wizard.scheduleTitle")} text={t("wizard.scheduleText")} />
			<ScheduleFields
				draft={draft.schedule}
				change={(part) => change({ schedule: { ...draft.schedule, ...part } })}
				owner={draft.agent === "" ? {} : { agent_id: draft.agent }}
			/>
		</>
	);
}

/** Step 4: compression, rules and limits. */
export function OptionsStep({ draft, change }: StepProps) {
	const { t } = useTranslation();
	const format = useFormat();
	const limit = typedNumber(draft.limit);
	const invalid = t("wizard.limitInvalid");
	return (
		<>
			<StepHead title={t("wizard.optionsTitle")} text={t("wizard.optionsText")} />
			<div className={css["form"]}>
				<Select
					label={t("wizard.compression")}
					allowDeselect={false}
					data={compressions.map((value) => ({ value, label: t(`jobs.compressionName.${value}`) }))}
					value={draft.compression}
					onChange={(value) => {
						const compression = compressions.find((known) => known === value);
						if (compression !== undefined) change({ compression });
					}}
				/>
				<Textarea
					label={`${t("wizard.rules")} ${t("common.optional")}`}
					description={t("wizard.rulesHelp")}
					classNames={{ input: "mono" }}
					rows={4}
					value={draft.rules}
					onChange={(event) => change({ rules: event.currentTarget.value })}
				/>
				<TextInput
					label={`${t("wizard.limit")} ${t("common.optional")}`}
					description={limit ? t("wizard.limitBits", { bits: format.bits(limit * 1_000_000) }) : t("wizard.limitHelp")}
					inputMode="decimal"
					value={draft.limit}
					error={limit === null ? invalid : undefined}
					onChange={(event) => change({ limit: event.currentTarget.value })}
				/>
				<TextInput
					label={`${t("wizard.maxAge")} ${t("common.optional")}`}
					description={t("wizard.maxAgeHelp")}
					inputMode="decimal"
					value={draft.maxAge}
					error={typedNumber(draft.maxAge) === null ? invalid : undefined}
					onChange={(event) => change({ maxAge: event.currentTarget.value })}
				/>
			</div>
		</>
	);
}

/** Which step and field a problem of the server belongs to. */
const places: readonly (readonly [
	pattern: RegExp,
	target: Target,
	key: "place" | "source" | "schedule" | "options",
])[] = [
	[/^\/(agent_id|vault_id)/, paths.newJob("place"), "place"],
	[/^\/paths/, paths.newJob("source"), "source"],
	[/^\/schedule/, paths.newJob("schedule"), "schedule"],
	[/^\/(policy|upload_limit|max_age)/, paths.newJob("options"), "options"],
];

/** Step 5: everything once more, then save. */
export function ReviewStep({
	draft,
	change,
	name,
	agent,
	vault,
	error,
}: StepProps & { name: string; agent: Agent | undefined; vault: Vault | undefined; error: unknown }) {
	const { t } = useTranslation();
	const words = useWording();
	const format = useFormat();
	const scheduleWords = useScheduleWords();
	const fieldProblems = useFieldProblems();
	const wrong = fieldProblems(error);
	const limit = typedNumber(draft.limit);
	const maxAge = typedNumber(draft.maxAge);
	const rules = ruleLines(draft.rules);
	const elsewhere: ReactNode[] = [];
	for (const [pointer, detail] of wrong) {
		const place = places.find(([pattern]) => pattern.test(pointer));
		if (place === undefined) continue;
		elsewhere.push(
			<p key={pointer}>
				<TargetLink to={place[1]}>{t(`wizard.${place[2]}`)}</TargetLink>
				{": "}
				{detail}
			</p>,
		);
	}
	return (
		<>
			<StepHead title={t("wizard.reviewTitle")} text={t("wizard.reviewText")} />
			<div className={css["form"]}>
				<TextInput
					label={t("wizard.name")}
					maxLength={100}
					value={draft.name}
					placeholder={name}
					error={wrong.get("/name")}
					onChange={(event) => change({ name: event.currentTarget.value })}
				/>
				<p className={css["sentence"]}>
					{t("wizard.summaryFrom", { agent: agent?.name ?? "", vault: vault?.name ?? "" })}
				</p>
				<KeyValues
					rows={[
						[
							t("wizard.summaryPaths"),
							draft.paths.map((path) => (
								<div key={path}>
									<PathText path={path} wrap />
								</div>
							)),
						],
						[t("jobs.schedule"), scheduleWords(scheduleRequest(draft.schedule))],
						[t("wizard.compression"), t(`jobs.compressionName.${draft.compression}`)],
						[t("wizard.rules"), rules.length === 0 ? t("jobs.leftOutNone") : rules.join(", ")],
						[t("wizard.limit"), limit ? format.speed(limit * 1_000_000) : t("jobs.limitNone")],
						[t("wizard.maxAge"), maxAge ? format.duration(maxAge * 3600) : t("jobs.maxAgeNone")],
					]}
				/>
				<Checkbox
					label={t("wizard.runFirst")}
					checked={draft.runFirst}
					onChange={(event) => change({ runFirst: event.currentTarget.checked })}
				/>
				{error === null || error === undefined ? null : <ErrorText words={words(error)} />}
				{elsewhere}
			</div>
		</>
	);
}
