import { infiniteQueryOptions, type QueryClient } from "@tanstack/react-query";
import { answer, client } from "../client.ts";
import { keys } from "../keys.ts";
import type { RunLog } from "../types.ts";

export interface LogFilter {
	/** Levels by commas; absent: all. */
	level?: string;
	/** A part of the text; absent: all. */
	q?: string;
}

/** Lines of a followed log that are kept in memory. */
export const lineLimit = 5_000;

const part = (run: string, query: LogFilter & { before?: number; after?: number }, signal?: AbortSignal) =>
	answer(
		client.GET("/api/v1/runs/{id}/log", {
			...(signal === undefined ? {} : { signal }),
			params: { path: { id: run }, query: { limit: 500, ...query } },
		}),
	);

/** The newest lines of a run's log that match; further pages are older. */
export const runLogQuery = (run: string, filter: LogFilter) =>
	infiniteQueryOptions({
		queryKey: keys.runLog(run, filter),
		queryFn: ({ pageParam, signal }) =>
			part(run, { ...filter, ...(pageParam > 0 ? { before: pageParam } : {}) }, signal),
		initialPageParam: 0,
		getNextPageParam: (page: RunLog) => (page.more ? page.from : undefined),
	});

/** Adds newer lines to the newest page. Of a very long one the oldest lines go; they can be loaded again. */
export function addNewer(page: RunLog, newer: RunLog, isOnly: boolean): RunLog {
	const items = [...page.items, ...newer.items];
	const added = { ...page, items, to: newer.to, lines: newer.lines, full: newer.full, erased: newer.erased };
	const kept = items.slice(-lineLimit);
	const first = kept[0];
	if (!isOnly || kept.length === items.length || first === undefined) return added;
	return { ...added, items: kept, from: first.line, more: true };
}

/** Fetches the lines that were written since, into the pages that are shown. */
export async function followRunLog(queries: QueryClient, run: string, filter: LogFilter): Promise<number> {
	const key = runLogQuery(run, filter).queryKey;
	for (;;) {
		const newest = queries.getQueryData(key)?.pages[0];
		if (newest === undefined) return 0;
		const newer = await part(run, { ...filter, after: newest.to });
		queries.setQueryData(key, (data) => {
			const [present, ...older] = data?.pages ?? [];
			// It was fetched anew meanwhile.
			if (data === undefined || present === undefined || present.to !== newest.to) return data;
			return { ...data, pages: [addNewer(present, newer, older.length === 0), ...older] };
		});
		if (!newer.more) return newer.to;
	}
}
