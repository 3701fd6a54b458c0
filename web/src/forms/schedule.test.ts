import { describe, expect, it } from "vitest";
import { isComplete, newSchedule, scheduleDraft, scheduleRequest, typedTime } from "./schedule.ts";

describe("schedule", () => {
	// Requirements: UI-14
	it("is asked for with what belongs to its type", () => {
		expect(scheduleRequest({ ...newSchedule, type: "manual", zone: "UTC" })).toEqual({ type: "manual" });
		expect(scheduleRequest({ ...newSchedule, type: "hourly", minute: "15" })).toEqual({
			type: "hourly",
			minute: 15,
			not_between: [],
			catch_up: true,
		});
		expect(
			scheduleRequest({
				...newSchedule,
				type: "weekly",
				weekdays: ["sunday", "monday"],
				zone: "Europe/Berlin",
				spread: "30",
				stopAt: "06:00",
				catchUp: false,
			}),
		).toEqual({
			type: "weekly",
			time: "22:00",
			weekdays: ["monday", "sunday"],
			zone: "Europe/Berlin",
			spread_minutes: 30,
			not_between: [],
			stop_at: "06:00",
			catch_up: false,
		});
		expect(scheduleRequest({ ...newSchedule, type: "monthly", day: "last" }).day).toBe("last");
		expect(scheduleRequest({ ...newSchedule, type: "monthly", day: "31" }).day).toBe(31);
	});

	it.each([
		{ ...newSchedule, type: "manual" as const },
		{ ...newSchedule, type: "hourly" as const, minute: "45", spread: "10" },
		{ ...newSchedule, type: "weekly" as const, weekdays: ["saturday" as const], stopAt: "06:00" },
		{ ...newSchedule, type: "monthly" as const, day: "last", notBetween: [{ from: "08:00", to: "18:00" }] },
		{ ...newSchedule, type: "cron" as const, cron: "0 4 * * 1", zone: "UTC", catchUp: false },
	])("of type $type is read back as it was written", (draft) => {
		expect(scheduleDraft(scheduleRequest(draft))).toEqual(draft);
	});

	it("takes times as people type them", () => {
		expect(scheduleRequest({ ...newSchedule, time: " 7:30 " }).time).toBe("07:30");
		for (const text of ["", "24:00", "7:5", "12:60", "noon", "1200"]) expect(typedTime(text), text).toBeUndefined();
	});

	it("is complete when its type has what it needs", () => {
		expect(isComplete(newSchedule)).toBe(true);
		expect(isComplete({ ...newSchedule, time: "" })).toBe(false);
		expect(isComplete({ ...newSchedule, type: "hourly", minute: "60", time: "" })).toBe(false);
		expect(isComplete({ ...newSchedule, type: "weekly", weekdays: [] })).toBe(false);
		expect(isComplete({ ...newSchedule, type: "cron" })).toBe(false);
		expect(isComplete({ ...newSchedule, spread: "many" })).toBe(false);
		expect(isComplete({ ...newSchedule, notBetween: [{ from: "08:00", to: "" }] })).toBe(false);
	});
});
