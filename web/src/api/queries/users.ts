import { queryOptions } from "@tanstack/react-query";
import { answer, client, idempotencyKey, ifMatch } from "../client.ts";
import { keys } from "../keys.ts";
import type { User, UserCreate, UserPatch } from "../types.ts";
import { allPages } from "./pages.ts";

export const usersQuery = queryOptions({
	queryKey: keys.users(),
	queryFn: ({ signal }) =>
		allPages((cursor) => answer(client.GET("/api/v1/users", { signal, params: { query: { limit: 200, ...cursor } } }))),
});

export const createUser = (body: UserCreate) =>
	answer(client.POST("/api/v1/users", { headers: { "Idempotency-Key": idempotencyKey() }, body }));

export const updateUser = (user: User, body: UserPatch) =>
	answer(
		client.PATCH("/api/v1/users/{id}", {
			params: { path: { id: user.id }, header: ifMatch(user.version) },
			body,
		}),
	);

export const deleteUser = (user: User) =>
	answer(client.DELETE("/api/v1/users/{id}", { params: { path: { id: user.id }, header: ifMatch(user.version) } }));
