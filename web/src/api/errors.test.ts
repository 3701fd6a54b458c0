import { describe, expect, it } from "vitest";
import { ApiError, fieldProblems, isNotFound, isSignedOut, wording } from "./errors.ts";
import type { Problem } from "./types.ts";

const problem = (part: Partial<Problem> = {}): Problem => ({
	type: "/problems/x",
	title: "The bucket hl-backup refused the key.",
	status: 422,
	code: "storage_forbidden",
	detail: "It was changed or withdrawn.",
	hints: ["Enter a new key."],
	request_id: "7f3a91",
	...part,
});

describe("wording", () => {
	it("takes the server's words for codes that the page does not know", () => {
		expect(wording(new ApiError(problem()), () => undefined)).toEqual({
			title: "The bucket hl-backup refused the key.",
			detail: "It was changed or withdrawn.",
			hints: ["Enter a new key."],
			code: "storage_forbidden",
			requestId: "7f3a91",
		});
	});

	it("prefers its own words but keeps what names the thing", () => {
		const words = wording(new ApiError(problem()), () => ({ title: "Titel", hint: "Rat" }));
		expect(words.title).toBe("Titel");
		expect(words.detail).toBe("It was changed or withdrawn.");
		expect(words.hints).toEqual(["Rat"]);
	});

	it("words errors of the page itself", () => {
		const words = wording(new TypeError("x is undefined"), () => ({ title: "The page met an error", hint: "Reload." }));
		expect(words.title).toBe("The page met an error");
		expect(words.detail).toBe("x is undefined");
		expect(words.code).toBeUndefined();
	});
});

it("finds the first problem of each field", () => {
	const error = new ApiError(
		problem({
			errors: [
				{ pointer: "/name", code: "name_taken", detail: "used" },
				{ pointer: "/name", code: "too_long", detail: "long" },
			],
		}),
	);
	expect([...fieldProblems(error, () => undefined)]).toEqual([["/name", "used"]]);
	const known = (pointer: string, code: string) => `${code} at ${pointer}`;
	expect([...fieldProblems(error, known)]).toEqual([["/name", "name_taken at /name"]]);
});

it("knows the refusals that lead elsewhere", () => {
	expect(isSignedOut(new ApiError(problem({ status: 401 })))).toBe(true);
	expect(isNotFound(new ApiError(problem({ status: 404 })))).toBe(true);
	expect(isNotFound(new Error("404"))).toBe(false);
});
