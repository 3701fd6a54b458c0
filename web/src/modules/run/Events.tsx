import { Button, SegmentedControl, Switch, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFallbackInterval } from "../../api/live.ts";
import { runEventsQuery } from "../../api/queries/runs.ts";
import type { RunEvent } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { Icon } from "../../ui/Icon.tsx";
import { StatusIcon } from "../../ui/StatusIcon.tsx";
import { visibleText } from "../../util/format.ts";
import { Section } from "../Page.tsx";
import { QueryView } from "../QueryView.tsx";
import css from "./events.module.css";

type Level = "all" | "warn" | "error";

const step = 200;

/** What happened, newest first. With Follow off the list stands still and counts what is new. */
export function Events({ run, active }: { run: string; active: boolean }) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const pace = useFallbackInterval(3_200);
	const query = useQuery({ ...runEventsQuery(queries, run), refetchInterval: active ? pace : false });
	const [level, setLevel] = useState<Level>("all");
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
						value={level}
						onChange={(value) => setLevel(value as Level)}
						data={[
							{ value: "all", label: t("common.all") },
							{ value: "warn", label: label(t("run.warnings"), count("warn")) },
							{ value: "error", label: label(t("run.errors"), count("error")) },
						]}
					/>
					<TextInput
						className={css["search"] ?? ""}
						aria-label={t("run.searchEvents")}
						placeholder={t("run.searchEvents")}
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
			{fresh > 0 ? (
				<Button size="xs" onClick={() => setStoppedAt(last)}>
					{t("run.newEvents", { count: fresh })}
				</Button>
			) : null}
			<QueryView query={query} rows={4}>
				{() => <List events={shown} level={level} search={search} />}
			</QueryView>
		</Section>
	);
}

function List({ events, level, search }: { events: readonly RunEvent[]; level: Level; search: string }) {
	const { t } = useTranslation();
	const format = useFormat();
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
					<li key={event.seq} className={event.seq > newest.current && newest.current > 0 ? css["fresh"] : ""}>
						<time className="mono num" dateTime={event.time}>
							{format.clockSeconds(event.time)}
						</time>
						<StatusIcon
							size={14}
							status={event.level === "error" ? "failed" : event.level === "warn" ? "partial_success" : "nothing_due"}
							label={t(`run.level.${event.level === "error" || event.level === "warn" ? event.level : "info"}`)}
						/>
						<bdi className={css["text"]}>{visibleText(event.message)}</bdi>
					</li>
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
