import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { vaultUsageQuery } from "../api/queries/vaults.ts";
import type { VaultGrowth as Growth, VaultFill } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { GrowthChart } from "../ui/GrowthChart.tsx";
import { horizon } from "../util/growth.ts";
import css from "./vault-growth.module.css";

/** The server's word for ten years and more. */
const furthest = 3650;

/** How a vault grew, and what is expected: the chart, with the same as a table. */
export function VaultGrowth({ id, name }: { id: string; name: string }) {
	const { t } = useTranslation();
	const format = useFormat();
	const usage = useQuery(vaultUsageQuery(id));
	const days = usage.data?.days ?? [];
	// One point is no line.
	if (usage.data === undefined || days.length < 2) return null;
	const { fill } = usage.data;
	const growth = fill.growth ?? undefined;
	const likely = growth?.full_in?.likely ?? undefined;
	const measured = days.map((day) => ({ date: day.date, bytes: day.stored_bytes }));
	return (
		<>
			<GrowthChart
				days={measured}
				rates={
					growth && { low: growth.low_bytes_per_day, middle: growth.bytes_per_day, high: growth.high_bytes_per_day }
				}
				ahead={horizon(likely)}
				capacity={fill.capacity_bytes ?? undefined}
				full={likely}
				words={{
					label: t("growth.chart", { name, count: days.length }),
					capacity: fill.capacity_bytes ? t("growth.capacity", { size: format.size(fill.capacity_bytes) }) : "",
					today: t("growth.today"),
					size: (bytes) => format.size(bytes),
					day: (date) => format.day(date),
				}}
			/>
			<details className={css["table"]}>
				<summary>{t("growth.asTable")}</summary>
				<table>
					<thead>
						<tr>
							<th scope="col">{t("growth.day")}</th>
							<th scope="col">{t("growth.used")}</th>
						</tr>
					</thead>
					<tbody>
						{measured.toReversed().map((day) => (
							<tr key={day.date}>
								<td>{format.date(day.date)}</td>
								<td className="num">{format.size(day.bytes)}</td>
							</tr>
						))}
					</tbody>
				</table>
			</details>
		</>
	);
}

/** When a vault is full, as a sentence with its range; or why that cannot be said. */
export function useForecastWords(): (fill: VaultFill) => { title?: string; text: string } {
	const { t } = useTranslation();
	const format = useFormat();
	const days = (count: number) =>
		count >= furthest ? t("growth.tenYears") : t("growth.days", { count, formatted: format.count(count) });
	const rate = (bytes: number) =>
		t("growth.rate", {
			size: `${bytes > 0 ? "+" : bytes < 0 ? "\u2212" : ""}${format.size(Math.abs(bytes))}`,
		});
	const usual = (growth: Growth) => t("growth.usual", { count: growth.over_days, rate: rate(growth.bytes_per_day) });
	return (fill) => {
		const { growth } = fill;
		if (!growth) return { text: t("growth.tooShort", { needed: fill.history_days_needed, count: fill.history_days }) };
		const full = growth.full_in;
		if (!full) {
			return { text: `${usual(growth)}${fill.capacity_bytes ? "" : ` ${t("growth.noCapacity")}`}` };
		}
		if (full.likely === 0) return { title: t("growth.fullNow"), text: usual(growth) };
		if (full.likely === null || full.likely === undefined) {
			return { title: t("growth.fullEarliest", { days: days(full.soonest) }), text: usual(growth) };
		}
		const range =
			full.latest === null || full.latest === undefined
				? t("growth.rangeOpen", { from: format.count(full.soonest) })
				: t("growth.range", { from: format.count(full.soonest), to: format.count(full.latest) });
		return {
			title: `${t("growth.full", { days: days(full.likely) })} ${full.soonest >= furthest ? "" : range}`.trim(),
			text: usual(growth),
		};
	};
}
