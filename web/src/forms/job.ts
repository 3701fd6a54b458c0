import type { Compression, JobCreate } from "../api/types.ts";
import { typedNumber } from "./number.ts";
import { newSchedule, type ScheduleDraft, scheduleRequest } from "./schedule.ts";

/** What somebody chose so far in the job wizard. Numbers are texts as typed. */
export interface JobDraft {
	agent: string;
	vault: string;
	paths: string[];
	schedule: ScheduleDraft;
	compression: Compression;
	rules: string;
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
	compression: "zstd-default",
	rules: "",
	limit: "",
	maxAge: "48",
	name: "",
	runFirst: true,
};

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
	return {
		name,
		kind: "files",
		agent_id: draft.agent,
		vault_id: draft.vault,
		paths: draft.paths,
		schedule: scheduleRequest(draft.schedule),
		...(draft.schedule.type !== "manual" && draft.schedule.offlineStart ? { offline_start: true } : {}),
		policy: { compression: draft.compression, ignore_rules: ruleLines(draft.rules) },
		...(limit ? { upload_limit_bytes_per_second: Math.round(limit * 1_000_000) } : {}),
		...(maxAge ? { max_age_seconds: Math.round(maxAge * 3600) } : {}),
	};
}
