import { answer, client } from "../client.ts";
import type { Command, EstimateRequest, EstimateResult, PathExplanation } from "../types.ts";
import { finished, followed } from "./commands.ts";

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
	return followed(command, signal, onPart);
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
