import { describe, expect, it } from "vitest";
import type { Schedule } from "../api/types.ts";
import { de } from "../text/de.ts";
import { en } from "../text/en.ts";
import { type ScheduleText, scheduleWords } from "./schedule-words.ts";

const text =
	(texts: Readonly<Record<string, unknown>>): ScheduleText =>
	(key, values = {}) =>
		String(texts[key]).replace(/\{\{(\w+)\}\}/g, (_, name: string) => String(values[name]));

const english = (schedule: Schedule) => scheduleWords("en", schedule, text(en.schedule));
const german = (schedule: Schedule) => scheduleWords("de", schedule, text(de.schedule));
const cron = (expression: string): Schedule => ({ type: "cron", cron: expression });

describe("a schedule in words", () => {
	it.each<[Schedule, string, string]>([
		[{ type: "manual" }, "Started by hand", "Von Hand gestartet"],
		[{ type: "hourly" }, "Hourly", "Stündlich"],
		[{ type: "hourly", minute: 5 }, "Hourly at :05", "Stündlich um :05"],
		[{ type: "daily", time: "22:00" }, "Daily 22:00", "Täglich 22:00"],
		[
			{ type: "weekly", time: "19:00", weekdays: ["friday", "monday", "tuesday", "thursday", "wednesday"] },
			"Mon to Fri 19:00",
			"Mo bis Fr 19:00",
		],
		[{ type: "weekly", time: "03:00", weekdays: ["saturday", "sunday"] }, "Sat, Sun 03:00", "Sa, So 03:00"],
		[
			{
				type: "weekly",
				time: "03:00",
				weekdays: ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
			},
			"Daily 03:00",
			"Täglich 03:00",
		],
		[{ type: "monthly", time: "04:30", day: 15 }, "Monthly on day 15, 04:30", "Monatlich am 15., 04:30"],
		[{ type: "monthly", time: "04:30", day: 31 }, "Last day of the month, 04:30", "Am Monatsletzten, 04:30"],
		[{ type: "monthly", time: "04:30", day: "last" }, "Last day of the month, 04:30", "Am Monatsletzten, 04:30"],
	])("%j", (schedule, inEnglish, inGerman) => {
		expect(english(schedule)).toBe(inEnglish);
		expect(german(schedule)).toBe(inGerman);
	});

	it("says simple cron expressions and shows all others", () => {
		expect(english(cron("*/15 * * * *"))).toBe("Every 15 min");
		expect(english(cron("5 * * * *"))).toBe("Hourly at :05");
		expect(english(cron("30 4 * * *"))).toBe("Daily 04:30");
		expect(english(cron("0 19 * * 1-5"))).toBe("Mon to Fri 19:00");
		expect(english(cron("0 19 * * 0,6"))).toBe("Sat, Sun 19:00");
		expect(english(cron("0 19 * * 7"))).toBe("Sun 19:00");
		expect(english(cron("*/7 * * * *"))).toBe("Cron */7 * * * *");
		expect(english(cron("61 4 * * *"))).toBe("Cron 61 4 * * *");
		expect(english(cron("0 24 * * *"))).toBe("Cron 0 24 * * *");
		expect(english(cron("0 0 L * *"))).toBe("Cron 0 0 L * *");
		expect(english(cron("0 19 * * mon#1"))).toBe("Cron 0 19 * * mon#1");
	});
});
