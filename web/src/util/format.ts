/** Numbers, sizes, times and durations in words of the reader's language. All formatting is done by `Intl`. */

export type Language = "en" | "de";

const locales: Record<Language, string> = { en: "en-GB", de: "de-DE" };
const formats = new Map<string, Intl.NumberFormat>();

function numberFormat(language: Language, options: Intl.NumberFormatOptions): Intl.NumberFormat {
	const key = `${language} ${JSON.stringify(options)}`;
	let format = formats.get(key);
	if (format === undefined) {
		format = new Intl.NumberFormat(locales[language], options);
		formats.set(key, format);
	}
	return format;
}

const sizeUnits = ["B", "kB", "MB", "GB", "TB", "PB", "EB"] as const;

/** Decimal units and three significant digits, as value and unit so that the unit may be set smaller. */
export function sizeParts(language: Language, bytes: number): { value: string; unit: string } {
	let value = bytes;
	let unit = 0;
	// 999.5 kB would round to four digits, so the next unit begins a little earlier.
	while (value >= (unit === 0 ? 1000 : 999.5) && unit < sizeUnits.length - 1) {
		value /= 1000;
		unit += 1;
	}
	const options: Intl.NumberFormatOptions =
		unit === 0
			? { maximumFractionDigits: 0 }
			: unit === 1
				? { maximumFractionDigits: value < 10 ? 1 : 0 }
				: { minimumSignificantDigits: 3, maximumSignificantDigits: 3 };
	return { value: numberFormat(language, options).format(value), unit: sizeUnits[unit] ?? "B" };
}

export function size(language: Language, bytes: number): string {
	const { value, unit } = sizeParts(language, bytes);
	return `${value} ${unit}`;
}

/** By how much something grew, with its sign. */
export function growth(language: Language, bytes: number): string {
	const sign = bytes > 0 ? "+" : bytes < 0 ? "\u2212" : "";
	return `${sign}${size(language, Math.abs(bytes))}`;
}

/** Bytes a second. */
export function speed(language: Language, bytesPerSecond: number): string {
	return `${size(language, Math.round(bytesPerSecond))}/s`;
}

/** The same speed in bits, for bandwidth settings. */
export function bits(language: Language, bytesPerSecond: number): string {
	const { value, unit } = sizeParts(language, Math.round(bytesPerSecond * 8));
	return `${value} ${unit.replace("B", "bit")}/s`;
}

export function count(language: Language, value: number): string {
	return numberFormat(language, { maximumFractionDigits: 0 }).format(value);
}

/** `value` is 0 to 100. */
export function percent(language: Language, value: number, digits: 0 | 1): string {
	return numberFormat(language, {
		style: "percent",
		minimumFractionDigits: digits,
		maximumFractionDigits: digits,
	}).format(value / 100);
}

function timeFormat(
	language: Language,
	options: Intl.DateTimeFormatOptions,
	zone: string | undefined,
): Intl.DateTimeFormat {
	return new Intl.DateTimeFormat(locales[language], {
		hourCycle: "h23",
		...options,
		...(zone === undefined ? {} : { timeZone: zone }),
	});
}

const dayLength = 86_400_000;

/** Weekday and time within seven days, the date this year, the date with year before that. */
export function moment(language: Language, at: Date, now: Date, zone?: string): string {
	const distance = now.getTime() - at.getTime();
	if (Math.abs(distance) < 7 * dayLength) {
		return timeFormat(language, { weekday: "short", hour: "2-digit", minute: "2-digit" }, zone).format(at);
	}
	const sameYear =
		timeFormat(language, { year: "numeric" }, zone).format(at) ===
		timeFormat(language, { year: "numeric" }, zone).format(now);
	return sameYear ? fullMoment(language, at, zone) : dateOnly(language, at, zone);
}

/** For titles and tips: weekday, date and time. */
export function fullMoment(language: Language, at: Date, zone?: string): string {
	const date = timeFormat(language, { weekday: "short", day: "numeric", month: "short" }, zone).format(at);
	return `${date}, ${clock(language, at, zone)}`;
}

/** Weekday, date with its year, and time: for what may be long ago. */
export function longMoment(language: Language, at: Date, zone?: string): string {
	const options = { weekday: "short", day: "numeric", month: "short", year: "numeric" } as const;
	return `${timeFormat(language, options, zone).format(at)}, ${clock(language, at, zone)}`;
}

function dateOnly(language: Language, at: Date, zone?: string): string {
	return timeFormat(language, { day: "numeric", month: "short", year: "numeric" }, zone).format(at);
}

export function clock(language: Language, at: Date, zone?: string): string {
	return timeFormat(language, { hour: "2-digit", minute: "2-digit" }, zone).format(at);
}

export function clockSeconds(language: Language, at: Date, zone?: string): string {
	return timeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" }, zone).format(at);
}

/** Under 48 hours relative, after that the moment. */
export function age(language: Language, at: Date, now: Date, zone?: string): string {
	const seconds = Math.round((now.getTime() - at.getTime()) / 1000);
	if (seconds < 0 || seconds >= 48 * 3600) return moment(language, at, now, zone);
	const relative = new Intl.RelativeTimeFormat(locales[language], { numeric: "always", style: "short" });
	if (seconds < 60) return relative.format(-seconds, "second");
	if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), "minute");
	return relative.format(-Math.floor(seconds / 3600), "hour");
}

const durationUnits: Record<Language, { day: string; days: string; h: string; min: string; s: string }> = {
	en: { day: "day", days: "days", h: "h", min: "min", s: "s" },
	de: { day: "Tag", days: "Tage", h: "Std.", min: "Min.", s: "s" },
};

/** At most two units: "41 s", "1 min 32 s", "2 h 10 min", "1 day 21 h". */
export function duration(language: Language, seconds: number): string {
	const unit = durationUnits[language];
	const whole = Math.max(0, Math.round(seconds));
	if (whole < 60) return `${whole} ${unit.s}`;
	if (whole < 3600) {
		const rest = whole % 60;
		return `${Math.floor(whole / 60)} ${unit.min}${rest === 0 ? "" : ` ${rest} ${unit.s}`}`;
	}
	if (whole < 86_400) {
		const rest = Math.floor((whole % 3600) / 60);
		return `${Math.floor(whole / 3600)} ${unit.h}${rest === 0 ? "" : ` ${rest} ${unit.min}`}`;
	}
	const days = Math.floor(whole / 86_400);
	const rest = Math.floor((whole % 86_400) / 3600);
	return `${count(language, days)} ${days === 1 ? unit.day : unit.days}${rest === 0 ? "" : ` ${rest} ${unit.h}`}`;
}

/** A running clock: "47:10", "1:02:10". */
export function stopwatch(seconds: number): string {
	const whole = Math.max(0, Math.floor(seconds));
	const two = (value: number) => String(value).padStart(2, "0");
	const minutes = Math.floor(whole / 60) % 60;
	const hours = Math.floor(whole / 3600);
	return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Makes control characters of foreign text visible. */
export function visibleText(text: string): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to show
	return text.replace(/[\u0000-\u001f\u007f]/g, (character) =>
		character === "\u007f" ? "\u2421" : String.fromCharCode(0x2400 + character.charCodeAt(0)),
	);
}

/** A calendar day such as `2026-11-22`, which has no zone: "22 Nov". */
export function day(language: Language, date: string): string {
	return timeFormat(language, { day: "numeric", month: "short" }, "UTC").format(new Date(`${date}T00:00:00Z`));
}

/** A calendar day with its weekday: "Sun 22 Nov". */
export function weekday(language: Language, date: string): string {
	const options = { weekday: "short", day: "numeric", month: "short" } as const;
	return timeFormat(language, options, "UTC").format(new Date(`${date}T00:00:00Z`));
}

/** A day with its year: "22 Nov 2027". `date` is `2027-11-22`. */
export function date(language: Language, date: string): string {
	const options = { day: "numeric", month: "short", year: "numeric" } as const;
	return timeFormat(language, options, "UTC").format(new Date(`${date}T00:00:00Z`));
}

/** A month with its year: "November 2027". `month` is `2027-11`. */
export function month(language: Language, month: string): string {
	return timeFormat(language, { month: "long", year: "numeric" }, "UTC").format(new Date(`${month}-01T00:00:00Z`));
}

/** A month without its year: "Nov". `date` is a day of it. */
export function shortMonth(language: Language, date: string): string {
	return timeFormat(language, { month: "short" }, "UTC").format(new Date(`${date}T00:00:00Z`));
}

/** The weekday of a date. */
export function weekdayName(language: Language, date: string, style: "long" | "narrow"): string {
	return timeFormat(language, { weekday: style }, "UTC").format(new Date(`${date}T00:00:00Z`));
}
