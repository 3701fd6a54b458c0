import { getRouteApi, Navigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { jobDraft } from "../forms/job.ts";
import { knownStep } from "../forms/job-steps.ts";
import { NewJobWizard } from "../modules/job-wizard/NewJobWizard.tsx";
import { OfJob } from "../modules/job-wizard/OfJob.tsx";
import { paths } from "../util/paths.ts";

const route = getRouteApi("/signed-in/jobs/$job/duplicate/$step");
const longestName = 100;

/** A new job that begins with everything another one has. */
export default function JobDuplicatePage() {
	const { t } = useTranslation();
	const { job: id, step: wanted } = route.useParams();
	const step = knownStep(wanted);
	if (step === undefined) return <Navigate {...paths.duplicateJob(id)} replace />;
	return (
		<OfJob id={id} title={t("wizard.duplicateJob")}>
			{(job) => (
				<NewJobWizard
					key={job.id}
					title={t("wizard.duplicateJob")}
					draftKey={`holdfast-duplicate-job-${job.id}`}
					start={{ ...jobDraft(job), name: t("wizard.copyOf", { name: job.name }).slice(0, longestName) }}
					step={step}
					to={(name) => paths.duplicateJob(job.id, name)}
				/>
			)}
		</OfJob>
	);
}
