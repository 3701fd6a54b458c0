import createClient from "openapi-fetch";
import { ApiError, networkProblem } from "./errors.ts";
import type { paths } from "./schema.gen.ts";
import type { Problem } from "./types.ts";

/** Absolute addresses; `fetch` is looked up at each call so that tests can replace it. */
export const client = createClient<paths>({
	baseUrl: globalThis.location.origin,
	fetch: (request) => globalThis.fetch(request),
	querySerializer: { array: { style: "form", explode: false } },
});

interface Answer<T> {
	data?: T;
	error?: unknown;
	response: Response;
}

/** The answer's body, or the problem as an `ApiError`. */
export async function answer<T>(request: Promise<Answer<T>>): Promise<T> {
	let result: Answer<T>;
	try {
		result = await request;
	} catch (cause) {
		if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
		throw new ApiError(networkProblem(), { cause });
	}
	if (!result.response.ok) throw new ApiError(asProblem(result.error, result.response));
	return result.data as T;
}

function asProblem(body: unknown, response: Response): Problem {
	if (typeof body === "object" && body !== null && "code" in body && "title" in body) return body as Problem;
	return {
		type: "about:blank",
		title: `${response.status} ${response.statusText}`.trim(),
		status: response.status,
		code: "unexpected_answer",
		hints: [],
	};
}

/** A key under which a creating request has its effect once. `crypto.randomUUID` is missing on plain http. */
export function idempotencyKey(): string {
	const bytes = crypto.getRandomValues(new Uint8Array(16));
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function ifMatch(version: number): { "If-Match": string } {
	return { "If-Match": `"${version}"` };
}
