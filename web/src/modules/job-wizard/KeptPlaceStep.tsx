import { useTranslation } from "react-i18next";
import type { Job } from "../../api/types.ts";
import { KeyValues } from "../../ui/KeyValues.tsx";
import { paths } from "../../util/paths.ts";
import { ButtonLink } from "../ButtonLink.tsx";
import { StepHead } from "../WizardSheet.tsx";
import css from "./job-wizard.module.css";

/** The first step of a job that is there: machine and vault stay, a copy may have others. */
export function KeptPlaceStep({ job }: { job: Job }) {
	const { t } = useTranslation();
	return (
		<>
			<StepHead title={t("wizard.keptTitle")} text={t("wizard.keptText")} />
			<div className={css["form"]}>
				<KeyValues
					rows={[
						[t("wizard.machine"), job.agent.name],
						[t("wizard.vault"), job.vault.name],
					]}
				/>
				<div>
					<ButtonLink to={paths.duplicateJob(job.id)}>{t("jobs.duplicate")}</ButtonLink>
				</div>
			</div>
		</>
	);
}
