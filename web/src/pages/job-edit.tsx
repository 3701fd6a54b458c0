import { getRouteApi, Navigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { knownStep } from "../forms/job-steps.ts";
import { EditJobWizard } from "../modules/job-wizard/EditJobWizard.tsx";
import { OfJob } from "../modules/job-wizard/OfJob.tsx";
import { paths } from "../util/paths.ts";

const route = getRouteApi("/signed-in/jobs/$job/edit/$step");

/** A job that is there, in the steps in which it was made. */
export default function JobEditPage() {
	const { t } = useTranslation();
	const { job: id, step: wanted } = route.useParams();
	const step = knownStep(wanted);
	if (step === undefined) return <Navigate {...paths.editJob(id)} replace />;
	return (
		<OfJob id={id} title={t("wizard.editJob")}>
			{(job) => <EditJobWizard key={job.id} job={job} step={step} to={(name) => paths.editJob(job.id, name)} />}
		</OfJob>
	);
}
