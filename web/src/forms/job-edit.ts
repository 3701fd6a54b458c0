import type { Job, JobPatch } from "../api/types.ts";
import { type JobDraft, jobDraft, jobRequest, ruleLines, typedFileCount } from "./job.ts";
import { typedNumber } from "./number.ts";
import { retentionRequest } from "./retention.ts";
import { scheduleRequest } from "./schedule.ts";

/** A job being changed: what it was when that began, and what was typed since. */
export interface JobEdit {
	/** Version that the change is based on. */
	version: number;
	base: JobDraft;
	draft: JobDraft;
}

/** What can be changed in a job, in the order of the steps. */
export const jobFields = [
	"name",
	"paths",
	"rules",
	"only",
	"maxFileSize",
	"oneFileSystem",
	"schedule",
	"retention",
	"compression",
	"parallelism",
	"limit",
	"maxAge",
] as const satisfies readonly (keyof JobDraft)[];

export type JobField = (typeof jobFields)[number];

/** The part of a request that each field ends up in; the API takes these parts whole. */
const parts = {
	name: ["name"],
	paths: ["paths"],
	schedule: ["schedule", "offline_start"],
	retention: ["retention"],
	compression: ["policy"],
	rules: ["policy"],
	only: ["policy"],
	maxFileSize: ["policy"],
	oneFileSystem: ["policy"],
	parallelism: ["policy"],
	limit: ["upload_limit_bytes_per_second"],
	maxAge: ["max_age_seconds"],
} as const satisfies Record<JobField, readonly (keyof JobPatch)[]>;

/** What the API takes for "none" where an absent part would leave the old value. */
const lifted: JobPatch = { offline_start: false, upload_limit_bytes_per_second: 0, max_age_seconds: 0 };

/** The change of a job as it is now. */
export function beginEdit(job: Job): JobEdit {
	const base = jobDraft(job);
	return { version: job.version, base, draft: base };
}

/** What a field means, so that another spelling of the same is no change. */
const meanings: Record<JobField, (draft: JobDraft) => unknown> = {
	name: (draft) => draft.name.trim(),
	paths: (draft) => draft.paths,
	schedule: ({ schedule }) => [scheduleRequest(schedule), schedule.type !== "manual" && schedule.offlineStart],
	retention: (draft) => retentionRequest(draft.retention),
	compression: (draft) => draft.compression,
	rules: (draft) => ruleLines(draft.rules),
	only: (draft) => ruleLines(draft.only),
	maxFileSize: (draft) => typedNumber(draft.maxFileSize),
	oneFileSystem: (draft) => draft.oneFileSystem,
	parallelism: (draft) => typedFileCount(draft.parallelism),
	limit: (draft) => typedNumber(draft.limit),
	maxAge: (draft) => typedNumber(draft.maxAge),
};

const differs = (before: JobDraft, after: JobDraft, field: JobField): boolean =>
	JSON.stringify(meanings[field](before)) !== JSON.stringify(meanings[field](after));

/** Fields in which two drafts differ. */
export const changedFields = (before: JobDraft, after: JobDraft): JobField[] =>
	jobFields.filter((field) => differs(before, after, field));

/** What was typed so far. */
export const editedFields = (edit: JobEdit): JobField[] => changedFields(edit.base, edit.draft);

/** Only what was changed; everything else stays as it is, whoever changes it. */
export function jobPatch({ base, draft }: JobEdit): JobPatch {
	const request = { ...lifted, ...jobRequest(draft, draft.name.trim()) };
	const wanted = changedFields(base, draft).flatMap((field): readonly (keyof JobPatch)[] => parts[field]);
	return Object.fromEntries(wanted.map((part) => [part, request[part]]));
}

/** A field that somebody else changed meanwhile. */
export interface ForeignChange {
	field: JobField;
	/** It was changed here as well, to something else: what was typed here is kept. */
	kept: boolean;
}

/** Bases a change on the job as somebody else left it: their fields are taken over, except those that were typed here. */
export function rebase(edit: JobEdit, current: Job): { edit: JobEdit; theirs: ForeignChange[] } {
	const now = jobDraft(current);
	const mine = new Set(editedFields(edit));
	const theirs = changedFields(edit.base, now);
	const taken = theirs.filter((field) => !mine.has(field));
	const draft = { ...edit.draft, ...Object.fromEntries(taken.map((field) => [field, now[field]])) };
	return {
		edit: { version: current.version, base: now, draft },
		theirs: theirs.map((field) => ({ field, kept: differs(now, draft, field) })),
	};
}
