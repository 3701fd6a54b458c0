import type { JobDraft } from "../../forms/job.ts";
import type { JobStep } from "../../forms/job-steps.ts";
import type { Target } from "../../util/paths.ts";

/** What each step gets. */
export interface StepProps {
	draft: JobDraft;
	change: (part: Partial<JobDraft>) => void;
}

/** The address of a step; a new job, a copy and an edited job have their own. */
export type StepAddress = (step: JobStep) => Target;
