import { ActionIcon } from "@mantine/core";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../hooks/use-format.ts";
import { Icon } from "../ui/Icon.tsx";
import { dayOf, monthsBetween } from "../util/months.ts";
import { byDay, dayBy, dayOfWall, type Moment } from "../util/timeline.ts";
import css from "./point-calendar.module.css";

/** 2 January 2023 was a Monday. */
const weekdays = Array.from({ length: 7 }, (_unused, index) => `2023-01-0${index + 2}`);

/** A month whose days with restore points can be chosen, by arrow keys too. */
export function PointCalendar({
	moments,
	chosen,
	onChoose,
}: {
	/** In order, the oldest first. */
	moments: readonly Moment[];
	chosen: Moment;
	onChoose: (moment: Moment) => void;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const days = useMemo(() => byDay(moments), [moments]);
	const order = useMemo(() => [...days.keys()], [days]);
	const present = dayOfWall(chosen.at);
	// Where somebody looks, as long as the chosen point stays the same.
	const [look, setLook] = useState({ from: present, day: present });
	const day = look.from === present ? look.day : present;
	const table = useRef<HTMLTableElement>(null);
	const wanted = useRef(false);
	useEffect(() => {
		if (!wanted.current) return;
		wanted.current = false;
		table.current?.querySelector<HTMLButtonElement>(`[data-day="${day}"]`)?.focus();
	}, [day]);
	const name = day.slice(0, 7);
	const month = monthsBetween(day, day, 1)[0];
	if (month === undefined) return null;
	const show = (to: string) => setLook({ from: present, day: to });
	const choose = (moment: Moment | undefined) => {
		if (moment !== undefined) onChoose(moment);
	};
	const keyed = (event: KeyboardEvent, from: string) => {
		const to = dayBy(event.key, order, from);
		if (to === undefined) return;
		event.preventDefault();
		wanted.current = true;
		show(to);
	};
	const earlier = dayBy("PageUp", order, day);
	const later = dayBy("PageDown", order, day);
	const cells = Array.from({ length: Math.ceil((month.offset + month.days) / 7) * 7 }, (_unused, cell) => {
		const number = cell - month.offset + 1;
		return number < 1 || number > month.days ? undefined : dayOf(month, number);
	});
	const weeks = Array.from({ length: cells.length / 7 }, (_unused, week) => cells.slice(week * 7, week * 7 + 7));
	// The one stop of the Tab key: where somebody looks, else the first day of this month that has points.
	const stop = days.has(day) ? day : order.find((other) => other.startsWith(name));
	return (
		<div>
			<div className={css["head"]}>
				<h2>{format.month(name)}</h2>
				<Turn
					label={t("snapshots.earlierMonth")}
					icon="left"
					onClick={earlier === undefined ? undefined : () => show(earlier)}
				/>
				<Turn
					label={t("snapshots.laterMonth")}
					icon="right"
					onClick={later === undefined ? undefined : () => show(later)}
				/>
			</div>
			{/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: the pattern of a calendar is a grid */}
			<table ref={table} className={css["grid"]} role="grid" aria-label={t("snapshots.calendar")}>
				<thead>
					<tr>
						{weekdays.map((weekday) => (
							<th key={weekday} scope="col" abbr={format.weekdayName(weekday, "long")} className="faint small">
								{format.weekdayName(weekday, "narrow")}
							</th>
						))}
					</tr>
				</thead>
				<tbody>
					{weeks.map((week, row) => (
						<tr key={`${name} ${week.find((date) => date !== undefined) ?? row}`}>
							{week.map((date, column) => {
								const own = date === undefined ? undefined : days.get(date);
								const number = date === undefined ? "" : Number(date.slice(8));
								return (
									<td
										// biome-ignore lint/suspicious/noArrayIndexKey: the cells of a month have no identity but their place
										key={column}
									>
										{date === undefined || own === undefined ? (
											<span className={`${css["day"]} num`}>{number}</span>
										) : (
											<button
												type="button"
												data-day={date}
												tabIndex={date === stop ? 0 : -1}
												{...(date === present ? { "aria-current": "date" as const } : {})}
												className={`${css["day"]} ${css["kept"]} ${date === present ? css["present"] : ""} num`}
												aria-label={t("snapshots.dayPoints", { day: format.date(date), count: own.length })}
												onClick={() => choose(own.at(-1))}
												onKeyDown={(event) => keyed(event, date)}
											>
												{number}
											</button>
										)}
									</td>
								);
							})}
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

function Turn({ label, icon, onClick }: { label: string; icon: "left" | "right"; onClick: (() => void) | undefined }) {
	return (
		<ActionIcon
			variant="subtle"
			size={26}
			aria-label={label}
			onClick={onClick ?? (() => undefined)}
			{...(onClick === undefined ? { "data-disabled": true, "aria-disabled": true } : {})}
		>
			<Icon name={icon} size={14} />
		</ActionIcon>
	);
}
