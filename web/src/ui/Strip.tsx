import { type KeyboardEvent, useState } from "react";
import { createPortal } from "react-dom";
import css from "./strip.module.css";

/** What one day of a job shows. */
export type CellKind = "success" | "partial_success" | "failed" | "cancelled" | "missed" | "running" | "nothing_due";

export interface StripDay {
	/** `2026-11-22`. */
	date: string;
	kind: CellKind;
	/** Read by screen readers. */
	label: string;
	/** Shown beside the day on hover and focus: what stands in the label, line by line. */
	tip: readonly string[];
}

/** One cell: good is short, trouble has a shape. */
export function StripCell({ kind }: { kind: CellKind }) {
	return (
		<svg className={`${css["cell"]} ${css[kind]}`} width="14" height="22" viewBox="0 0 14 22" aria-hidden="true">
			{kind === "success" ? <rect x="0" y="4" width="14" height="14" rx="2" className={css["fill"]} /> : null}
			{kind === "partial_success" ? (
				<>
					<path d="M1 11h12v8a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2z" className={css["lower"]} />
					<rect x="0.75" y="0.75" width="12.5" height="20.5" rx="2.5" className={css["outline"]} />
				</>
			) : null}
			{kind === "failed" ? (
				<>
					<rect x="0" y="0" width="14" height="22" rx="2.5" className={css["fill"]} />
					<path d="M4.4 8.4l5.2 5.2M9.6 8.4l-5.2 5.2" className={css["cross"]} />
				</>
			) : null}
			{kind === "cancelled" ? (
				<>
					<rect x="0.6" y="4.6" width="12.8" height="12.8" rx="2" className={css["outline"]} />
					<path d="M3.6 14.4l6.8-6.8" className={css["outline"]} />
				</>
			) : null}
			{kind === "missed" ? (
				<rect x="0.75" y="0.75" width="12.5" height="20.5" rx="2.5" className={css["dashes"]} />
			) : null}
			{kind === "running" ? (
				<>
					<path d="M2 11h10v4.5a1.5 1.5 0 0 1-1.5 1.5h-7A1.5 1.5 0 0 1 2 15.5z" className={css["lower"]} />
					<rect x="0.75" y="4.75" width="12.5" height="12.5" rx="2" className={css["outline"]} />
				</>
			) : null}
			{kind === "nothing_due" ? <circle cx="7" cy="11" r="1.2" className={css["fill"]} /> : null}
		</svg>
	);
}

/** The last days of a job. One Tab stop; arrow keys move between days; Enter or a click opens one. */
export function Strip({
	days,
	label,
	onOpen,
}: {
	days: readonly StripDay[];
	/** The row's summary, such as "21 days: 18 succeeded, 1 partial". */
	label: string;
	onOpen?: (day: StripDay) => void;
}) {
	const [chosen, setChosen] = useState<number>();
	const [shown, setShown] = useState<{ date: string; at: DOMRect }>();
	const current = Math.min(chosen ?? days.length - 1, days.length - 1);
	const tip = days.find((day) => day.date === shown?.date);
	const move = (event: KeyboardEvent<HTMLDivElement>) => {
		if (event.key === "Escape" && shown !== undefined) {
			event.stopPropagation();
			setShown(undefined);
			return;
		}
		const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, Home: -days.length, End: days.length };
		const step = steps[event.key];
		if (step === undefined) return;
		event.preventDefault();
		const next = Math.min(days.length - 1, Math.max(0, current + step));
		setChosen(next);
		event.currentTarget.querySelectorAll<HTMLButtonElement>("button")[next]?.focus();
	};
	const show = (day: StripDay, cell: HTMLElement) => setShown({ date: day.date, at: cell.getBoundingClientRect() });
	const hide = () => setShown(undefined);
	return (
		// biome-ignore lint/a11y/useSemanticElements: a toolbar of days has no element of its own
		<div className={css["strip"]} role="group" aria-label={label} onKeyDown={move}>
			{days.map((day, index) => (
				<button
					key={day.date}
					type="button"
					className={css["day"]}
					aria-label={day.label}
					tabIndex={index === current ? 0 : -1}
					onFocus={(event) => {
						setChosen(index);
						show(day, event.currentTarget);
					}}
					onBlur={hide}
					onMouseEnter={(event) => show(day, event.currentTarget)}
					onMouseLeave={hide}
					onClick={() => onOpen?.(day)}
				>
					<StripCell kind={day.kind} />
				</button>
			))}
			{tip === undefined || shown === undefined
				? null
				: createPortal(<Tip kind={tip.kind} lines={tip.tip} at={shown.at} />, document.body)}
		</div>
	);
}

/** The tip of a day, under it; above it where the window ends. What it says stands in the day's own label. */
function Tip({ kind, lines, at }: { kind: CellKind; lines: readonly string[]; at: DOMRect }) {
	const left = Math.max(8, Math.min(at.left - 8, window.innerWidth - 248));
	const below = at.bottom + 140 < window.innerHeight;
	const place = below ? { left, top: at.bottom + 6 } : { left, bottom: window.innerHeight - at.top + 6 };
	const [title, ...rest] = lines;
	return (
		<div className={css["tip"]} style={place} aria-hidden="true">
			<StripCell kind={kind} />
			<div>
				<p className={css["tipTitle"]}>{title}</p>
				{rest.map((line) => (
					<p key={line}>{line}</p>
				))}
			</div>
		</div>
	);
}

/** The days above a column of strips: every second one, and today. */
export function StripHead({ days }: { days: readonly string[] }) {
	return (
		<span className={css["head"]} aria-hidden="true">
			{days.map((date, index) => (
				<span key={date} className={index === days.length - 1 ? css["today"] : undefined}>
					{(days.length - 1 - index) % 2 === 0 ? Number(date.slice(-2)) : ""}
				</span>
			))}
		</span>
	);
}
