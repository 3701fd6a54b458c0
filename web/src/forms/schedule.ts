import type { Schedule, ScheduleType, Weekday } from "../api/types.ts";
import { typedNumber } from "./number.ts";

/** What somebody chose so far for a schedule. Numbers and times are texts as typed. */
export interface ScheduleDraft {
	type: ScheduleType;
	minute: string;
	time: string;
	weekdays: Weekday[];
	/** 1 to 31, or `last`. */
	day: string;
	cron: string;
	/** Empty: the tenant's. */
	zone: string;
	/** Minutes. */
	spread: string;
	notBetween: { from: string; to: string }[];
	/** Empty: runs may take as long as they like. */
	stopAt: string;
	catchUp: boolean;
	/** The machine starts what is due by itself while the server is away; a setting of the job. */
	offlineStart: boolean;
}

export const scheduleTypes: readonly ScheduleType[] = ["manual", "hourly", "daily", "weekly", "monthly", "cron"];

export const weekdays: readonly Weekday[] = [
	"monday",
	"tuesday",
	"wednesday",
	"thursday",
	"friday",
	"saturday",
	"sunday",
];

export const workdays: readonly Weekday[] = weekdays.slice(0, 5);

/** A new job runs each night. */
export const newSchedule: ScheduleDraft = {
	type: "daily",
	minute: "0",
	time: "22:00",
	weekdays: [...workdays],
	day: "1",
	cron: "",
	zone: "",
	spread: "",
	notBetween: [],
	stopAt: "",
	catchUp: true,
	offlineStart: false,
};

/** A typed time of day as `07:30`; `undefined` when it is none. */
export function typedTime(text: string): string | undefined {
	const match = /^(\d{1,2}):([0-5]\d)$/.exec(text.trim());
	if (match === null || Number(match[1]) > 23) return undefined;
	return `${match[1]?.padStart(2, "0")}:${match[2]}`;
}

const isTime = (text: string) => typedTime(text) !== undefined;

const time = (text: string) => typedTime(text) ?? text;

/** Whether everything that the type needs is there; the server judges the rest. */
export function isComplete(draft: ScheduleDraft): boolean {
	const timed = draft.type === "daily" || draft.type === "weekly" || draft.type === "monthly";
	const minute = Number(draft.minute);
	return (
		(!timed || isTime(draft.time)) &&
		(draft.type !== "hourly" || (/^\d{1,2}$/.test(draft.minute) && minute <= 59)) &&
		(draft.type !== "weekly" || draft.weekdays.length > 0) &&
		(draft.type !== "cron" || draft.cron.trim() !== "") &&
		typedNumber(draft.spread) !== null &&
		(draft.stopAt.trim() === "" || isTime(draft.stopAt)) &&
		draft.notBetween.every((window) => isTime(window.from) && isTime(window.to))
	);
}

/** The schedule as the API takes it: only what belongs to its type. */
export function scheduleRequest(draft: ScheduleDraft): Schedule {
	const { type } = draft;
	const timed = type === "daily" || type === "weekly" || type === "monthly";
	const spread = typedNumber(draft.spread);
	return {
		type,
		...(type === "hourly" ? { minute: Number(draft.minute) } : {}),
		...(timed ? { time: time(draft.time) } : {}),
		...(type === "weekly" ? { weekdays: weekdays.filter((day) => draft.weekdays.includes(day)) } : {}),
		...(type === "monthly" ? { day: draft.day === "last" ? "last" : Number(draft.day) } : {}),
		...(type === "cron" ? { cron: draft.cron.trim() } : {}),
		...(type === "manual"
			? {}
			: {
					...(draft.zone === "" ? {} : { zone: draft.zone }),
					...(spread ? { spread_minutes: Math.round(spread) } : {}),
					not_between: draft.notBetween.map(({ from, to }) => ({ from: time(from), to: time(to) })),
					...(draft.stopAt.trim() === "" ? {} : { stop_at: time(draft.stopAt) }),
					catch_up: draft.catchUp,
				}),
	};
}

/** What the form shows of a stored schedule. */
export function scheduleDraft(schedule: Schedule, offlineStart = false): ScheduleDraft {
	return {
		type: schedule.type,
		minute: String(schedule.minute ?? newSchedule.minute),
		time: schedule.time ?? newSchedule.time,
		weekdays: schedule.weekdays?.length ? schedule.weekdays : newSchedule.weekdays,
		day: String(schedule.day ?? newSchedule.day),
		cron: schedule.cron ?? "",
		zone: schedule.zone ?? "",
		spread: schedule.spread_minutes ? String(schedule.spread_minutes) : "",
		notBetween: schedule.not_between ?? [],
		stopAt: schedule.stop_at ?? "",
		catchUp: schedule.catch_up ?? true,
		offlineStart,
	};
}
