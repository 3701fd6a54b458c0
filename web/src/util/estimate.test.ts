import { describe, expect, it } from "vitest";
import { addSample, restEstimate, roundRest, type Sample, savedPercent, speeds } from "./estimate.ts";

function steady(seconds: number, rate: number): Sample[] {
	let samples: Sample[] = [];
	for (let second = 0; second <= seconds; second += 2) {
		samples = addSample(samples, { at: second * 1000, read: second * rate, uploaded: 0 });
	}
	return samples;
}

describe("rest of a run", () => {
	it("is unknown until thirty seconds of data", () => {
		expect(restEstimate(steady(28, 100), 10_000)).toBeUndefined();
		expect(restEstimate(steady(30, 100), 10_000)).toBeDefined();
	});

	it("is unknown while the total is unknown", () => {
		expect(restEstimate(steady(60, 100), null)).toBeUndefined();
	});

	it("is exact at a steady speed", () => {
		const rest = restEstimate(steady(60, 100), 12_000);
		expect(rest?.low).toBeCloseTo(60);
		expect(rest?.high).toBeCloseTo(60);
	});

	it("is said in minutes, above an hour in tens", () => {
		expect(roundRest({ low: 30, high: 90 })).toEqual({ kind: "soon" });
		expect(roundRest({ low: 22 * 60 + 20, high: 29 * 60 + 10 })).toEqual({ kind: "minutes", low: 22, high: 30 });
		expect(roundRest({ low: 4260, high: 5930 })).toEqual({ kind: "minutes", low: 70, high: 100 });
	});
});

describe("samples", () => {
	it("never fall", () => {
		const samples = addSample(addSample([], { at: 0, read: 10, uploaded: 4 }), { at: 1000, read: 8, uploaded: 3 });
		expect(samples.at(-1)).toEqual({ at: 1000, read: 10, uploaded: 4 });
	});

	it("give speeds a second", () => {
		expect(
			speeds([
				{ at: 0, read: 0, uploaded: 0 },
				{ at: 2000, read: 100, uploaded: 20 },
			]),
		).toEqual([{ at: 2000, read: 50, uploaded: 10 }]);
	});
});

describe("saved share", () => {
	// Requirements: PRG-10
	it("shows from half a percent", () => {
		expect(savedPercent(1000, 996)).toBeUndefined();
		expect(savedPercent(1000, 84)).toBeCloseTo(91.6);
		expect(savedPercent(1000, 0)).toBe(100);
		expect(savedPercent(0, 0)).toBeUndefined();
	});
});
