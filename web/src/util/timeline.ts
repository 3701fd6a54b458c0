/**
 * Restore points on a line of time. Times are wall-clock times of a zone, told as milliseconds as if they were UTC, so that
 * days and months are cut where the reader's calendar cuts them.
 */

export const dayLength = 86_400_000;

/** A point as the line needs it. */
export interface Moment {
	id: string;
	/** Wall-clock time, ms. */
	at: number;
	/** Bytes of new data; unknown ones count as none. */
	fresh: number;
}

export type Zoom = "week" | "month" | "all";

/** A part of time, and whether its recent end gets more room. */
export interface Span {
	from: number;
	to: number;
	stretched: boolean;
}

/** Reads the clock on the wall of a zone; without one, that of this machine. */
export function wallClock(zone: string | undefined): (at: Date) => number {
	const format = new Intl.DateTimeFormat("en-GB", {
		hourCycle: "h23",
		year: "numeric",
		month: "2-digit",
		day: "2-digit",
		hour: "2-digit",
		minute: "2-digit",
		second: "2-digit",
		...(zone === undefined ? {} : { timeZone: zone }),
	});
	return (at) => {
		const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
		const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
		return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
	};
}

/** The day of a wall-clock time, `2027-11-22`. */
export const dayOfWall = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** The part of time that a zoom shows round a moment. `moments` are in order, the oldest first, and not none. */
export function spanOf(zoom: Zoom, moments: readonly Moment[], at: number): Span {
	const date = new Date(at);
	if (zoom === "week") {
		const midnight = Math.floor(at / dayLength) * dayLength;
		const from = midnight - ((date.getUTCDay() + 6) % 7) * dayLength;
		return { from, to: from + 7 * dayLength, stretched: false };
	}
	if (zoom === "month") {
		const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
		return { from: Date.UTC(year, month, 1), to: Date.UTC(year, month + 1, 1), stretched: false };
	}
	const from = moments[0]?.at ?? at;
	const to = moments.at(-1)?.at ?? at;
	// A single moment stands at the recent end.
	return { from: from === to ? to - dayLength : from, to, stretched: true };
}

/** The recent thirty-second part of a stretched span gets a fifth of its room. */
const stretch = 32;

/** Where a moment stands in a span: 0 at its old end, 1 at its recent one. */
export function placeOf(span: Span, at: number): number {
	const length = span.to - span.from;
	const age = Math.min(Math.max(span.to - at, 0), length) / length;
	return span.stretched ? 1 - Math.log1p(age * stretch) / Math.log1p(stretch) : 1 - age;
}

export interface BarOfTime {
	/** Where it stands, 0 to 1. */
	place: number;
	/** How high it is, 0 to 1. */
	height: number;
}

/** The new data of a span as at most `most` bars. Heights grow with the root, so that a first backup does not flatten the rest. */
export function barsOf(span: Span, moments: readonly Moment[], most: number): BarOfTime[] {
	const sums = new Map<number, { place: number; fresh: number }>();
	for (const { at, fresh } of moments) {
		if (at < span.from || at > span.to) continue;
		const place = placeOf(span, at);
		const bin = Math.round(place * (most - 1));
		const sum = sums.get(bin);
		if (sum === undefined) sums.set(bin, { place, fresh });
		else sum.fresh += fresh;
	}
	const largest = Math.max(...[...sums.values()].map((sum) => sum.fresh), 1);
	return [...sums.values()].map(({ place, fresh }) => ({ place, height: Math.sqrt(fresh / largest) }));
}

export interface Tick {
	at: number;
	place: number;
	unit: "day" | "month" | "year";
}

/** Dates to write below a span, the recent ones first, no two nearer than `gap` (part of the room). */
export function ticksOf(span: Span, gap: number): Tick[] {
	const ticks: Tick[] = [];
	const add = (at: number, unit: Tick["unit"]) => {
		if (at < span.from || at > span.to) return;
		const place = placeOf(span, at);
		// Words are as wide as half the gap on either side and must not leave the line.
		if (place < gap / 2 || place > 1 - gap / 2) return;
		if (ticks.every((tick) => Math.abs(tick.place - place) >= gap)) ticks.push({ at, place, unit });
	};
	const firstMidnight = Math.floor(span.to / dayLength) * dayLength;
	const recent = span.stretched ? Math.max(span.from, span.to - 45 * dayLength) : span.from;
	for (let at = firstMidnight; at >= recent; at -= dayLength) add(at, "day");
	const end = new Date(span.to);
	for (let month = end.getUTCFullYear() * 12 + end.getUTCMonth(); ; month -= 1) {
		const at = Date.UTC(Math.floor(month / 12), month % 12, 1);
		if (at < span.from) return ticks;
		add(at, month % 12 === 0 ? "year" : "month");
	}
}

/** The index of the moment that stands nearest to a place. */
export function nearestTo(span: Span, moments: readonly Moment[], place: number): number {
	let best = 0;
	let distance = Number.POSITIVE_INFINITY;
	moments.forEach(({ at }, index) => {
		if (at < span.from || at > span.to) return;
		const other = Math.abs(placeOf(span, at) - place);
		if (other < distance) [best, distance] = [index, other];
	});
	return best;
}

/** Where a key leads from the moment `index`; `undefined` for keys that do not move in time. */
export function moveBy(key: string, moments: readonly Moment[], index: number): number | undefined {
	const last = moments.length - 1;
	const at = moments[index]?.at ?? 0;
	switch (key) {
		case "ArrowLeft":
		case "ArrowDown":
			return Math.max(index - 1, 0);
		case "ArrowRight":
		case "ArrowUp":
			return Math.min(index + 1, last);
		case "Home":
			return 0;
		case "End":
			return last;
		case "PageDown":
			return Math.max(
				moments.findLastIndex((moment) => moment.at <= at - 7 * dayLength),
				0,
			);
		case "PageUp": {
			const later = moments.findIndex((moment) => moment.at >= at + 7 * dayLength);
			return later === -1 ? last : later;
		}
		default:
			return undefined;
	}
}

/** The moments of each day that has any, in order. */
export function byDay(moments: readonly Moment[]): ReadonlyMap<string, readonly Moment[]> {
	const days = new Map<string, Moment[]>();
	for (const moment of moments) {
		const day = dayOfWall(moment.at);
		const own = days.get(day);
		if (own === undefined) days.set(day, [moment]);
		else own.push(moment);
	}
	return days;
}

/** Where a key leads from a day of a calendar in which only some days can be chosen; `days` are in order. */
export function dayBy(key: string, days: readonly string[], day: string): string | undefined {
	const index = days.indexOf(day);
	const shifted = (by: number) => dayOfWall(Date.parse(`${day}T00:00:00Z`) + by * dayLength);
	switch (key) {
		case "ArrowLeft":
			return days[index - 1];
		case "ArrowRight":
			return days[index + 1];
		case "ArrowUp":
			return days.findLast((other) => other <= shifted(-7));
		case "ArrowDown":
			return days.find((other) => other >= shifted(7));
		case "PageUp":
			return days.findLast((other) => other.slice(0, 7) < day.slice(0, 7));
		case "PageDown":
			return days.find((other) => other.slice(0, 7) > day.slice(0, 7));
		case "Home":
			return days[0];
		case "End":
			return days.at(-1);
		default:
			return undefined;
	}
}
