import { queryOptions } from "@tanstack/react-query";
import { answer, client, idempotencyKey, ifMatch } from "../client.ts";
import { keys } from "../keys.ts";
import type { ChannelCreate, ChannelPatch, NotificationChannel, NotificationTest } from "../types.ts";
import { allPages } from "./pages.ts";

export const channelsQuery = queryOptions({
	queryKey: keys.channels(),
	queryFn: ({ signal }) =>
		allPages((cursor) =>
			answer(client.GET("/api/v1/notification-channels", { signal, params: { query: { limit: 200, ...cursor } } })),
		),
});

export const createChannel = (body: ChannelCreate) =>
	answer(client.POST("/api/v1/notification-channels", { headers: { "Idempotency-Key": idempotencyKey() }, body }));

export const updateChannel = (channel: NotificationChannel, body: ChannelPatch) =>
	answer(
		client.PATCH("/api/v1/notification-channels/{id}", {
			params: { path: { id: channel.id }, header: ifMatch(channel.version) },
			body,
		}),
	);

export const deleteChannel = (channel: NotificationChannel) =>
	answer(
		client.DELETE("/api/v1/notification-channels/{id}", {
			params: { path: { id: channel.id }, header: ifMatch(channel.version) },
		}),
	);

export const testChannel = (id: string) =>
	answer(client.POST("/api/v1/notification-channels/{id}/test", { params: { path: { id } } }));

export const testUnsaved = (body: NotificationTest) => answer(client.POST("/api/v1/notification-tests", { body }));
