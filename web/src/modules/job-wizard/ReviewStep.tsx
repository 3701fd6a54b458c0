import { Checkbox, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { JobDraft } from "../../forms/job.ts";
import { changedFields, type JobField } from "../../forms/job-edit.ts";
import { type JobStep, stepOf } from "../../forms/job-steps.ts";
import { useFieldProblems } from "../../hooks/use-field-problems.ts";
import { useWording } from "../../hooks/use-wording.ts";
import { ErrorText } from "../../ui/ErrorText.tsx";
import { KeyValues } from "../../ui/KeyValues.tsx";
import { TargetLink } from "../TargetLink.tsx";
import { StepHead } from "../WizardSheet.tsx";
import { JobFieldValue } from "./JobFieldValue.tsx";
import css from "./job-wizard.module.css";
import type { StepAddress, StepProps } from "./steps.ts";

/** Which fields each step sets. */
const fieldsOf = {
	source: ["paths", "rules", "only", "maxFileSize", "oneFileSystem"],
	schedule: ["schedule"],
	options: ["retention", "compression", "parallelism", "limit", "maxAge"],
} as const satisfies Partial<Record<JobStep, readonly JobField[]>>;

/** The last step: everything once more, then save. `before` is what the job was, when it is there already. */
export function ReviewStep({
	draft,
	change,
	suggestion,
	agent,
	vault,
	before,
	to,
	notice,
	error,
}: StepProps & {
	suggestion: string;
	agent: string;
	vault: string;
	before?: JobDraft | undefined;
	to: StepAddress;
	notice?: ReactNode;
	error: unknown;
}) {
	const { t } = useTranslation();
	const words = useWording();
	const fieldProblems = useFieldProblems();
	const wrong = fieldProblems(error);
	const changed = before === undefined ? [] : changedFields(before, draft);
	const elsewhere: ReactNode[] = [];
	for (const [pointer, detail] of wrong) {
		const step = stepOf(pointer);
		if (step === undefined) continue;
		elsewhere.push(
			<p key={pointer}>
				<TargetLink to={to(step)}>{t(`wizard.${step}`)}</TargetLink>
				{": "}
				{detail}
			</p>,
		);
	}
	return (
		<>
			<StepHead
				title={t(before === undefined ? "wizard.reviewTitle" : "wizard.editTitle")}
				text={t(before === undefined ? "wizard.reviewText" : "wizard.editText")}
			/>
			<div className={css["form"]}>
				{notice}
				<TextInput
					label={t("wizard.name")}
					maxLength={100}
					value={draft.name}
					placeholder={suggestion}
					error={wrong.get("/name")}
					onChange={(event) => change({ name: event.currentTarget.value })}
				/>
				{before !== undefined && changed.includes("name") ? <Before field="name" draft={before} /> : null}
				<p className={css["sentence"]}>{t("wizard.summaryFrom", { agent, vault })}</p>
				{(Object.keys(fieldsOf) as (keyof typeof fieldsOf)[]).map((step) => (
					<section key={step} aria-label={t(`wizard.${step}`)}>
						<div className={css["group"]}>
							<h2>{t(`wizard.${step}`)}</h2>
							<TargetLink to={to(step)} aria-label={t("wizard.editStep", { step: t(`wizard.${step}`) })}>
								{t("wizard.edit")}
							</TargetLink>
						</div>
						<KeyValues
							rows={fieldsOf[step].map((field) => [
								t(`wizard.field.${field}`),
								<span key={field}>
									<JobFieldValue field={field} draft={draft} />
									{before !== undefined && changed.includes(field) ? <Before field={field} draft={before} /> : null}
								</span>,
							])}
						/>
					</section>
				))}
				{before === undefined ? (
					<Checkbox
						label={t("wizard.runFirst")}
						checked={draft.runFirst}
						onChange={(event) => change({ runFirst: event.currentTarget.checked })}
					/>
				) : null}
				{error === null || error === undefined ? null : <ErrorText words={words(error)} />}
				{elsewhere}
			</div>
		</>
	);
}

/** What a field was before it was changed here. */
function Before({ field, draft }: { field: JobField; draft: JobDraft }) {
	const { t } = useTranslation();
	return (
		<div className={`${css["before"]} muted`}>
			<span>{t("wizard.before")}</span>
			<div>
				<JobFieldValue field={field} draft={draft} />
			</div>
		</div>
	);
}
