import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { JobDay } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Strip } from "../ui/Strip.tsx";
import { paths } from "../util/paths.ts";
import { dayKind } from "./run-status.ts";

/** The last days of a job; a day opens its run. */
export function DayStrip({ job, days }: { job: string; days: readonly JobDay[] }) {
	const { t } = useTranslation();
	const format = useFormat();
	const navigate = useNavigate();
	const cells = days.map((day) => {
		const kind = dayKind(day);
		const word = kind === "nothing_due" ? t("strip.nothing") : t(`status.${kind}`);
		const date = format.day(day.date);
		return {
			date: day.date,
			kind,
			label: day.runs > 0 ? t("strip.cellRuns", { date, word, count: day.runs }) : t("strip.cell", { date, word }),
			run: day.run_id ?? undefined,
		};
	});
	const counts = new Map<string, number>();
	for (const cell of cells) {
		const word = cell.kind === "nothing_due" ? t("strip.nothing") : t(`status.${cell.kind}`);
		counts.set(word, (counts.get(word) ?? 0) + 1);
	}
	const parts = [...counts].map(([word, count]) => t("strip.part", { count, word })).join(", ");
	return (
		<Strip
			days={cells}
			label={`${job}, ${t("strip.summary", { count: days.length, parts })}`}
			onOpen={(day) => {
				const run = cells.find((cell) => cell.date === day.date)?.run;
				if (run !== undefined) void navigate(paths.run(run));
			}}
		/>
	);
}
