import { describe, expect, it } from "vitest";
import { searchOf } from "./search.ts";

describe("a search in the address", () => {
	it("is nothing without a text", () => {
		expect(searchOf({})).toBeUndefined();
		expect(searchOf({ q: "  ", agent: "a" })).toBeUndefined();
	});

	it("asks for whole days by the reader's clock", () => {
		const query = searchOf({ q: " budget ", from: "2026-11-03", to: "2026-11-03" });
		expect(query?.pattern).toBe("budget");
		const length = new Date(query?.to ?? "").getTime() - new Date(query?.from ?? "").getTime();
		expect(length).toBe(86_400_000 - 1);
	});

	it("drops what it does not know", () => {
		expect(searchOf({ q: "x", from: "yesterday", to: "2026-13-45", deleted: "maybe" })).toEqual({ pattern: "x" });
		expect(searchOf({ q: "x", deleted: "only", agent: "a" })).toEqual({ pattern: "x", deleted: "only", agent_id: "a" });
	});
});
