import { answer, client } from "../client.ts";
import { ApiError } from "../errors.ts";
import type { Command, Failure } from "../types.ts";

const pause = 1_000;
const giveUpAfter = 120_000;

/** Nobody waits for it any more. */
export const withdraw = (id: string) =>
	answer(client.POST("/api/v1/commands/{id}/cancel", { params: { path: { id } } }));

/** The result of a command, waiting for it where the first answer did not; its failure as an `ApiError`. */
export async function finished<T>(command: Command<T>, signal?: AbortSignal, patience = giveUpAfter): Promise<T> {
	let present = command;
	const until = Date.now() + patience;
	while (present.status === "pending" || present.status === "delivered") {
		if (Date.now() > until) break;
		await new Promise((resolve) => setTimeout(resolve, pause));
		signal?.throwIfAborted();
		present = (await answer(
			client.GET("/api/v1/commands/{id}", { params: { path: { id: present.id } }, ...(signal ? { signal } : {}) }),
		)) as unknown as Command<T>;
	}
	if (present.status === "completed" && present.result !== undefined && present.result !== null) return present.result;
	throw asError(present.failure, present.status);
}

/** What a machine could not do, as the page words all errors; `status` where it says nothing itself. */
export function asError(failure: Failure | null | undefined, status: string): ApiError {
	return new ApiError({
		type: "about:blank",
		status: 0,
		code: failure?.code ?? "agent_timeout",
		title: failure?.title ?? status,
		detail: failure?.detail ?? null,
		hints: failure?.hints ?? [],
	});
}
