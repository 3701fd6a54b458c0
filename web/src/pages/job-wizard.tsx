import { getRouteApi, Navigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { emptyJob } from "../forms/job.ts";
import { knownStep } from "../forms/job-steps.ts";
import { NewJobWizard } from "../modules/job-wizard/NewJobWizard.tsx";
import { paths } from "../util/paths.ts";

const route = getRouteApi("/signed-in/jobs/new/$step");

/** New job: machine and vault, source, schedule, options, review. */
export default function JobWizardPage() {
	const { t } = useTranslation();
	const step = knownStep(route.useParams().step);
	const { agent } = route.useSearch();
	if (step === undefined) return <Navigate {...paths.newJob()} replace />;
	return (
		<NewJobWizard
			title={t("wizard.newJob")}
			draftKey="holdfast-new-job"
			start={emptyJob}
			step={step}
			to={paths.newJob}
			presetAgent={agent}
		/>
	);
}
