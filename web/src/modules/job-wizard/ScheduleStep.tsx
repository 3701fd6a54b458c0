import { useTranslation } from "react-i18next";
import type { ScheduleOwner } from "../../api/queries/jobs.ts";
import { ScheduleFields } from "../ScheduleFields.tsx";
import { StepHead } from "../WizardSheet.tsx";
import type { StepProps } from "./steps.ts";

/** Step 3: when it starts by itself. */
export function ScheduleStep({ draft, change, owner }: StepProps & { owner: ScheduleOwner }) {
	const { t } = useTranslation();
	return (
		<>
			<StepHead title={t("wizard.scheduleTitle")} text={t("wizard.scheduleText")} />
			<ScheduleFields
				draft={draft.schedule}
				change={(part) => change({ schedule: { ...draft.schedule, ...part } })}
				owner={owner}
			/>
		</>
	);
}
