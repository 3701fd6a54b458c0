import css from "./speed-chart.module.css";

export interface SpeedPoint {
	/** ms. */
	at: number;
	/** Bytes a second. */
	first: number;
	second: number;
}

const width = 560;
const height = 140;
const left = 0;
const bottom = 20;

/** Two speeds over time: the first as a line with its area, the second dashed. */
export function SpeedChart({
	points,
	label,
	axis,
	from,
	now,
}: {
	points: readonly SpeedPoint[];
	/** The text equivalent. */
	label: string;
	/** Words for a value of the axis. */
	axis: (bytesPerSecond: number) => string;
	from: string;
	now: string;
}) {
	const start = points[0]?.at ?? 0;
	const end = points.at(-1)?.at ?? start + 1;
	const top = roundUp(Math.max(1, ...points.map((point) => Math.max(point.first, point.second))));
	const x = (at: number) => left + ((at - start) / Math.max(1, end - start)) * (width - left);
	const y = (value: number) => height - bottom - (value / top) * (height - bottom - 8);
	const line = (pick: (point: SpeedPoint) => number) =>
		points
			.map((point, index) => `${index === 0 ? "M" : "L"}${x(point.at).toFixed(1)} ${y(pick(point)).toFixed(1)}`)
			.join("");
	const first = line((point) => point.first);
	const base = height - bottom;
	return (
		<figure className={css["figure"]}>
			<svg
				className={css["chart"]}
				viewBox={`0 0 ${width} ${height}`}
				preserveAspectRatio="none"
				role="img"
				aria-label={label}
			>
				{[0, 0.5, 1].map((share) => (
					<line key={share} x1={left} x2={width} y1={y(top * share)} y2={y(top * share)} className={css["grid"]} />
				))}
				{points.length > 1 ? (
					<>
						<path d={`${first}L${x(end).toFixed(1)} ${base}L${x(start).toFixed(1)} ${base}Z`} className={css["area"]} />
						<path d={first} className={css["first"]} />
						<path d={line((point) => point.second)} className={css["second"]} />
					</>
				) : null}
			</svg>
			<figcaption className={`${css["axis"]} num`} aria-hidden="true">
				<span className={css["top"]}>{axis(top)}</span>
				<span>{from}</span>
				<span>{now}</span>
			</figcaption>
		</figure>
	);
}

/** The next 1, 2 or 5 times a power of ten. */
function roundUp(value: number): number {
	const power = 10 ** Math.floor(Math.log10(value));
	const factor = [1, 2, 5, 10].find((step) => step * power >= value) ?? 10;
	return factor * power;
}
