import { describe, expect, it } from "vitest";
import type { ComparedEntry } from "../../api/types.ts";
import { canComeBack, filesOf, growth, joined, kindOf } from "./requests.ts";

const state = (size: number) => ({ size, modified: "2026-11-21T22:41:00Z", mode: "0644" });
const entry = (change: Partial<ComparedEntry>): ComparedEntry => ({
	path: "a",
	kind: "file",
	change: "changed",
	...change,
});

const sides = { before: "1", after: "2", sourcePath: "/srv" };

describe("comparisons", () => {
	it("reckon growth of files and folders", () => {
		expect(growth(entry({ before: state(10), after: state(4) }))).toBe(-6);
		expect(growth(entry({ change: "added", after: state(4) }))).toBe(4);
		expect(growth(entry({ change: "deleted", before: state(10) }))).toBe(-10);
		const below = { added: 1, added_bytes: 7, changed: 1, changed_bytes: -2, deleted: 1, deleted_bytes: 9 };
		expect(growth(entry({ kind: "directory", change: "inside", below, before: state(1), after: state(99) }))).toBe(-4);
	});

	it("know what can come back", () => {
		expect(canComeBack(entry({ change: "deleted", before: state(1) }))).toBe(true);
		expect(canComeBack(entry({ before: state(1), after: state(2) }))).toBe(true);
		expect(canComeBack(entry({ change: "added", after: state(2) }))).toBe(false);
		expect(canComeBack(entry({ kind: "directory", change: "inside", before: state(1), after: state(2) }))).toBe(false);
	});

	it("ask for what is shown", () => {
		expect(filesOf(sides, "Finance", "all", "").changes).toEqual([]);
		expect(filesOf(sides, "", "deleted", "bud")).toMatchObject({ changes: ["deleted"], name: "bud", list: "files" });
		expect([kindOf("added"), kindOf("inside"), kindOf(undefined)]).toEqual(["added", "all", "all"]);
		expect([joined("", "a"), joined("a/b", "c")]).toEqual(["a", "a/b/c"]);
	});
});
