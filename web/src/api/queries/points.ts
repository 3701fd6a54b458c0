import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, client, idempotencyKey } from "../client.ts";
import { ApiError, offline } from "../errors.ts";
import { keys } from "../keys.ts";
import type {
	Command,
	ContentListing,
	DeletePointsResult,
	DeletionPreview,
	PathFound,
	PinState,
	RestoreCreate,
	SearchResult,
} from "../types.ts";
import { finished, longPatience } from "./commands.ts";
import { allPages } from "./pages.ts";

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

/** The restore points of a job, or of everything, newest first, with little of each: thousands come at once. */
export const timelineQuery = (job: string | undefined) =>
	queryOptions({
		queryKey: keys.timeline(job),
		queryFn: ({ signal }) =>
			answer(
				client.GET("/api/v1/points/timeline", {
					signal,
					params: { query: job === undefined ? {} : { job_id: job } },
				}),
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
		// What a machine answered stays as it is; only a server that did not answer is asked again.
		retry: (failures, error) => failures < 3 && error instanceof ApiError && error.code === offline,
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
			const result = await finished(command as Command<SearchResult>, signal, longPatience);
			return result.hits[0] ?? null;
		},
		staleTime: 60_000,
	});

/** The nearest points of the same source that have a path which this one lacks. */
export const pathSearchQuery = (point: string, snapshot: string, path: string) =>
	queryOptions({
		queryKey: keys.pathSearch(point, snapshot, path),
		queryFn: async ({ signal }) => {
			const command = await answer(
				client.POST("/api/v1/points/{id}/path-searches", {
					signal,
					params: { path: { id: point } },
					body: { snapshot_id: snapshot, path },
				}),
			);
			return finished(command as Command<PathFound>, signal);
		},
		staleTime: 60_000,
	});

/** What deleting a point would do; asked anew each time. */
export const deletionPreviewQuery = (id: string) =>
	queryOptions({
		queryKey: keys.deletionPreview(id),
		queryFn: async ({ signal }) => {
			const command = await answer(
				client.POST("/api/v1/points/{id}/deletion-previews", { signal, params: { path: { id } }, body: {} }),
			);
			return finished(command as Command<DeletionPreview>, signal);
		},
		staleTime: 0,
		gcTime: 0,
	});

export async function deletePoint(id: string): Promise<DeletePointsResult> {
	const command = await answer(client.POST("/api/v1/points/{id}/deletions", { params: { path: { id } }, body: {} }));
	return finished(command as Command<DeletePointsResult>);
}

/** Pins a point; an empty note is none. */
export async function pinPoint(id: string, note: string): Promise<PinState> {
	const body = note === "" ? {} : { note };
	const command = await answer(client.POST("/api/v1/points/{id}/pin", { params: { path: { id } }, body }));
	return finished(command as Command<PinState>);
}

export async function unpinPoint(id: string): Promise<PinState> {
	const command = await answer(client.POST("/api/v1/points/{id}/unpin", { params: { path: { id } }, body: {} }));
	return finished(command as Command<PinState>);
}

export const startRestore = (body: RestoreCreate) =>
	answer(client.POST("/api/v1/restores", { headers: { "Idempotency-Key": idempotencyKey() }, body }));
