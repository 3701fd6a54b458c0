import type { Failure, Problem } from "./types.ts";

/** A refusal of the server, or no answer at all (`status` 0). */
export class ApiError extends Error {
	readonly problem: Problem;

	constructor(problem: Problem, options?: ErrorOptions) {
		super(problem.title, options);
		this.problem = problem;
	}

	get code(): string {
		return this.problem.code;
	}
}

export const offline = "no_connection";

export function networkProblem(): Problem {
	return { type: "about:blank", title: "No answer", status: 0, code: offline, hints: [] };
}

/** What a page says about an error: what happened, why, what to do, and what to quote. */
export interface Wording {
	title: string;
	detail: string | undefined;
	hints: readonly string[];
	code: string | undefined;
	requestId: string | undefined;
}

/** Texts that the page has itself, by code; the server's own words are used for all others. */
export type KnownTexts = (code: string) => { title: string; detail?: string; hint?: string } | undefined;

export function wording(error: unknown, known: KnownTexts): Wording {
	if (error instanceof ApiError) return fromProblem(error.problem, known);
	const own = known("unexpected");
	return {
		title: own?.title ?? "",
		detail: error instanceof Error ? error.message : undefined,
		hints: own?.hint === undefined ? [] : [own.hint],
		code: undefined,
		requestId: undefined,
	};
}

export function failureWording(failure: Failure, known: KnownTexts): Wording {
	return fromProblem(failure, known);
}

function fromProblem(problem: Failure & { request_id?: string | null }, known: KnownTexts): Wording {
	const own = known(problem.code);
	return {
		title: own?.title ?? problem.title,
		detail: problem.detail ?? own?.detail ?? undefined,
		hints: own?.hint === undefined ? problem.hints : [own.hint],
		code: problem.code,
		requestId: problem.request_id ?? undefined,
	};
}

/** Words that the page has itself for what is wrong with a field; the server's own are used for all others. */
export type KnownFields = (pointer: string, code: string) => string | undefined;

/** Problems of single input fields, by JSON pointer. */
export function fieldProblems(error: unknown, known: KnownFields): ReadonlyMap<string, string> {
	const result = new Map<string, string>();
	if (error instanceof ApiError) {
		for (const { pointer, code, detail } of error.problem.errors ?? []) {
			if (!result.has(pointer)) result.set(pointer, known(pointer, code) ?? detail);
		}
	}
	return result;
}

/** Whether the object named by the address does not exist for this reader. */
export function isNotFound(error: unknown): boolean {
	return error instanceof ApiError && error.problem.status === 404;
}

/** The object as somebody else left it, when a change was based on an older version. */
export function currentOf<T>(error: unknown): T | undefined {
	if (!(error instanceof ApiError) || error.code !== "version_changed") return undefined;
	return (error.problem.current ?? undefined) as T | undefined;
}

export function isSignedOut(error: unknown): boolean {
	return error instanceof ApiError && error.problem.status === 401;
}
