import { infiniteQueryOptions, keepPreviousData, type QueryClient, queryOptions } from "@tanstack/react-query";
import { answer, client } from "../client.ts";
import { keys } from "../keys.ts";
import { mergeEvents, type RunEventLog } from "../live.ts";
import type { RunStatus } from "../types.ts";

export const activeStatuses: readonly RunStatus[] = ["queued", "starting", "running"];

export const isActive = (status: RunStatus): boolean => activeStatuses.includes(status);

export interface RunFilter {
	job?: string | undefined;
	agent?: string | undefined;
	status?: string | undefined;
	/** First and last day. */
	from?: string | undefined;
	to?: string | undefined;
}

export const runsQuery = (filter: RunFilter) =>
	infiniteQueryOptions({
		queryKey: keys.runs({ ...filter }),
		queryFn: ({ pageParam, signal }) =>
			answer(
				client.GET("/api/v1/runs", {
					signal,
					params: {
						query: {
							limit: 50,
							...(filter.job === undefined ? {} : { job_id: filter.job }),
							...(filter.agent === undefined ? {} : { agent_id: filter.agent }),
							...(filter.status === undefined ? {} : { status: filter.status }),
							...(filter.from === undefined ? {} : { from: filter.from }),
							...(filter.to === undefined ? {} : { to: filter.to }),
							...(pageParam === "" ? {} : { cursor: pageParam }),
						},
					},
				}),
			),
		initialPageParam: "",
		getNextPageParam: (page) => page.next_cursor ?? undefined,
		placeholderData: keepPreviousData,
	});

export const runQuery = (id: string) =>
	queryOptions({
		queryKey: keys.run(id),
		queryFn: ({ signal }) => answer(client.GET("/api/v1/runs/{id}", { signal, params: { path: { id } } })),
	});

/** Events so far; a later fetch asks only for those after the last one. */
export const runEventsQuery = (queries: QueryClient, id: string) =>
	queryOptions({
		queryKey: keys.runEvents(id),
		queryFn: async ({ signal }): Promise<RunEventLog> => {
			let log = queries.getQueryData<RunEventLog>(keys.runEvents(id));
			for (;;) {
				const page = await answer(
					client.GET("/api/v1/runs/{id}/events", {
						signal,
						params: { path: { id }, query: { after: log?.lastSeq ?? 0, limit: 200 } },
					}),
				);
				log = mergeEvents(log, page.items);
				if (!page.more || page.items.length === 0) break;
			}
			// Messages of the stream may have arrived meanwhile.
			const present = queries.getQueryData<RunEventLog>(keys.runEvents(id));
			return present === undefined ? log : mergeEvents(log, present.items);
		},
	});

export const runProblemsQuery = (id: string) =>
	infiniteQueryOptions({
		queryKey: keys.runProblems(id),
		queryFn: ({ pageParam, signal }) =>
			answer(
				client.GET("/api/v1/runs/{id}/problems", {
					signal,
					params: { path: { id }, query: { limit: 100, ...(pageParam === "" ? {} : { cursor: pageParam }) } },
				}),
			),
		initialPageParam: "",
		getNextPageParam: (page) => page.next_cursor ?? undefined,
	});

export const cancelRun = (id: string) => answer(client.POST("/api/v1/runs/{id}/cancel", { params: { path: { id } } }));
