import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "../client.ts";
import { keys } from "../keys.ts";

export const overviewQuery = queryOptions({
	queryKey: keys.overview(),
	queryFn: ({ signal }) => answer(client.GET("/api/v1/overview", { signal })),
});

/** The same with the jobs of one machine alone. */
export const overviewOfQuery = (agent: string) =>
	queryOptions({
		queryKey: keys.overviewOf(agent),
		queryFn: ({ signal }) => answer(client.GET("/api/v1/overview", { signal, params: { query: { agent_id: agent } } })),
	});
