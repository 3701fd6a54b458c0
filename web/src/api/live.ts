import type { QueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { keys } from "./keys.ts";
import { type Connection, LiveStream, type Message } from "./stream.ts";
import type { Command, Overview, Run, RunEvent } from "./types.ts";

/** Events that are kept in memory for one run. */
export const eventLimit = 5_000;

export interface RunEventLog {
	items: RunEvent[];
	lastSeq: number;
}

/** Adds events in order of their number; repeats are dropped. */
export function mergeEvents(log: RunEventLog | undefined, more: readonly RunEvent[]): RunEventLog {
	const lastSeq = log?.lastSeq ?? 0;
	const fresh = more.filter((event) => event.seq > lastSeq).sort((a, b) => a.seq - b.seq);
	if (log !== undefined && fresh.length === 0) return log;
	const items = [...(log?.items ?? []), ...fresh].slice(-eventLimit);
	return { items, lastSeq: fresh.at(-1)?.seq ?? lastSeq };
}

export const stream = new LiveStream({
	open: (url) => new EventSource(url),
	document,
	setTimeout: (run, ms) => window.setTimeout(run, ms),
	clearTimeout: (timer) => window.clearTimeout(timer),
});

/** Writes the stream's messages into the query cache. */
export function connectStream(queries: QueryClient): () => void {
	const refetch = throttled(1_000, (key: string) => {
		void queries.invalidateQueries({ queryKey: [key] });
	});
	const stopMessages = stream.onMessage((message) => apply(queries, message, refetch));
	const stopReopen = stream.onReopen(() => {
		void queries.invalidateQueries();
	});
	return () => {
		stopMessages();
		stopReopen();
	};
}

function apply(queries: QueryClient, message: Message, refetch: (key: string) => void): void {
	const [noun, id] = message.topic.split("/");
	switch (message.event) {
		case "overview":
			queries.setQueryData(keys.overview(), message.data as Overview);
			break;
		case "run":
			if (noun === "runs" && id !== undefined) queries.setQueryData(keys.run(id), message.data as Run);
			else refetch("runs-list");
			break;
		case "run_event":
			// A gap (missed while reconnecting) is closed by the fetch that follows each opening.
			if (id !== undefined) {
				queries.setQueryData<RunEventLog>(keys.runEvents(id), (log) =>
					log === undefined ? undefined : mergeEvents(log, [message.data as RunEvent]),
				);
			}
			break;
		case "agent":
		case "agent_deleted":
			refetch("agents");
			break;
		case "command":
			if (id !== undefined) queries.setQueryData(keys.command(id), message.data as Command<unknown>);
			break;
		case "changed":
			if (noun !== undefined) refetch(noun);
			break;
	}
}

/** Runs at once and then at most once a period for each key, the last call never being lost. */
function throttled(period: number, run: (key: string) => void): (key: string) => void {
	const waiting = new Map<string, { again: boolean }>();
	return (key) => {
		const pending = waiting.get(key);
		if (pending !== undefined) {
			pending.again = true;
			return;
		}
		run(key);
		const state = { again: false };
		waiting.set(key, state);
		setTimeout(() => {
			waiting.delete(key);
			if (state.again) run(key);
		}, period);
	};
}

/** Follows topics while the component is shown. */
export function useTopics(...topics: readonly string[]): void {
	const joined = topics.join(",");
	useEffect(() => {
		const stops = joined === "" ? [] : joined.split(",").map((topic) => stream.subscribe(topic));
		return () => {
			for (const stop of stops) stop();
		};
	}, [joined]);
}

export function useConnection(): Connection {
	return useSyncExternalStore(
		(run) => stream.onState(run),
		() => stream.connection(),
	);
}

/** A polling period for queries that the stream normally feeds: the given one only while the stream is down. */
export function useFallbackInterval(ms: number): number | false {
	return useConnection() === "live" ? false : ms;
}
