import { answer, client } from "../client.ts";
import type { Command, EstimateRequest, EstimateResult, PathExplanation } from "../types.ts";
import { finished, withdraw } from "./commands.ts";

/** Millions of files take their time. */
const patience = 3_600_000;

/** Counts what a job would take of a machine. `onPart` gets the counts so far; an aborted count is withdrawn. */
export async function countFiles(
	agent: string,
	body: EstimateRequest,
	signal: AbortSignal,
	onPart: (counts: EstimateResult) => void,
): Promise<EstimateResult> {
	const command = (await answer(
		client.POST("/api/v1/agents/{id}/estimates", {
			signal,
			params: { path: { id: agent } },
			body: { ...body, wait_seconds: 0 },
		}),
	)) as Command<EstimateResult>;
	// A stream of its own: the page's is opened anew for each topic, and then everything shown is fetched again.
	const parts =
		command.status === "completed" ? undefined : new EventSource(`/api/v1/stream?topics=commands%2F${command.id}`);
	parts?.addEventListener("command_partial", (event) => {
		const { data } = JSON.parse((event as MessageEvent<string>).data) as { data: { result: EstimateResult } };
		if (!signal.aborted) onPart(data.result);
	});
	try {
		return await finished(command, signal, patience);
	} catch (error) {
		if (signal.aborted) await withdraw(command.id);
		throw error;
	} finally {
		parts?.close();
	}
}

/** Says whether a job would take one path, and which rule decides. */
export async function explainPath(agent: string, body: EstimateRequest, path: string): Promise<PathExplanation> {
	const command = await answer(
		client.POST("/api/v1/agents/{id}/path-explanations", {
			params: { path: { id: agent } },
			body: { ...body, path },
		}),
	);
	return finished(command as Command<PathExplanation>);
}
