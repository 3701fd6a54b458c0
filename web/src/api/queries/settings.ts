import { queryOptions } from "@tanstack/react-query";
import { answer, client, ifMatch } from "../client.ts";
import { keys } from "../keys.ts";
import type { Settings } from "../types.ts";

export const settingsQuery = queryOptions({
	queryKey: keys.settings(),
	queryFn: ({ signal }) => answer(client.GET("/api/v1/settings", { signal })),
});

export const setPrivateTargets = (settings: Settings, allowed: boolean) =>
	answer(
		client.PATCH("/api/v1/settings", {
			params: { header: ifMatch(settings.version) },
			body: { private_targets: allowed },
		}),
	);
