import { infiniteQueryOptions, keepPreviousData } from "@tanstack/react-query";
import { answer, client } from "../client.ts";
import { keys } from "../keys.ts";

export interface AlertFilter {
	state?: "open" | "closed" | undefined;
	severity?: string | undefined;
}

export const alertsQuery = (filter: AlertFilter) =>
	infiniteQueryOptions({
		queryKey: keys.alerts({ ...filter }),
		queryFn: ({ pageParam, signal }) =>
			answer(
				client.GET("/api/v1/alerts", {
					signal,
					params: {
						query: {
							limit: 50,
							...(filter.state === undefined ? {} : { state: filter.state }),
							...(filter.severity === undefined ? {} : { severity: filter.severity }),
							...(pageParam === "" ? {} : { cursor: pageParam }),
						},
					},
				}),
			),
		initialPageParam: "",
		getNextPageParam: (page) => page.next_cursor ?? undefined,
		placeholderData: keepPreviousData,
	});

export const acknowledgeAlert = (id: string) =>
	answer(client.POST("/api/v1/alerts/{id}/acknowledge", { params: { path: { id } } }));
