import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "../client.ts";
import { keys } from "../keys.ts";

export const overviewQuery = queryOptions({
	queryKey: keys.overview(),
	queryFn: ({ signal }) => answer(client.GET("/api/v1/overview", { signal })),
});
