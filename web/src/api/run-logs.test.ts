import { expect, it } from "vitest";
import { addNewer, lineLimit } from "./queries/run-logs.ts";
import type { RunLog } from "./types.ts";

const log = (from: number, to: number, more = false): RunLog => ({
	items: Array.from({ length: to - from + 1 }, (_unused, index) => ({
		line: from + index,
		time: "2026-11-30T17:00:00.000Z",
		level: "info" as const,
		attempt: 1,
		text: `line ${from + index}`,
	})),
	from,
	to,
	more,
	lines: to,
	full: false,
	erased: false,
});

it("adds newer lines behind those that are there", () => {
	const page = addNewer(log(1, 3), log(4, 6), true);
	expect(page.items.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6]);
	expect(page).toMatchObject({ from: 1, to: 6, lines: 6, more: false });
});

it("keeps the newest of very many, and the way to the others", () => {
	const page = addNewer(log(1, lineLimit), log(lineLimit + 1, lineLimit + 10), true);
	expect(page.items.length).toBe(lineLimit);
	expect(page).toMatchObject({ from: 11, to: lineLimit + 10, more: true });
});

it("leaves no gap before older pages", () => {
	const page = addNewer(log(100, lineLimit + 99), log(lineLimit + 100, lineLimit + 110), false);
	expect(page).toMatchObject({ from: 100 });
	expect(page.items.length).toBe(lineLimit + 11);
});
