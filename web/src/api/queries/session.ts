import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "../client.ts";
import { keys } from "../keys.ts";

export const statusQuery = queryOptions({
	queryKey: keys.status(),
	queryFn: ({ signal }) => answer(client.GET("/api/v1/status", { signal })),
});

export const meQuery = queryOptions({
	queryKey: keys.me(),
	queryFn: ({ signal }) => answer(client.GET("/api/v1/me", { signal })),
	staleTime: 60_000,
});

export const setUp = (body: { token: string; email: string; password: string; tenant_name?: string; zone?: string }) =>
	answer(client.POST("/api/v1/set-up", { body }));

export const signIn = (body: { email: string; password: string }) => answer(client.POST("/api/v1/session", { body }));

export const signOut = () => answer(client.DELETE("/api/v1/session"));
