import { describe, expect, it } from "vitest";
import { age, count, duration, moment, percent, size, speed, stopwatch, visibleText } from "./format.ts";

describe("sizes", () => {
	it.each([
		[0, "0 B"],
		[999, "999 B"],
		[88_000, "88 kB"],
		[4_820_000_000_000, "4.82 TB"],
		[999_600, "1.00 MB"],
		[46_800_000_000, "46.8 GB"],
	])("%d bytes read %s", (bytes, words) => {
		expect(size("en", bytes)).toBe(words);
	});

	it("use the comma in German", () => {
		expect(size("de", 4_820_000_000_000)).toBe("4,82 TB");
		expect(count("de", 1_283_560)).toBe("1.283.560");
	});

	it("give speeds a second", () => {
		expect(speed("en", 212_000_000)).toBe("212 MB/s");
	});
});

describe("times", () => {
	const now = new Date("2026-11-22T21:47:00Z");
	it("name the weekday within a week", () => {
		expect(moment("en", new Date("2026-11-21T21:41:00Z"), now, "Europe/Berlin")).toBe("Sat 22:41");
	});
	it("name the date before that", () => {
		expect(moment("en", new Date("2026-11-01T21:41:00Z"), now, "Europe/Berlin")).toBe("Sun 1 Nov, 22:41");
		expect(moment("en", new Date("2025-11-21T21:41:00Z"), now, "Europe/Berlin")).toBe("21 Nov 2025");
	});
	it("are relative under 48 hours", () => {
		expect(age("en", new Date("2026-11-22T21:00:00Z"), now)).toBe("47 min ago");
		expect(age("de", new Date("2026-11-22T21:00:00Z"), now)).toBe("vor 47 Min.");
	});
});

describe("durations", () => {
	it.each([
		[41, "41 s"],
		[92, "1 min 32 s"],
		[7800, "2 h 10 min"],
		[162_000, "1 day 21 h"],
	])("%d seconds read %s", (seconds, words) => {
		expect(duration("en", seconds)).toBe(words);
	});
	it("run as a clock", () => {
		expect(stopwatch(2830)).toBe("47:10");
		expect(stopwatch(3730)).toBe("1:02:10");
	});
});

it("shows percentages with one digit", () => {
	expect(percent("en", 63.4, 1)).toBe("63.4%");
	expect(percent("de", 63.4, 1)).toBe("63,4\u00a0%");
});

it("makes control characters visible", () => {
	expect(visibleText("a\nb\u007f")).toBe("a\u240ab\u2421");
});
