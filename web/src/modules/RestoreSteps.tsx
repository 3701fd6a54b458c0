import { ActionIcon, Radio, Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Agent, Overwrite, Point } from "../api/types.ts";
import { isAbsolute } from "../forms/job.ts";
import type { RestoreDraft } from "../forms/restore.ts";
import { useFieldProblems } from "../hooks/use-field-problems.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Icon } from "../ui/Icon.tsx";
import { KeyValues } from "../ui/KeyValues.tsx";
import { Notice } from "../ui/Notice.tsx";
import { PathText } from "../ui/PathText.tsx";
import { visibleText } from "../util/format.ts";
import { PointBrowser } from "./PointBrowser.tsx";
import css from "./restore-steps.module.css";
import { StepHead } from "./WizardSheet.tsx";

interface StepProps {
	draft: RestoreDraft;
	change: (part: Partial<RestoreDraft>) => void;
}

/** Step 1: the whole point, or ticked files and folders. */
export function WhatStep({ draft, change, point }: StepProps & { point: Point }) {
	const { t } = useTranslation();
	const [snapshot, setSnapshot] = useState(point.snapshots[0]?.id ?? "");
	const [folder, setFolder] = useState("");
	const shown = point.snapshots.find((entry) => entry.id === snapshot);
	return (
		<>
			<StepHead title={t("restore.whatTitle")} text={t("restore.whatText")} />
			<Radio.Group
				label={t("restore.howMuch")}
				value={draft.everything ? "all" : "some"}
				onChange={(value) => change({ everything: value === "all" })}
			>
				<div className={css["choices"]}>
					<Radio value="all" label={t("restore.everything")} />
					<Radio value="some" label={t("restore.chosen")} />
				</div>
			</Radio.Group>
			{draft.everything || shown === undefined ? null : (
				<div className={css["columns"]}>
					<div className={css["folder"]}>
						{point.snapshots.length > 1 ? (
							<Select
								label={t("snapshots.path")}
								data={point.snapshots.map((entry) => ({ value: entry.id, label: entry.path }))}
								allowDeselect={false}
								value={snapshot}
								onChange={(value) => {
									setSnapshot(value ?? "");
									setFolder("");
								}}
							/>
						) : null}
						<PointBrowser
							point={point.id}
							snapshot={shown.id}
							root={shown.path}
							path={folder}
							onFolder={setFolder}
							ticked={draft.items}
							onTick={(items) => change({ items })}
						/>
					</div>
					<Selection draft={draft} change={change} />
				</div>
			)}
		</>
	);
}

function Selection({ draft, change }: StepProps) {
	const { t } = useTranslation();
	return (
		<section aria-label={t("restore.selection")}>
			<h2 className={css["heading"]}>
				{t("restore.selection")} <span className="faint num">{draft.items.length}</span>
			</h2>
			{draft.items.length === 0 ? <p className="muted">{t("wizard.selectedNone")}</p> : null}
			<ul className={css["items"]}>
				{draft.items.map((item) => (
					<li key={`${item.snapshot} ${item.path}`}>
						<PathText path={item.path === "" ? item.name : item.path} wrap />
						<ActionIcon
							variant="subtle"
							size={24}
							aria-label={t("restore.remove", { name: visibleText(item.name) })}
							onClick={() => change({ items: draft.items.filter((present) => present !== item) })}
						>
							<Icon name="close" size={12} />
						</ActionIcon>
					</li>
				))}
			</ul>
		</section>
	);
}

/** Step 2: machine and folder. */
export function WhereStep({ draft, change, agents }: StepProps & { agents: readonly Agent[] }) {
	const { t } = useTranslation();
	const [left, setLeft] = useState(false);
	const target = draft.target.trim();
	return (
		<>
			<StepHead title={t("restore.whereTitle")} text={t("restore.whereText")} />
			<div className={css["form"]}>
				<Select
					label={t("restore.machine")}
					allowDeselect={false}
					data={agents.map((agent) => ({
						value: agent.id,
						label: agent.state === "online" ? agent.name : `${agent.name}, ${t(`status.${agent.state}`)}`,
						disabled: agent.state === "disabled",
					}))}
					value={draft.agent === "" ? null : draft.agent}
					onChange={(agent) => change({ agent: agent ?? "" })}
				/>
				<TextInput
					label={t("restore.target")}
					description={t("restore.targetHelp")}
					value={draft.target}
					error={left && target !== "" && !isAbsolute(target) ? t("restore.targetInvalid") : undefined}
					onBlur={() => setLeft(true)}
					onChange={(event) => change({ target: event.currentTarget.value })}
				/>
			</div>
		</>
	);
}

const rules: readonly { value: Overwrite; text: "neverText" | "differentText" | "alwaysText" }[] = [
	{ value: "never", text: "neverText" },
	{ value: "different", text: "differentText" },
	{ value: "always", text: "alwaysText" },
];

/** Step 3: what happens with files that are there. */
export function RulesStep({ draft, change }: StepProps) {
	const { t } = useTranslation();
	return (
		<>
			<StepHead title={t("restore.rulesTitle")} text={t("restore.rulesText")} />
			<Radio.Group
				label={t("restore.rule")}
				value={draft.overwrite}
				onChange={(value) => {
					const rule = rules.find((known) => known.value === value);
					if (rule !== undefined) change({ overwrite: rule.value });
				}}
			>
				<div className={css["choices"]}>
					{rules.map((rule) => (
						<Radio
							key={rule.value}
							value={rule.value}
							label={t(`restore.${rule.value}`)}
							description={t(`restore.${rule.text}`)}
						/>
					))}
				</div>
			</Radio.Group>
		</>
	);
}

/** Step 4: everything once more. */
export function ReviewStep({
	draft,
	point,
	agent,
	what,
	error,
}: {
	draft: RestoreDraft;
	point: Point;
	agent: Agent | undefined;
	what: string;
	error: unknown;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const words = useWording();
	const fieldProblems = useFieldProblems();
	const wrong = [...fieldProblems(error).values()];
	return (
		<>
			<StepHead title={t("restore.reviewTitle")} text={t("restore.reviewText")} />
			<div className={css["form"]}>
				<KeyValues
					rows={[
						[t("restore.what"), what],
						[t("run.point"), t("restore.from", { time: format.fullMoment(point.time) })],
						[t("restore.machine"), agent?.name ?? t("common.unknown")],
						[t("restore.target"), <PathText key="target" path={draft.target.trim()} wrap />],
						[t("restore.rule"), t(`restore.${draft.overwrite}`)],
					]}
				/>
				{draft.everything ? null : (
					<ul>
						{draft.items.map((item) => (
							<li key={`${item.snapshot} ${item.path}`}>
								<PathText path={item.path === "" ? item.name : item.path} wrap />
							</li>
						))}
					</ul>
				)}
				{draft.overwrite === "never" ? null : <Notice tone="warn" title={t("restore.replaceWarning")} />}
				{error === null ? null : <ErrorText words={words(error)} />}
				{wrong.map((detail) => (
					<p key={detail}>{detail}</p>
				))}
			</div>
		</>
	);
}
