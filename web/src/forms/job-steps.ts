/** The steps of the job wizard in their order. Each stands in a file of its own in `modules/job-wizard`. */
export const jobSteps = ["place", "source", "schedule", "options", "review"] as const;

export type JobStep = (typeof jobSteps)[number];

export const knownStep = (text: string): JobStep | undefined => jobSteps.find((step) => step === text);

/** Whose input is where, by the pointers of the server's problem documents. The name is on the review itself. */
const places: readonly (readonly [pointer: RegExp, step: JobStep])[] = [
	[/^\/(agent_id|vault_id)/, "place"],
	[/^\/(paths|policy\/(ignore_rules|include_rules|max_file_size_bytes|one_file_system))/, "source"],
	[/^\/(schedule|offline_start)/, "schedule"],
	[/^\/(policy|upload_limit|max_age|retention)/, "options"],
];

/** The step whose field a problem of the server is about. */
export const stepOf = (pointer: string): JobStep | undefined => places.find(([pattern]) => pattern.test(pointer))?.[1];
