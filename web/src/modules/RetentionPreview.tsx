import { SegmentedControl } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type RetentionOwner, retentionPreviewQuery } from "../api/queries/jobs.ts";
import type { RetentionPreview as Preview, Retention, RetentionRule } from "../api/types.ts";
import { rules } from "../forms/retention.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Figures } from "../ui/Figures.tsx";
import { dayOf, type Month, monthsBetween } from "../util/months.ts";
import css from "./retention-preview.module.css";

type Later = NonNullable<Preview["later"]>;
type KeptDay = Later["days"][number];

const spans = ["30", "365", "1095"] as const;

/** Months that the calendar shows; what is older is listed. */
const mostMonths = 12;

/** Points and days that are named one by one. */
const mostNamed = 10;

/** Letter and shade of a rule; the darker, the longer it keeps. */
export function RuleMark({ rule }: { rule: RetentionRule }) {
	const { t } = useTranslation();
	return (
		<span className={`${css["mark"]} ${css[rule]}`} aria-hidden="true">
			{t(`retention.letter.${rule}`)}
		</span>
	);
}

/** What a retention would keep, now and later; the server reckons it by the rules by which it deletes. */
export function RetentionPreview({ retention, owner }: { retention: Retention; owner: RetentionOwner }) {
	const { t } = useTranslation();
	const [span, setSpan] = useState<string>("365");
	const query = useQuery({
		...retentionPreviewQuery(retention, owner, Number(span)),
		placeholderData: keepPreviousData,
		retry: false,
	});
	return (
		<>
			<div className={css["head"]}>
				<h2>{t("retention.wouldKeep")}</h2>
				<SegmentedControl
					aria-label={t("retention.seenIn")}
					data={spans.map((days) => ({ value: days, label: t(`retention.span.${days}`) }))}
					value={span}
					onChange={setSpan}
				/>
			</div>
			{query.error !== null ? (
				<p className="muted">{t("retention.noPreview")}</p>
			) : query.data === undefined ? (
				<p className="muted">{t("common.loading")}</p>
			) : (
				<>
					{owner.job_id === undefined ? null : <Today preview={query.data} />}
					{query.data.later ? <Calendar later={query.data.later} /> : <p className="muted">{t("retention.noRuns")}</p>}
					<p className="faint small">{t("retention.sameRules", { zone: query.data.zone })}</p>
				</>
			)}
		</>
	);
}

/** What would happen to the points that are there. */
function Today({ preview }: { preview: Preview }) {
	const { t } = useTranslation();
	const format = useFormat();
	const going = preview.now.filter((point) => point.deleted);
	const spared = preview.now.filter((point) => point.spared);
	const more = preview.deleted - Math.min(going.length, mostNamed);
	return (
		<div className={css["today"]}>
			<p>{t("retention.appliedNow", { kept: format.count(preview.kept), deleted: format.count(preview.deleted) })}</p>
			{going.length === 0 ? null : (
				<ul className="muted small" aria-label={t("retention.goes")}>
					{going.slice(0, mostNamed).map((point) => (
						<li key={point.point_id}>{t("retention.goesAt", { time: format.fullMoment(point.time) })}</li>
					))}
					{more > 0 ? <li>{t("retention.goesMore", { count: more, formatted: format.count(more) })}</li> : null}
				</ul>
			)}
			{spared.length === 0 ? null : (
				<ul className="muted small" aria-label={t("retention.spared")}>
					{spared.slice(0, mostNamed).map((point) => (
						<li key={point.point_id}>
							{t(`retention.sparedBy.${point.spared ?? "pinned"}`, { time: format.fullMoment(point.time) })}
						</li>
					))}
				</ul>
			)}
		</div>
	);
}

function Calendar({ later }: { later: Later }) {
	const { t } = useTranslation();
	const format = useFormat();
	const last = later.date;
	const first = later.days[0]?.date ?? last;
	const months = monthsBetween(first, last, mostMonths);
	const begin = months[0] === undefined ? last : dayOf(months[0], 1);
	const older = later.days.filter((day) => day.date < begin);
	const days = new Map(later.days.map((day) => [day.date, day]));
	const counts = rules
		.map((rule) => ({ rule, count: later.days.filter((day) => day.rule === rule).length }))
		.filter(({ count }) => count > 0);
	return (
		<>
			<Figures
				figures={[
					{ label: t("retention.points"), value: format.count(later.points) },
					{ label: t("retention.oldest"), value: later.days.length > 0 ? format.date(first) : t("common.none") },
					{ label: t("retention.seenOn"), value: format.date(last) },
				]}
			/>
			<div className={css["months"]}>
				{months.map((month) => (
					<MonthGrid key={month.name} month={month} days={days} last={last} />
				))}
			</div>
			{older.length === 0 ? null : (
				<p className="muted small">
					{t("retention.older", {
						days: older
							.slice(-mostNamed)
							.map((day) => format.date(day.date))
							.join(", "),
					})}
				</p>
			)}
			<ul className={css["legend"]} aria-label={t("retention.legend")}>
				{counts.map(({ rule, count }) => (
					<li key={rule}>
						<RuleMark rule={rule} /> {t(`retention.rule.${rule}`)} <span className="num">{format.count(count)}</span>
					</li>
				))}
			</ul>
		</>
	);
}

/** One month; days with kept points are marked by letter and shade, and named in its text. */
function MonthGrid({ month, days, last }: { month: Month; days: ReadonlyMap<string, KeptDay>; last: string }) {
	const { t } = useTranslation();
	const format = useFormat();
	const name = format.month(month.name);
	const kept = Array.from({ length: month.days }, (_unused, index) => days.get(dayOf(month, index + 1))).filter(
		(day) => day !== undefined,
	);
	const words = kept.map((day) =>
		day.rule
			? t("retention.dayBy", { day: Number(day.date.slice(8)), rule: t(`retention.rule.${day.rule}`) })
			: t("retention.dayPinned", { day: Number(day.date.slice(8)) }),
	);
	const summary = words.length === 0 ? t("retention.monthNone", { month: name }) : `${name}: ${words.join(", ")}`;
	return (
		<div>
			<h3 className={css["month"]}>{name}</h3>
			<div className={css["grid"]} role="img" aria-label={summary}>
				{Array.from({ length: month.offset }, (_unused, index) => (
					// biome-ignore lint/suspicious/noArrayIndexKey: empty cells have no identity but their place
					<span key={`empty ${index}`} />
				))}
				{Array.from({ length: month.days }, (_unused, index) => {
					const date = dayOf(month, index + 1);
					const day = days.get(date);
					const shade = day === undefined ? (date > last ? css["after"] : css["none"]) : css[day.rule ?? "latest"];
					return (
						<span key={date} className={`${css["day"]} num ${shade}`}>
							{date > last ? "\u00b7" : index + 1}
						</span>
					);
				})}
			</div>
		</div>
	);
}
