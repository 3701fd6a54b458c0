import { expect, it } from "vitest";
import { dayOf, monthsBetween } from "./months.ts";

it("lists the months between two days, the newest ones when there are many", () => {
	expect(monthsBetween("2026-11-30", "2027-02-01", 12).map((month) => month.name)).toEqual([
		"2026-11",
		"2026-12",
		"2027-01",
		"2027-02",
	]);
	expect(monthsBetween("2020-01-01", "2027-02-01", 2).map((month) => month.name)).toEqual(["2027-01", "2027-02"]);
	expect(monthsBetween("2027-03-01", "2027-02-01", 12).map((month) => month.name)).toEqual(["2027-02"]);
});

it("knows how long a month is and on which day it begins", () => {
	const [february] = monthsBetween("2028-02-05", "2028-02-05", 1);
	// A leap year; 1 February 2028 is a Tuesday.
	expect(february).toEqual({ name: "2028-02", days: 29, offset: 1 });
	expect(february === undefined ? "" : dayOf(february, 7)).toBe("2028-02-07");
});
