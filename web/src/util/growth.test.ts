import { expect, it } from "vitest";
import { axis, dayDate, dayNumber, horizon } from "./growth.ts";

it("counts days", () => {
	expect(dayNumber("1970-01-02")).toBe(1);
	expect(dayDate(dayNumber("2026-11-22") + 10)).toBe("2026-12-02");
});

it("looks a little beyond the likely end, and never too far", () => {
	expect([null, 4, 100, 3650].map(horizon)).toEqual([30, 30, 125, 365]);
});

it("has round lines that hold everything", () => {
	expect(axis(0, 870)).toEqual({ from: 0, to: 1000, lines: [0, 500, 1000] });
	// What lies far above nothing gets the room.
	const high = axis(4.1e12, 6.6e12);
	expect(high.from).toBeGreaterThanOrEqual(2e12);
	expect(high.to).toBeGreaterThanOrEqual(6.6e12);
	expect(high.lines.length).toBeLessThanOrEqual(6);
	expect(axis(0, 0).lines).toEqual([0]);
	expect(axis(5, 5).to).toBeGreaterThanOrEqual(5);
});
