import { infiniteQueryOptions } from "@tanstack/react-query";
import { answer, client } from "../client.ts";
import { keys } from "../keys.ts";
import type { BrowseListing, Command } from "../types.ts";
import { finished } from "./commands.ts";

/** A folder on a machine, 1,000 entries a page. An empty path lists the volumes or the root folder. */
export const browseQuery = (agent: string, path: string) =>
	infiniteQueryOptions({
		queryKey: keys.browse(agent, path),
		queryFn: async ({ pageParam, signal }) => {
			const command = await answer(
				client.POST("/api/v1/agents/{id}/browse", {
					signal,
					params: { path: { id: agent } },
					body: { path, ...(pageParam === "" ? {} : { cursor: pageParam }) },
				}),
			);
			return finished(command as Command<BrowseListing>, signal);
		},
		initialPageParam: "",
		getNextPageParam: (page) => page.next_cursor ?? undefined,
		staleTime: 30_000,
	});
