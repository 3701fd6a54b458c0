import { axis, dayDate, dayNumber, type Measured, type Rates } from "../util/growth.ts";
import css from "./growth-chart.module.css";

const width = 332;
const height = 150;
const left = 52;
const bottom = 18;
const top = 8;

/** What was measured as a line with its area, what is expected dashed with its range, and the capacity as a limit. */
export function GrowthChart({
	days,
	rates,
	ahead,
	capacity,
	full,
	words,
}: {
	/** At least one, oldest first. */
	days: readonly Measured[];
	/** Bytes a day; without them nothing is expected. */
	rates?: Rates | undefined;
	/** Days of the future that are shown. */
	ahead: number;
	capacity?: number | undefined;
	/** In so many days the capacity is reached, if that is shown. */
	full?: number | undefined;
	words: {
		/** The text equivalent. */
		label: string;
		capacity: string;
		today: string;
		size: (bytes: number) => string;
		day: (date: string) => string;
	};
}) {
	const last = days.at(-1);
	const first = days[0];
	if (first === undefined || last === undefined) return null;
	const today = dayNumber(last.date);
	const begin = Math.min(dayNumber(first.date), today - 13);
	const end = rates === undefined ? today : today + ahead;
	const at = (rate: number) => Math.max(0, last.bytes + rate * ahead);
	const highest = Math.max(
		...days.map((day) => day.bytes),
		capacity ?? 0,
		rates === undefined
			? 0
			: Math.min(at(rates.high), capacity === undefined ? Number.POSITIVE_INFINITY : capacity * 1.1),
	);
	const scale = axis(Math.min(...days.map((day) => day.bytes)), highest);
	const x = (day: number) => left + ((day - begin) / Math.max(1, end - begin)) * (width - left - 4);
	const y = (bytes: number) => {
		const share = (Math.min(bytes, scale.to) - scale.from) / Math.max(1, scale.to - scale.from);
		return height - bottom - Math.max(0, share) * (height - bottom - top);
	};
	const base = height - bottom;
	const point = (day: number, bytes: number) => `${x(day).toFixed(1)} ${y(bytes).toFixed(1)}`;
	const line = days.map((day) => point(dayNumber(day.date), day.bytes)).join("L");
	const expected = (rate: number) => {
		// A line that leaves the chart is cut where it does, so that its slope stays true.
		const inside = rate > 0 ? Math.min(ahead, Math.max(0, (scale.to - last.bytes) / rate)) : ahead;
		return { day: today + inside, bytes: Math.max(0, last.bytes + rate * inside) };
	};
	return (
		<svg className={css["chart"]} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={words.label}>
			{scale.lines.map((value) => (
				<g key={value}>
					<line x1={left} x2={width - 4} y1={y(value)} y2={y(value)} className={css["grid"]} />
					<text x={left - 6} y={y(value) + 4} className={css["axis"]} textAnchor="end">
						{words.size(value)}
					</text>
				</g>
			))}
			<path
				d={`M${line}L${x(today).toFixed(1)} ${base}L${x(dayNumber(first.date)).toFixed(1)} ${base}Z`}
				className={css["area"]}
			/>
			{rates === undefined ? null : (
				<Expected rates={rates} from={point(today, last.bytes)} to={expected} place={point} />
			)}
			<path d={`M${line}`} className={css["line"]} />
			{capacity === undefined || capacity < scale.from ? null : (
				<>
					<line x1={left} x2={width - 4} y1={y(capacity)} y2={y(capacity)} className={css["limit"]} />
					<text x={left + 4} y={y(capacity) - 4} className={css["axis"]}>
						{words.capacity}
					</text>
				</>
			)}
			<line x1={x(today)} x2={x(today)} y1={top} y2={base} className={css["today"]} />
			<text x={left} y={height - 4} className={css["axis"]}>
				{words.day(dayDate(begin))}
			</text>
			<text x={x(today)} y={height - 4} className={css["axis"]} textAnchor={end === today ? "end" : "middle"}>
				{words.today}
			</text>
			{full === undefined || full > ahead ? null : (
				<>
					<line x1={x(today + full)} x2={x(today + full)} y1={top} y2={base} className={css["full"]} />
					<text x={Math.min(width - 4, x(today + full))} y={height - 4} className={css["axis"]} textAnchor="end">
						{words.day(dayDate(today + full))}
					</text>
				</>
			)}
		</svg>
	);
}

function Expected({
	rates,
	from,
	to,
	place,
}: {
	rates: Rates;
	from: string;
	to: (rate: number) => { day: number; bytes: number };
	place: (day: number, bytes: number) => string;
}) {
	const [low, middle, high] = [to(rates.low), to(rates.middle), to(rates.high)];
	const corner = place(low.day, high.bytes);
	return (
		<>
			<path
				d={`M${from}L${place(high.day, high.bytes)}${high.day < low.day ? `L${corner}` : ""}L${place(low.day, low.bytes)}Z`}
				className={css["range"]}
			/>
			<path d={`M${from}L${place(middle.day, middle.bytes)}`} className={css["expected"]} />
		</>
	);
}
