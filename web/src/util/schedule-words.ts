import type { Schedule, Weekday } from "../api/types.ts";
import type { Language } from "./format.ts";

/** The page's texts for schedules, by key below `schedule`. */
export type ScheduleText = (
	key: "manual" | "hourly" | "hourlyAt" | "everyMinutes" | "daily" | "onDays" | "monthly" | "lastDay" | "cron" | "to",
	values?: Readonly<Record<string, string | number>>,
) => string;

const order: readonly Weekday[] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/** The short name of a weekday. */
export function weekdayName(language: Language, day: Weekday, style: "short" | "long" = "short"): string {
	// 2024-01-01 was a Monday.
	const date = new Date(Date.UTC(2024, 0, 1 + order.indexOf(day)));
	return new Intl.DateTimeFormat(language, { weekday: style, timeZone: "UTC" }).format(date);
}

/** "Mon to Fri", "Mon, Wed, Fri"; three or more days in a row become a range. */
export function weekdayWords(language: Language, days: readonly Weekday[], text: ScheduleText): string {
	const indexes = order.flatMap((day, index) => (days.includes(day) ? [index] : []));
	const name = (index: number) => weekdayName(language, order[index] ?? "monday");
	const parts: string[] = [];
	for (let at = 0; at < indexes.length; ) {
		let end = at;
		while ((indexes[end + 1] ?? -1) === (indexes[end] ?? 0) + 1) end += 1;
		const first = indexes[at] ?? 0;
		const last = indexes[end] ?? 0;
		if (end - at >= 2) parts.push(text("to", { from: name(first), to: name(last) }));
		else for (const index of indexes.slice(at, end + 1)) parts.push(name(index));
		at = end + 1;
	}
	return parts.join(", ");
}

function onDays(language: Language, days: readonly Weekday[], time: string, text: ScheduleText): string {
	if (days.length === order.length) return text("daily", { time });
	return text("onDays", { days: weekdayWords(language, days, text), time });
}

function hourly(minute: number, text: ScheduleText): string {
	return minute === 0 ? text("hourly") : text("hourlyAt", { minute: String(minute).padStart(2, "0") });
}

/** The days that a day-of-week field of numbers and ranges names; `undefined` for any other. */
function cronDays(field: string): Weekday[] | undefined {
	const days = new Set<number>();
	for (const part of field.split(",")) {
		const match = /^([0-7])(?:-([0-7]))?$/.exec(part);
		if (match === null) return undefined;
		const from = Number(match[1]);
		const to = match[2] === undefined ? from : Number(match[2]);
		if (to < from) return undefined;
		for (let day = from; day <= to; day += 1) days.add(day % 7);
	}
	return order.filter((_, index) => days.has((index + 1) % 7));
}

/** A cron expression in words, where it says something simple; else the expression. */
function cronWords(language: Language, cron: string, text: ScheduleText): string {
	const [minute = "", hour = "", day = "", month = "", weekday = ""] = cron.trim().split(/\s+/);
	const upTo = (most: number) => (field: string) => /^\d{1,2}$/.test(field) && Number(field) <= most;
	const [isMinute, isHour] = [upTo(59), upTo(23)];
	if (month === "*" && day === "*") {
		const step = /^\*\/(\d{1,2})$/.exec(minute);
		if (step !== null && hour === "*" && weekday === "*" && 60 % Number(step[1]) === 0) {
			return text("everyMinutes", { minutes: Number(step[1]) });
		}
		if (isMinute(minute) && hour === "*" && weekday === "*") return hourly(Number(minute), text);
		if (isMinute(minute) && isHour(hour)) {
			const time = `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
			if (weekday === "*") return text("daily", { time });
			const days = cronDays(weekday);
			if (days !== undefined) return onDays(language, days, time, text);
		}
	}
	return text("cron", { cron: cron.trim() });
}

/** A schedule in a few words, such as "Daily 22:00" or "Mon to Fri 19:00". */
export function scheduleWords(language: Language, schedule: Schedule, text: ScheduleText): string {
	const time = schedule.time ?? "";
	switch (schedule.type) {
		case "hourly":
			return hourly(schedule.minute ?? 0, text);
		case "daily":
			return text("daily", { time });
		case "weekly":
			return onDays(language, schedule.weekdays ?? [], time, text);
		case "monthly":
			return schedule.day === "last" || schedule.day === 31
				? text("lastDay", { time })
				: text("monthly", { day: schedule.day ?? 1, time });
		case "cron":
			return cronWords(language, schedule.cron ?? "", text);
		default:
			return text("manual");
	}
}
