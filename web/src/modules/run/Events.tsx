import { Button, SegmentedControl, Switch, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFallbackInterval } from "../../api/live.ts";
import { runEventsQuery } from "../../api/queries/runs.ts";
import type { Run, RunEvent } from "../../api/types.ts";
import { Icon } from "../../ui/Icon.tsx";
import { Section } from "../Page.tsx";
import { QueryView } from "../QueryView.tsx";
import css from "./events.module.css";
import { FullLog } from "./FullLog.tsx";
import { RecordRow } from "./RecordRow.tsx";

type View = "all" | "warn" | "error" | "log";

const step = 200;

/** What happened, newest first: the events, or the full log. With Follow off the list stands still and counts what is new. */
export function Events({ run: { id: run, event_count: eventCount }, active }: { run: Run; active: boolean }) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const pace = useFallbackInterval(3_200);
	const query = useQuery({ ...runEventsQuery(queries, run), refetchInterval: active ? pace : false });
	const [view, setView] = useState<View>("all");
	const [search, setSearch] = useState("");
	const [stoppedAt, setStoppedAt] = useState<number | undefined>();
	// Reports of figures are drawn above; as sentences they would only fill the list.
	const events = (query.data?.items ?? []).filter((event) => event.type !== "progress");
	const last = events.at(-1)?.seq ?? 0;
	const count = (wanted: string) => events.filter((event) => event.level === wanted).length;
	const shown = events.filter((event) => stoppedAt === undefined || event.seq <= stoppedAt);
	const fresh = events.length - shown.length;
	const label = (name: string, number: number) => `${name} ${number}`;
	return (
		<Section
			title={t("run.events")}
			count={events.length}
			more={
				<div className={css["tools"]}>
					<SegmentedControl
						aria-label={t("run.eventFilter")}
						value={view}
						onChange={(value) => setView(value as View)}
						data={[
							{ value: "all", label: t("common.all") },
							{ value: "warn", label: label(t("run.warnings"), count("warn")) },
							{ value: "error", label: label(t("run.errors"), count("error")) },
							{ value: "log", label: t("run.fullLog") },
						]}
					/>
					<TextInput
						className={css["search"] ?? ""}
						aria-label={t(view === "log" ? "run.searchLog" : "run.searchEvents")}
						placeholder={t(view === "log" ? "run.searchLog" : "run.searchEvents")}
						leftSection={<Icon name="search" />}
						value={search}
						onChange={(event) => setSearch(event.currentTarget.value)}
					/>
					{active ? (
						<Switch
							label={t("run.follow")}
							labelPosition="left"
							checked={stoppedAt === undefined}
							onChange={(event) => setStoppedAt(event.currentTarget.checked ? undefined : last)}
						/>
					) : null}
				</div>
			}
		>
			{view === "log" ? (
				<FullLog run={run} active={active} follow={stoppedAt === undefined} search={search} />
			) : fresh > 0 ? (
				<Button size="xs" onClick={() => setStoppedAt(last)}>
					{t("run.newEvents", { count: fresh })}
				</Button>
			) : null}
			{view === "log" ? null : (
				<QueryView query={query} rows={4}>
					{() =>
						events.length === 0 && eventCount > 0 && !active ? (
							<p className="muted">{t("run.eventsErased")}</p>
						) : (
							<List events={shown} level={view} search={search} />
						)
					}
				</QueryView>
			)}
		</Section>
	);
}

function List({ events, level, search }: { events: readonly RunEvent[]; level: View; search: string }) {
	const { t } = useTranslation();
	const [most, setMost] = useState(step);
	const wanted = search.toLowerCase();
	const matching = events
		.filter((event) => level === "all" || event.level === level)
		.filter((event) => event.message.toLowerCase().includes(wanted))
		.reverse();
	const newest = useRef(matching[0]?.seq ?? 0);
	const spoken = useSpokenTrouble(events);
	useEffect(() => {
		newest.current = matching[0]?.seq ?? 0;
	});
	if (matching.length === 0) {
		return <p className="muted">{events.length === 0 ? t("run.noEvents") : t("run.noEventsMatch")}</p>;
	}
	return (
		<>
			<ol className={css["list"]}>
				{matching.slice(0, most).map((event) => (
					<RecordRow
						key={event.seq}
						time={event.time}
						level={event.level === "error" || event.level === "warn" ? event.level : "info"}
						text={event.message}
						fresh={event.seq > newest.current && newest.current > 0}
					/>
				))}
			</ol>
			{matching.length > most ? (
				<Button size="xs" onClick={() => setMost(most + step)}>
					{t("common.loadMore")}
				</Button>
			) : null}
			<p className="visually-hidden" role="status">
				{spoken}
			</p>
		</>
	);
}

/** The newest warning or error that came while the page was open; nothing else is read out. */
function useSpokenTrouble(events: readonly RunEvent[]): string {
	const first = useRef<number | undefined>(undefined);
	const last = events.at(-1)?.seq ?? 0;
	if (first.current === undefined && last > 0) first.current = last;
	const trouble = events.findLast((event) => event.level !== "info" && event.seq > (first.current ?? last));
	return trouble?.message ?? "";
}
