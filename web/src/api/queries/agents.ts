import { queryOptions } from "@tanstack/react-query";
import { answer, client, idempotencyKey, ifMatch } from "../client.ts";
import { keys } from "../keys.ts";
import type { Agent } from "../types.ts";
import { allPages } from "./pages.ts";

export const agentsQuery = queryOptions({
	queryKey: keys.agents(),
	queryFn: ({ signal }) =>
		allPages((cursor) =>
			answer(client.GET("/api/v1/agents", { signal, params: { query: { limit: 200, ...cursor } } })),
		),
});

export const agentQuery = (id: string) =>
	queryOptions({
		queryKey: keys.agent(id),
		queryFn: ({ signal }) => answer(client.GET("/api/v1/agents/{id}", { signal, params: { path: { id } } })),
	});

export const renameAgent = (agent: Agent, name: string) =>
	answer(
		client.PATCH("/api/v1/agents/{id}", {
			params: { path: { id: agent.id }, header: ifMatch(agent.version) },
			body: { name },
		}),
	);

export const disableAgent = (id: string) =>
	answer(client.POST("/api/v1/agents/{id}/disable", { params: { path: { id } } }));

export const enableAgent = (id: string) =>
	answer(client.POST("/api/v1/agents/{id}/enable", { params: { path: { id } } }));

export const deleteAgent = (agent: Agent) =>
	answer(client.DELETE("/api/v1/agents/{id}", { params: { path: { id: agent.id }, header: ifMatch(agent.version) } }));

/** A token that works once and for a day. */
export const createEnrolmentToken = () =>
	answer(
		client.POST("/api/v1/enrolment-tokens", {
			headers: { "Idempotency-Key": idempotencyKey() },
			body: { max_uses: 1 },
		}),
	);
