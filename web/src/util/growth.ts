/** What a chart of a vault's growth is drawn from. */

export interface Measured {
	/** `2026-11-22`. */
	date: string;
	bytes: number;
}

export interface Rates {
	low: number;
	middle: number;
	high: number;
}

/** A day in days since 1970. */
export const dayNumber = (date: string): number => Math.round(Date.parse(`${date}T00:00:00Z`) / 86_400_000);

/** The date of such a day. */
export const dayDate = (day: number): string => new Date(day * 86_400_000).toISOString().slice(0, 10);

/** How far into the future a chart looks, in days: a little beyond the likely end, between a month and a year. */
export function horizon(likely: number | null | undefined): number {
	if (likely === null || likely === undefined) return 30;
	return Math.min(365, Math.max(30, Math.ceil(likely * 1.25)));
}

/** Where the axis begins and ends, and its lines: at most five round values that hold `most`, from 0 unless all lies far above. */
export function axis(least: number, most: number): { from: number; to: number; lines: number[] } {
	const floor = least > most / 2 ? least - (most - least) / 2 : 0;
	const step = roundStep(Math.max(1, most - Math.max(0, floor)) / 4);
	const from = Math.max(0, Math.floor(floor / step) * step);
	const to = Math.ceil(most / step) * step;
	const lines: number[] = [];
	for (let line = from; line <= to; line += step) lines.push(line);
	return { from, to, lines };
}

/** The next 1, 2 or 5 times a power of ten. */
function roundStep(value: number): number {
	const power = 10 ** Math.floor(Math.log10(value));
	return ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10) * power;
}
