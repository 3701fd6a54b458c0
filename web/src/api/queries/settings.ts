import { queryOptions } from "@tanstack/react-query";
import { answer, client, ifMatch } from "../client.ts";
import { keys } from "../keys.ts";
import type { Settings, SettingsPatch } from "../types.ts";

export const settingsQuery = queryOptions({
	queryKey: keys.settings(),
	queryFn: ({ signal }) => answer(client.GET("/api/v1/settings", { signal })),
});

export const updateSettings = (settings: Settings, body: SettingsPatch) =>
	answer(client.PATCH("/api/v1/settings", { params: { header: ifMatch(settings.version) }, body }));
