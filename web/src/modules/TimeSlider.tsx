import { type PointerEvent, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../hooks/use-format.ts";
import {
	barsOf,
	dayOfWall,
	type Moment,
	moveBy,
	nearestTo,
	placeOf,
	type Span,
	type Tick,
	ticksOf,
} from "../util/timeline.ts";
import css from "./time-slider.module.css";

/** Bars at most; a wide window has a few pixels for each. */
const mostBars = 240;

/** Dates stand at least this part of the line apart. */
const dateGap = 0.085;

/** The chosen date takes more room, and at an end of the line most of it lies on one side. */
const chosenGap = 0.15;

/** Height of the bars, px. */
const barRoom = 34;

const percent = (place: number) => `${place * 100}%`;

/** A line of restore points with the new data of each as a bar, and a handle that chooses one. */
export function TimeSlider({
	moments,
	span,
	index,
	valueText,
	onMove,
}: {
	/** In order, the oldest first. */
	moments: readonly Moment[];
	span: Span;
	/** The chosen moment. */
	index: number;
	/** The chosen moment in words. */
	valueText: string;
	onMove: (index: number) => void;
}) {
	const { t } = useTranslation();
	const bars = useMemo(() => barsOf(span, moments, mostBars), [span, moments]);
	const ticks = useMemo(() => ticksOf(span, dateGap), [span]);
	const handle = placeOf(span, moments[index]?.at ?? span.to);
	const follow = (event: PointerEvent<HTMLDivElement>) => {
		const line = event.currentTarget.getBoundingClientRect();
		const place = (event.clientX - line.left) / line.width;
		onMove(nearestTo(span, moments, place));
	};
	return (
		<div
			className={css["slider"]}
			role="slider"
			tabIndex={0}
			aria-label={t("snapshots.time")}
			aria-valuemin={0}
			aria-valuemax={moments.length - 1}
			aria-valuenow={index}
			aria-valuetext={valueText}
			onKeyDown={(event) => {
				if (event.altKey || event.ctrlKey || event.metaKey) return;
				const to = moveBy(event.key, moments, index);
				if (to === undefined) return;
				event.preventDefault();
				if (to !== index) onMove(to);
			}}
			onPointerDown={(event) => {
				if (event.button !== 0) return;
				event.currentTarget.setPointerCapture(event.pointerId);
				follow(event);
			}}
			onPointerMove={(event) => {
				if (event.currentTarget.hasPointerCapture(event.pointerId)) follow(event);
			}}
		>
			<svg className={css["line"]} aria-hidden="true" focusable="false">
				{bars.map((bar) => (
					<rect
						key={bar.place}
						className={css["bar"]}
						x={percent(bar.place)}
						y={barRoom - 4 - bar.height * (barRoom - 4)}
						width={4}
						height={4 + bar.height * (barRoom - 4)}
						rx={1}
					/>
				))}
			</svg>
			<span className={css["needle"]} style={{ left: percent(handle) }} />
			<span className={css["handle"]} style={{ left: percent(handle) }} />
			<span className={`${css["dates"]} faint small`} aria-hidden="true">
				{ticks.map((tick) => (
					<TickDate key={tick.at} tick={tick} hidden={Math.abs(tick.place - handle) < chosenGap} />
				))}
				<ChosenDate at={moments[index]?.at ?? span.to} place={handle} />
			</span>
		</div>
	);
}

function TickDate({ tick, hidden }: { tick: Tick; hidden: boolean }) {
	const format = useFormat();
	if (hidden) return null;
	const date = dayOfWall(tick.at);
	const words =
		tick.unit === "day" ? format.day(date) : tick.unit === "month" ? format.shortMonth(date) : date.slice(0, 4);
	return (
		<span className={css["date"]} style={{ left: percent(tick.place) }}>
			{words}
		</span>
	);
}

/** The date below the handle, which stays inside the line at its ends. */
function ChosenDate({ at, place }: { at: number; place: number }) {
	const format = useFormat();
	const end = place > 0.96 ? css["atEnd"] : place < 0.04 ? css["atStart"] : "";
	return (
		<strong className={`${css["date"]} ${css["chosen"]} ${end}`} style={{ left: percent(place) }}>
			{format.day(dayOfWall(at))}
		</strong>
	);
}
