import { infiniteQueryOptions } from "@tanstack/react-query";
import { answer, client } from "../client.ts";
import { keys } from "../keys.ts";

/** Newest first, page by page. */
export const auditQuery = infiniteQueryOptions({
	queryKey: keys.audit(),
	queryFn: ({ pageParam, signal }) =>
		answer(
			client.GET("/api/v1/audit", {
				signal,
				params: { query: { limit: 50, ...(pageParam === "" ? {} : { cursor: pageParam }) } },
			}),
		),
	initialPageParam: "",
	getNextPageParam: (page) => page.next_cursor ?? undefined,
});
