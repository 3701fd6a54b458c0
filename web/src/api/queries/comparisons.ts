import { infiniteQueryOptions, type QueryClient } from "@tanstack/react-query";
import { answer, client } from "../client.ts";
import { keys } from "../keys.ts";
import type { Command, Comparison, ComparisonRequest } from "../types.ts";
import { followed } from "./commands.ts";

/** A small difference is answered at once. */
const waitSeconds = 3;

/** What differs between two points in a folder, a page at a time. What is known so far lies under `comparisonPart`. */
export const comparisonQuery = (queries: QueryClient, request: ComparisonRequest) =>
	infiniteQueryOptions({
		queryKey: keys.comparison(request),
		queryFn: ({ pageParam, signal }) =>
			compare(pageParam === "" ? request : { ...request, cursor: pageParam }, signal, (part) =>
				queries.setQueryData(keys.comparisonPart(request), part),
			),
		initialPageParam: "",
		getNextPageParam: (page) => page.next_cursor ?? undefined,
		// Points do not change.
		staleTime: Number.POSITIVE_INFINITY,
		retry: false,
	});

/** Everything that a comparison lists, up to `most` entries. */
export async function wholeComparison(request: ComparisonRequest, most: number): Promise<Comparison["entries"]> {
	const signal = new AbortController().signal;
	let page = await compare(request, signal, () => undefined);
	const entries = [...page.entries];
	while (page.next_cursor && entries.length < most) {
		page = await compare({ ...request, cursor: page.next_cursor }, signal, () => undefined);
		entries.push(...page.entries);
	}
	return entries.slice(0, most);
}

/** One page. `onPart` gets what is known so far; an aborted comparison is withdrawn. */
async function compare(
	request: ComparisonRequest,
	signal: AbortSignal,
	onPart: (part: Comparison) => void,
): Promise<Comparison> {
	const command = (await answer(
		client.POST("/api/v1/comparisons", { signal, body: { ...request, wait_seconds: waitSeconds } }),
	)) as Command<Comparison>;
	return followed(command, signal, onPart);
}
