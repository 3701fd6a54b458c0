import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, client, idempotencyKey } from "../client.ts";
import { keys } from "../keys.ts";
import type { Command, ContentListing, RestoreCreate, SearchResult } from "../types.ts";
import { finished } from "./commands.ts";
import { allPages } from "./pages.ts";

/** A search index that is made anew takes its time. */
const patience = 3_600_000;

/** Restore points of a job, or of everything, newest first. */
export const pointsQuery = (filter: { job?: string | undefined; vault?: string | undefined }) =>
	queryOptions({
		queryKey: keys.points({ ...filter }),
		queryFn: ({ signal }) =>
			allPages((cursor) =>
				answer(
					client.GET("/api/v1/points", {
						signal,
						params: {
							query: {
								limit: 200,
								...(filter.job === undefined ? {} : { job_id: filter.job }),
								...(filter.vault === undefined ? {} : { vault_id: filter.vault }),
								...cursor,
							},
						},
					}),
				),
			),
	});

export const pointQuery = (id: string) =>
	queryOptions({
		queryKey: keys.point(id),
		queryFn: ({ signal }) => answer(client.GET("/api/v1/points/{id}", { signal, params: { path: { id } } })),
	});

/** A folder of one source path of a point, 1,000 entries a page. */
export const contentQuery = (point: string, snapshot: string, path: string) =>
	infiniteQueryOptions({
		queryKey: keys.content(point, snapshot, path),
		queryFn: async ({ pageParam, signal }) => {
			const command = await answer(
				client.POST("/api/v1/points/{id}/content", {
					signal,
					params: { path: { id: point } },
					body: { snapshot_id: snapshot, path, ...(pageParam === "" ? {} : { cursor: pageParam }) },
				}),
			);
			return finished(command as Command<ContentListing>, signal);
		},
		initialPageParam: "",
		getNextPageParam: (page) => page.next_cursor ?? undefined,
		staleTime: Number.POSITIVE_INFINITY,
	});

/** All versions of one path in the points of its source; `undefined` when there is no such path. */
export const versionsQuery = (point: string, snapshot: string, path: string) =>
	queryOptions({
		queryKey: keys.versions(point, snapshot, path),
		queryFn: async ({ signal }) => {
			const command = await answer(
				client.POST("/api/v1/points/{id}/versions", {
					signal,
					params: { path: { id: point } },
					body: { snapshot_id: snapshot, path },
				}),
			);
			const result = await finished(command as Command<SearchResult>, signal, patience);
			return result.hits[0] ?? null;
		},
		staleTime: 60_000,
	});

export const startRestore = (body: RestoreCreate) =>
	answer(client.POST("/api/v1/restores", { headers: { "Idempotency-Key": idempotencyKey() }, body }));
