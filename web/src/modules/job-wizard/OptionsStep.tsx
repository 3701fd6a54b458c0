import { Select, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { ScheduleOwner } from "../../api/queries/jobs.ts";
import type { Compression } from "../../api/types.ts";
import { typedFileCount } from "../../forms/job.ts";
import { typedNumber } from "../../forms/number.ts";
import { isComplete, scheduleRequest } from "../../forms/schedule.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { RetentionFields } from "../RetentionFields.tsx";
import { StepHead } from "../WizardSheet.tsx";
import css from "./job-wizard.module.css";
import type { StepProps } from "./steps.ts";

const compressions: readonly Compression[] = ["zstd-default", "s2", "pgzip", "none"];

/** Step 4: retention, compression and limits. */
export function OptionsStep({ draft, change, owner }: StepProps & { owner: ScheduleOwner }) {
	const { t } = useTranslation();
	const format = useFormat();
	const limit = typedNumber(draft.limit);
	const invalid = t("wizard.limitInvalid");
	return (
		<>
			<StepHead title={t("wizard.optionsTitle")} text={t("wizard.optionsText")} />
			<RetentionFields
				draft={draft.retention}
				change={(retention) => change({ retention })}
				owner={{
					...(owner.job_id === undefined ? {} : { job_id: owner.job_id }),
					...(isComplete(draft.schedule) ? { schedule: scheduleRequest(draft.schedule) } : {}),
				}}
			/>
			<h2 className={css["heading"]}>{t("wizard.policy")}</h2>
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
				<TextInput
					label={`${t("wizard.parallelism")} ${t("common.optional")}`}
					description={t("wizard.parallelismHelp")}
					inputMode="numeric"
					value={draft.parallelism}
					error={typedFileCount(draft.parallelism) === null ? t("wizard.parallelismInvalid") : undefined}
					onChange={(event) => change({ parallelism: event.currentTarget.value })}
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
