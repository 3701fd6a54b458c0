import { ActionIcon, Button, Checkbox, TextInput } from "@mantine/core";
import { type FormEvent, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Agent, EstimateRequest } from "../../api/types.ts";
import { addPath, cleanPath, isAbsolute, type JobDraft, selectingPolicy } from "../../forms/job.ts";
import { typedNumber } from "../../forms/number.ts";
import { type FileCount, useFileCount } from "../../hooks/use-file-count.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { Icon } from "../../ui/Icon.tsx";
import { PathText } from "../../ui/PathText.tsx";
import { FileBrowser } from "../FileBrowser.tsx";
import { StepHead } from "../WizardSheet.tsx";
import { CountPanel } from "./CountPanel.tsx";
import css from "./job-wizard.module.css";
import { PathCheck } from "./PathCheck.tsx";
import { RulesPanel } from "./RulesPanel.tsx";
import type { StepProps } from "./steps.ts";

/** Step 2: folders, browsed or typed, and the rules that select what is in them, counted on the machine. */
export function SourceStep({ draft, change, agent }: StepProps & { agent: Agent | undefined }) {
	const { t } = useTranslation();
	const request = useRequest(draft);
	const online = agent?.state === "online";
	const count = useFileCount(online ? agent.id : undefined, request);
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
					<CountPanel agent={agent} count={count} />
					<TypedPath draft={draft} change={change} />
					<Selected draft={draft} change={change} count={count} />
					<RulesPanel draft={draft} change={change} count={count} />
					<Limits draft={draft} change={change} />
					{online && request !== undefined ? <PathCheck agent={agent} request={request} /> : null}
				</div>
			</div>
		</>
	);
}

/** What is to be counted; `undefined` while there is nothing to count. */
function useRequest(draft: JobDraft): EstimateRequest | undefined {
	return useMemo(
		() =>
			draft.paths.length === 0 || typedNumber(draft.maxFileSize) === null
				? undefined
				: { paths: draft.paths, policy: selectingPolicy(draft) },
		[draft],
	);
}

function TypedPath({ draft, change }: StepProps) {
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
	);
}

function Selected({ draft, change, count }: StepProps & { count: FileCount }) {
	const { t } = useTranslation();
	const format = useFormat();
	const sources = new Map(count.counts?.sources.map((source) => [source.path, source]));
	return (
		<section aria-label={t("wizard.selected")}>
			<h2>
				{t("wizard.selected")} <span className="faint num">{draft.paths.length}</span>
			</h2>
			{draft.paths.length === 0 ? <p className="muted">{t("wizard.selectedNone")}</p> : null}
			<ul className={css["chosen"]}>
				{draft.paths.map((path) => {
					const source = sources.get(path);
					return (
						<li key={path}>
							<PathText path={path} wrap />
							<span className={css["sizes"]}>
								{source === undefined ? null : source.error ? (
									<bdi className={css["wrong"]}>{source.error}</bdi>
								) : (
									<span className="muted num">{format.size(source.bytes)}</span>
								)}
								<ActionIcon
									variant="subtle"
									size={24}
									aria-label={t("wizard.remove", { path })}
									onClick={() => change({ paths: draft.paths.filter((present) => present !== path) })}
								>
									<Icon name="close" size={12} />
								</ActionIcon>
							</span>
						</li>
					);
				})}
			</ul>
		</section>
	);
}

function Limits({ draft, change }: StepProps) {
	const { t } = useTranslation();
	return (
		<>
			<TextInput
				label={`${t("wizard.maxFileSize")} ${t("common.optional")}`}
				description={t("wizard.maxFileSizeHelp")}
				inputMode="decimal"
				value={draft.maxFileSize}
				error={typedNumber(draft.maxFileSize) === null ? t("wizard.limitInvalid") : undefined}
				onChange={(event) => change({ maxFileSize: event.currentTarget.value })}
			/>
			<Checkbox
				label={t("wizard.oneFileSystem")}
				description={t("wizard.oneFileSystemHelp")}
				checked={draft.oneFileSystem}
				onChange={(event) => change({ oneFileSystem: event.currentTarget.checked })}
			/>
		</>
	);
}
