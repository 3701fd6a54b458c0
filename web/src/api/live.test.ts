import { expect, it } from "vitest";
import { mergeEvents } from "./live.ts";
import type { RunEvent } from "./types.ts";

const event = (seq: number): RunEvent => ({
	seq,
	time: "2026-11-22T21:00:00.000Z",
	type: "info",
	level: "info",
	message_id: "STAGE",
	params: {},
	message: `event ${seq}`,
});

const numbers = (log: { items: readonly RunEvent[] }) => log.items.map((entry) => entry.seq);

// Requirements: LIVE-5
it("keeps events in order and drops repeats", () => {
	let log = mergeEvents(undefined, [event(2), event(1)]);
	expect(numbers(log)).toEqual([1, 2]);
	log = mergeEvents(log, [event(2), event(3)]);
	expect(numbers(log)).toEqual([1, 2, 3]);
	expect(log.lastSeq).toBe(3);
});

it("stays the same object when nothing is new", () => {
	const log = mergeEvents(undefined, [event(1)]);
	expect(mergeEvents(log, [event(1)])).toBe(log);
});

it("keeps a bounded number and still knows the last", () => {
	const many = Array.from({ length: 6_000 }, (_unused, index) => event(index + 1));
	const log = mergeEvents(undefined, many);
	expect(log.items).toHaveLength(5_000);
	expect(log.lastSeq).toBe(6_000);
});
