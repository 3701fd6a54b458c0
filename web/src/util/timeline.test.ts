import { describe, expect, it } from "vitest";
import {
	barsOf,
	byDay,
	dayBy,
	dayLength,
	dayOfWall,
	type Moment,
	moveBy,
	nearestTo,
	placeOf,
	spanOf,
	ticksOf,
	wallClock,
} from "./timeline.ts";

const wall = wallClock("Europe/Berlin");
const moment = (at: string, fresh = 1): Moment => ({ id: at, at: wall(new Date(at)), fresh });

const daily: Moment[] = Array.from({ length: 1_000 }, (_unused, index) => {
	const at = new Date(Date.UTC(2024, 1, 27, 21, 41) + index * dayLength);
	return moment(at.toISOString(), index === 0 ? 1e12 : 1e9 + index);
});

describe("wall clock", () => {
	it("cuts days where the zone does, over both changes of the clock", () => {
		expect(dayOfWall(wall(new Date("2026-11-21T23:30:00Z")))).toBe("2026-11-22");
		expect(dayOfWall(wall(new Date("2026-07-01T21:59:59Z")))).toBe("2026-07-01");
		expect(dayOfWall(wall(new Date("2026-07-01T22:00:00Z")))).toBe("2026-07-02");
		expect(byDay(daily).size).toBe(1_000);
	});
});

describe("the slider's line", () => {
	// Requirements: TM-4
	it("gives recent time more room and keeps the order", () => {
		const span = spanOf("all", daily, 0);
		const places = daily.map(({ at }) => placeOf(span, at));
		expect(places[0]).toBe(0);
		expect(places.at(-1)).toBe(1);
		expect(places.every((place, index) => index === 0 || place > (places[index - 1] ?? 1))).toBe(true);
		const month = 1 - (places[969] ?? 0);
		expect(month).toBeGreaterThan(0.15);
		expect((places[30] ?? 1) - (places[0] ?? 0)).toBeLessThan(0.02);
	});

	it("shows the week or month of the chosen point evenly", () => {
		const at = wall(new Date("2026-11-18T21:40:00Z"));
		const week = spanOf("week", daily, at);
		expect([dayOfWall(week.from), dayOfWall(week.to)]).toEqual(["2026-11-16", "2026-11-23"]);
		expect(placeOf(week, week.from + 3.5 * dayLength)).toBeCloseTo(0.5);
		const month = spanOf("month", daily, at);
		expect([dayOfWall(month.from), dayOfWall(month.to)]).toEqual(["2026-11-01", "2026-12-01"]);
	});

	it("finds every point again at its own place", () => {
		const span = spanOf("all", daily, 0);
		for (let index = 0; index < daily.length; index += 1) {
			const at = daily[index]?.at ?? 0;
			expect(nearestTo(span, daily, placeOf(span, at))).toBe(index);
		}
	});

	it("has few bars for many points, none flattened by the first backup", () => {
		const bars = barsOf(spanOf("all", daily, 0), daily, 240);
		expect(bars.length).toBeLessThanOrEqual(240);
		expect(Math.max(...bars.map((bar) => bar.height))).toBe(1);
		expect(Math.min(...bars.map((bar) => bar.height))).toBeGreaterThan(0.01);
	});

	it("writes dates that stand apart", () => {
		for (const zoom of ["week", "month", "all"] as const) {
			const ticks = ticksOf(spanOf(zoom, daily, daily.at(-1)?.at ?? 0), 0.08);
			expect(ticks.length, zoom).toBeGreaterThan(3);
			const places = ticks.map((tick) => tick.place).sort((one, other) => one - other);
			places.forEach((place, index) => {
				if (index > 0) expect(place - (places[index - 1] ?? 0)).toBeGreaterThanOrEqual(0.08);
			});
		}
	});

	it("takes a single point", () => {
		const one = [moment("2026-11-18T21:40:00Z", 0)];
		const span = spanOf("all", one, one[0]?.at ?? 0);
		expect(placeOf(span, one[0]?.at ?? 0)).toBe(1);
		expect(barsOf(span, one, 240)).toEqual([{ place: 1, height: 0 }]);
		for (const key of ["ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End"])
			expect(moveBy(key, one, 0)).toBe(0);
	});
});

describe("keys", () => {
	// Requirements: TM-4
	it("move by a point, by a week, and to the ends", () => {
		const move = (key: string, index: number) => moveBy(key, daily, index);
		expect(["ArrowLeft", "ArrowRight", "PageDown", "PageUp", "Home", "End"].map((key) => move(key, 500))).toEqual([
			499, 501, 493, 507, 0, 999,
		]);
		expect(["ArrowLeft", "PageDown"].map((key) => move(key, 0))).toEqual([0, 0]);
		expect(["ArrowRight", "PageUp"].map((key) => move(key, 999))).toEqual([999, 999]);
		expect(move("a", 5)).toBeUndefined();
	});

	it("move in the calendar among days with points", () => {
		const days = ["2026-09-30", "2026-11-02", "2026-11-09", "2026-11-11", "2026-12-01"];
		const to = (key: string) => dayBy(key, days, "2026-11-09");
		expect(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"].map(to)).toEqual([
			"2026-11-02",
			"2026-11-11",
			"2026-11-02",
			"2026-12-01",
			"2026-09-30",
			"2026-12-01",
			"2026-09-30",
			"2026-12-01",
		]);
		expect(dayBy("ArrowRight", days, "2026-12-01")).toBeUndefined();
	});
});
