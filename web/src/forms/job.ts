import type { Compression, Job, JobCreate, JobPolicy } from "../api/types.ts";
import { typedNumber } from "./number.ts";
import {
	isRetentionComplete,
	newRetention,
	type RetentionDraft,
	retentionDraft,
	retentionRequest,
} from "./retention.ts";
import { newSchedule, type ScheduleDraft, scheduleDraft, scheduleRequest } from "./schedule.ts";

/** What somebody chose so far in the job wizard. Numbers are texts as typed. */
export interface JobDraft {
	agent: string;
	vault: string;
	paths: string[];
	schedule: ScheduleDraft;
	retention: RetentionDraft;
	compression: Compression;
	/** What is left out, one rule a line. */
	rules: string;
	/** What alone is taken, one rule a line; empty: everything. */
	only: string;
	/** MB. */
	maxFileSize: string;
	oneFileSystem: boolean;
	/** Files read at once; empty: the agent decides. */
	parallelism: string;
	/** MB a second. */
	limit: string;
	/** Hours. */
	maxAge: string;
	name: string;
	runFirst: boolean;
}

export const emptyJob: JobDraft = {
	agent: "",
	vault: "",
	paths: [],
	schedule: newSchedule,
	retention: newRetention,
	compression: "zstd-default",
	rules: "",
	only: "",
	maxFileSize: "",
	oneFileSystem: false,
	parallelism: "",
	limit: "",
	maxAge: "48",
	name: "",
	runFirst: true,
};

const megabyte = 1_000_000;
const hour = 3_600;

/** What the wizard shows of a job that exists. */
export function jobDraft(job: Job): JobDraft {
	const { policy, upload_limit_bytes_per_second: limit, max_age_seconds: maxAge } = job;
	return {
		agent: job.agent.id,
		vault: job.vault.id,
		paths: job.paths,
		schedule: scheduleDraft(job.schedule, job.offline_start),
		retention: retentionDraft(job.retention),
		compression: policy.compression ?? emptyJob.compression,
		rules: (policy.ignore_rules ?? []).join("\n"),
		only: (policy.include_rules ?? []).join("\n"),
		maxFileSize: policy.max_file_size_bytes ? String(policy.max_file_size_bytes / megabyte) : "",
		oneFileSystem: policy.one_file_system ?? false,
		parallelism: policy.parallelism ? String(policy.parallelism) : "",
		limit: limit ? String(limit / megabyte) : "",
		maxAge: maxAge ? String(maxAge / hour) : "",
		name: job.name,
		runFirst: false,
	};
}

/** Absolute on Linux or Windows, or a network share. */
export function isAbsolute(path: string): boolean {
	return path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path) || path.startsWith("\\\\");
}

/** Blanks around and separators at the end go; a root keeps its own. */
export function cleanPath(path: string): string {
	const text = path.trim();
	if (text === "/" || /^[A-Za-z]:[\\/]?$/.test(text)) return text.length === 2 ? `${text}\\` : text;
	return text.replace(/[\\/]+$/, "");
}

/** Whether `path` is `folder` or lies inside it. */
export function isInside(path: string, folder: string): boolean {
	if (path === folder) return true;
	const base = /[\\/]$/.test(folder) ? folder : folder + (folder.includes("\\") ? "\\" : "/");
	return path.startsWith(base);
}

/** Adds a path; those inside it are dropped, because it covers them. */
export function addPath(paths: readonly string[], path: string): string[] {
	if (paths.some((present) => isInside(path, present))) return [...paths];
	return [...paths.filter((present) => !isInside(present, path)), path];
}

export const ruleLines = (rules: string): string[] =>
	rules
		.split("\n")
		.map((line) => line.trimEnd())
		.filter((line) => line !== "");

/** A typed number of files that are read at once; `undefined` when empty, `null` when it is none. */
export function typedFileCount(text: string): number | undefined | null {
	const value = typedNumber(text);
	return value && (!Number.isInteger(value) || value > 64) ? null : value;
}

/** What selects files, as the API takes it. */
export function selectingPolicy(draft: JobDraft): JobPolicy {
	const largest = typedNumber(draft.maxFileSize);
	return {
		ignore_rules: ruleLines(draft.rules),
		include_rules: ruleLines(draft.only),
		one_file_system: draft.oneFileSystem,
		...(largest ? { max_file_size_bytes: Math.max(1, Math.round(largest * megabyte)) } : {}),
	};
}

/** Whether everything typed in the options can be read. */
export const optionsFine = (draft: JobDraft): boolean =>
	isRetentionComplete(draft.retention) &&
	typedNumber(draft.limit) !== null &&
	typedNumber(draft.maxAge) !== null &&
	typedFileCount(draft.parallelism) !== null;

/** A name to begin with: the last part of the first path. */
export function suggestedName(draft: JobDraft, agent: string): string {
	const first = draft.paths[0];
	if (first === undefined) return agent;
	const last = first
		.split(/[\\/]/)
		.filter((part) => part !== "")
		.at(-1);
	return last === undefined ? agent : `${last}, ${agent}`;
}

/** The job as the API takes it. */
export function jobRequest(draft: JobDraft, name: string): JobCreate {
	const limit = typedNumber(draft.limit);
	const maxAge = typedNumber(draft.maxAge);
	const parallelism = typedFileCount(draft.parallelism);
	return {
		name,
		kind: "files",
		agent_id: draft.agent,
		vault_id: draft.vault,
		paths: draft.paths,
		schedule: scheduleRequest(draft.schedule),
		retention: retentionRequest(draft.retention),
		...(draft.schedule.type !== "manual" && draft.schedule.offlineStart ? { offline_start: true } : {}),
		policy: {
			compression: draft.compression,
			...selectingPolicy(draft),
			...(parallelism ? { parallelism } : {}),
		},
		...(limit ? { upload_limit_bytes_per_second: Math.round(limit * megabyte) } : {}),
		...(maxAge ? { max_age_seconds: Math.round(maxAge * hour) } : {}),
	};
}
