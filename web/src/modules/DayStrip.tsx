import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { AgentReference, JobDay } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useStripDays } from "../hooks/use-strip-days.ts";
import { Strip } from "../ui/Strip.tsx";
import { paths } from "../util/paths.ts";
import { dayKind } from "./run-status.ts";

/** A job, as a strip speaks of it. */
interface StripJob {
	id: string;
	name: string;
	agent: AgentReference;
	days: readonly JobDay[];
}

/** The last days of a job, as many as there is room for, at most `most`; a day opens its runs. */
export function DayStrip({ job, most = 28 }: { job: StripJob; most?: number }) {
	const { t } = useTranslation();
	const format = useFormat();
	const navigate = useNavigate();
	const days = job.days.slice(-Math.min(most, useStripDays()));
	const wordOf = (kind: ReturnType<typeof dayKind>) =>
		kind === "nothing_due" ? t("strip.nothing") : t(`status.${kind}`);
	const gone = job.agent.online ? undefined : job.agent.last_seen_at;
	const cells = days.map((day) => {
		const kind = dayKind(day);
		const results = day.results.map((result) =>
			t("strip.part", { count: result.runs, word: t(`status.${result.status}`) }),
		);
		const lines: string[] = [];
		if (day.missed > 0 && day.missed_due_at) {
			lines.push(t("strip.due", { count: day.missed, time: format.clock(day.missed_due_at) }));
			if (gone && gone < day.missed_due_at) {
				lines.push(t("strip.unreachable", { agent: job.agent.name, time: format.moment(gone) }));
			}
		}
		if (results.length > 0) lines.push(results.join(", "));
		const title = t("strip.cell", { date: format.weekday(day.date), word: wordOf(kind) });
		return { date: day.date, kind, label: [title, ...lines].join(", "), tip: [title, ...lines] };
	});
	const counts = new Map<string, number>();
	for (const cell of cells) counts.set(wordOf(cell.kind), (counts.get(wordOf(cell.kind)) ?? 0) + 1);
	const parts = [...counts].map(([word, count]) => t("strip.part", { count, word })).join(", ");
	return (
		<Strip
			days={cells}
			label={`${job.name}, ${t("strip.summary", { count: days.length, parts })}`}
			onOpen={(day) => void navigate(paths.runs({ job: job.id, from: day.date, to: day.date }))}
		/>
	);
}
