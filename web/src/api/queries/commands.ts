import { answer, client } from "../client.ts";
import { ApiError } from "../errors.ts";
import type { Command, Failure } from "../types.ts";

const pause = 1_000;
const giveUpAfter = 120_000;

/** What looks at millions of files takes its time. */
export const longPatience = 3_600_000;

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

/**
 * Tells what commands have found so far, until it is closed. A stream of its own: the page's is opened anew for each topic,
 * and then everything shown is fetched again.
 */
export function partsOf<T>(commands: readonly string[], onPart: (command: string, part: T) => void): EventSource {
	const topics = commands.map((id) => `commands/${id}`);
	const stream = new EventSource(`/api/v1/stream?topics=${encodeURIComponent(topics.join(","))}`);
	stream.addEventListener("command_partial", (event) => {
		const message = JSON.parse((event as MessageEvent<string>).data) as { topic: string; data: { result: T } };
		onPart(message.topic.slice("commands/".length), message.data.result);
	});
	return stream;
}

/** The result of a command that takes long. `onPart` gets what is known so far; an aborted command is withdrawn. */
export async function followed<T>(command: Command<T>, signal: AbortSignal, onPart: (part: T) => void): Promise<T> {
	const isOver = command.status === "completed" || command.status === "failed";
	const parts = isOver
		? undefined
		: partsOf<T>([command.id], (_command, part) => {
				if (!signal.aborted) onPart(part);
			});
	try {
		return await finished(command, signal, longPatience);
	} catch (error) {
		if (signal.aborted) await withdraw(command.id);
		throw error;
	} finally {
		parts?.close();
	}
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
