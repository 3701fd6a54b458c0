import { Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useId, useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { RetentionOwner } from "../api/queries/jobs.ts";
import type { RetentionRule } from "../api/types.ts";
import {
	isCount,
	isRetentionComplete,
	presets,
	type RetentionDraft,
	retentionRequest,
	rules,
	withCount,
	withPreset,
} from "../forms/retention.ts";
import { RetentionPreview, RuleMark } from "./RetentionPreview.tsx";
import css from "./retention-fields.module.css";

/** How long somebody may go on typing before the server is asked. */
const pause = 300;

/** A retention to be filled in, and beside it what it would keep. */
export function RetentionFields({
	draft,
	change,
	owner,
}: {
	draft: RetentionDraft;
	change: (draft: RetentionDraft) => void;
	owner: RetentionOwner;
}) {
	const { t } = useTranslation();
	const [settled] = useDebouncedValue(draft, pause);
	const complete = isRetentionComplete(settled);
	const retention = useMemo(() => retentionRequest(settled), [settled]);
	return (
		<div className={css["columns"]}>
			<div className={css["fields"]}>
				<Select
					label={t("retention.choice")}
					allowDeselect={false}
					data={presets.map((preset) => ({ value: preset, label: t(`retention.preset.${preset}`) }))}
					value={draft.preset}
					onChange={(value) => {
						const preset = presets.find((known) => known === value);
						if (preset !== undefined) change(withPreset(draft, preset));
					}}
				/>
				{draft.preset === "everything" ? (
					<p className="muted">{t("retention.everythingText")}</p>
				) : (
					<div className={css["rules"]}>
						{rules.map((rule) => (
							<RuleRow
								key={rule}
								rule={rule}
								value={draft.counts[rule]}
								onChange={(text) => change(withCount(draft, rule, text))}
							/>
						))}
					</div>
				)}
				{isRetentionComplete(draft) ? null : <p className={css["error"]}>{t("retention.incomplete")}</p>}
				<p className="faint small">{t("retention.freedText")}</p>
			</div>
			<section className={css["preview"]} aria-label={t("retention.wouldKeep")}>
				{complete ? (
					<RetentionPreview retention={retention} owner={owner} />
				) : (
					<p className="muted">{t("retention.incomplete")}</p>
				)}
			</section>
		</div>
	);
}

function RuleRow({ rule, value, onChange }: { rule: RetentionRule; value: string; onChange: (text: string) => void }) {
	const { t } = useTranslation();
	const id = useId();
	return (
		<div className={css["rule"]}>
			<RuleMark rule={rule} />
			<label className={css["name"]} htmlFor={id}>
				{t(`retention.rule.${rule}`)}
			</label>
			<TextInput
				id={id}
				classNames={{ wrapper: css["number"] ?? "" }}
				inputMode="numeric"
				maxLength={4}
				value={value}
				error={isCount(value) ? undefined : t("retention.countInvalid")}
				onChange={(event) => onChange(event.currentTarget.value)}
			/>
			<span className={`${css["help"]} faint small`}>{t(`retention.help.${rule}`)}</span>
		</div>
	);
}
