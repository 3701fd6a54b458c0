import { ActionIcon, Button, SegmentedControl, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ruleLines } from "../../forms/job.ts";
import { leftOutByRule, type RuleCount, takenByRule } from "../../forms/rule-counts.ts";
import { useFieldProblems } from "../../hooks/use-field-problems.ts";
import type { FileCount } from "../../hooks/use-file-count.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { Icon } from "../../ui/Icon.tsx";
import { PathText } from "../../ui/PathText.tsx";
import { StatusIcon } from "../../ui/StatusIcon.tsx";
import { visibleText } from "../../util/format.ts";
import css from "./rules-panel.module.css";
import type { StepProps } from "./steps.ts";

type List = "rules" | "only";

const pointers = { rules: "/policy/ignore_rules", only: "/policy/include_rules" } as const;

/** The rules that leave out, and those that alone take, each with what it matches. */
export function RulesPanel({ draft, change, count }: StepProps & { count: FileCount }) {
	const { t } = useTranslation();
	const [list, setList] = useState<List>("rules");
	const [asText, setAsText] = useState(false);
	const rules = ruleLines(draft[list]);
	const set = (next: readonly string[]) => change({ [list]: next.join("\n") });
	return (
		<section className={css["panel"]} aria-label={t("wizard.rulesTitle")}>
			<div className={css["head"]}>
				<SegmentedControl
					aria-label={t("wizard.rulesTitle")}
					value={list}
					onChange={(value) => setList(value as List)}
					data={[
						{ value: "rules", label: `${t("wizard.rules")} ${ruleLines(draft.rules).length}` },
						{ value: "only", label: `${t("wizard.only")} ${ruleLines(draft.only).length}` },
					]}
				/>
				<Button size="xs" variant="subtle" onClick={() => setAsText(!asText)}>
					{t(asText ? "wizard.rulesAsList" : "wizard.rulesAsText")}
				</Button>
			</div>
			<p className="muted small">{t(list === "rules" ? "wizard.rulesHelp" : "wizard.onlyHelp")}</p>
			{asText ? (
				<Textarea
					aria-label={t(list === "rules" ? "wizard.rules" : "wizard.only")}
					classNames={{ input: "mono" }}
					rows={8}
					value={draft[list]}
					onChange={(event) => change({ [list]: event.currentTarget.value })}
				/>
			) : (
				<>
					<Rules list={list} rules={rules} count={count} onChange={set} />
					<AddRule key={list} list={list} onAdd={(rule) => set([...rules, rule])} />
				</>
			)}
		</section>
	);
}

function Rules({
	list,
	rules,
	count,
	onChange,
}: {
	list: List;
	rules: readonly string[];
	count: FileCount;
	onChange: (rules: readonly string[]) => void;
}) {
	const { t } = useTranslation();
	const fieldProblems = useFieldProblems();
	const wrong = fieldProblems(count.error);
	if (rules.length === 0) return null;
	const { request, counts } = count;
	const known =
		request === undefined || counts === undefined
			? undefined
			: (list === "rules" ? leftOutByRule : takenByRule)(request, counts);
	return (
		<ol className={css["rules"]}>
			{rules.map((rule, index) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a rule may stand there twice
				<li key={index}>
					<span className="faint num">{index + 1}</span>
					<div className={css["rule"]}>
						<bdi className="mono">{visibleText(rule)}</bdi>
						<RuleFigures
							count={known?.get(rule)}
							settled={counts?.complete === true && !count.counting}
							problem={wrong.get(`${pointers[list]}/${index}`)}
						/>
					</div>
					<ActionIcon
						variant="subtle"
						size={24}
						aria-label={t("wizard.removeRule", { rule })}
						onClick={() => onChange(rules.filter((_rule, other) => other !== index))}
					>
						<Icon name="close" size={12} />
					</ActionIcon>
				</li>
			))}
		</ol>
	);
}

/** What a rule matches; one that matches nothing is told apart from one that was not counted yet. */
function RuleFigures({
	count,
	settled,
	problem,
}: {
	count: RuleCount | undefined;
	settled: boolean;
	problem: string | undefined;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	if (problem !== undefined) {
		return (
			<span className={css["wrong"]}>
				<StatusIcon status="failed" size={14} /> {problem}
			</span>
		);
	}
	if (count === undefined) return null;
	if (count.files === 0 && count.dirs === 0) {
		return settled ? (
			<span className={css["nothing"]}>
				<StatusIcon status="partial_success" size={14} /> {t("wizard.matchesNothing")}
			</span>
		) : null;
	}
	return (
		<>
			<span className="muted num">{`${format.files(count.files)}, ${format.size(count.bytes)}`}</span>
			{count.example === undefined ? null : (
				<span className="faint small">
					<PathText path={count.example} wrap />
				</span>
			)}
		</>
	);
}

function AddRule({ list, onAdd }: { list: List; onAdd: (rule: string) => void }) {
	const { t } = useTranslation();
	const [typed, setTyped] = useState("");
	const add = (event: FormEvent) => {
		event.preventDefault();
		if (typed.trim() === "") return;
		onAdd(typed.trimEnd());
		setTyped("");
	};
	return (
		<form onSubmit={add} className={css["add"]}>
			<TextInput
				aria-label={t(list === "rules" ? "wizard.addRule" : "wizard.addOnly")}
				placeholder={t(list === "rules" ? "wizard.addRuleExample" : "wizard.addOnlyExample")}
				classNames={{ input: "mono" }}
				value={typed}
				onChange={(event) => setTyped(event.currentTarget.value)}
			/>
			<Button type="submit" leftSection={<Icon name="plus" />}>
				{t("wizard.add")}
			</Button>
		</form>
	);
}
