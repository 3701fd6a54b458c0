/** Days of a calendar. Dates are texts such as `2027-11-22`, without a zone. */

/** A month: its number of days, and how many cells of its first week are empty when weeks begin on Monday. */
export interface Month {
	/** `2027-11` */
	name: string;
	days: number;
	offset: number;
}

const pad = (value: number) => String(value).padStart(2, "0");

/** The number of a date's month, counted from the year 0. */
const numberOf = (date: string) => Number(date.slice(0, 4)) * 12 + Number(date.slice(5, 7)) - 1;

function monthOf(number: number): Month {
	const [year, month] = [Math.floor(number / 12), number % 12];
	return {
		name: `${year}-${pad(month + 1)}`,
		days: new Date(Date.UTC(year, month + 1, 0)).getUTCDate(),
		offset: (new Date(Date.UTC(year, month, 1)).getUTCDay() + 6) % 7,
	};
}

/** The months from that of `first` to that of `last`, at most the `most` newest of them; the oldest first. */
export function monthsBetween(first: string, last: string, most: number): Month[] {
	const end = numberOf(last);
	const begin = Math.max(Math.min(numberOf(first), end), end - most + 1);
	return Array.from({ length: end - begin + 1 }, (_unused, index) => monthOf(begin + index));
}

/** A day of a month. */
export const dayOf = (month: Month, day: number) => `${month.name}-${pad(day)}`;
