import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useState } from "react";
import { countFiles } from "../api/queries/estimates.ts";
import type { EstimateRequest, EstimateResult } from "../api/types.ts";

/** How long somebody may go on changing before the machine is asked, ms. */
const pause = 800;

export interface FileCount {
	/** What was counted; the counts of rules belong to this request. */
	request?: EstimateRequest;
	counts?: EstimateResult;
	/** A count is under way; older counts stay meanwhile. */
	counting: boolean;
	error?: unknown;
}

/** Counts what `request` would take of a machine, again after each change. Nothing is counted without both. */
export function useFileCount(agent: string | undefined, request: EstimateRequest | undefined): FileCount {
	const wanted = agent === undefined || request === undefined ? "" : JSON.stringify({ agent, request });
	const [settled] = useDebouncedValue(wanted, pause);
	const [count, setCount] = useState<FileCount>({ counting: false });
	useEffect(() => {
		if (settled === "") {
			setCount({ counting: false });
			return;
		}
		const { agent, request } = JSON.parse(settled) as { agent: string; request: EstimateRequest };
		const stop = new AbortController();
		const tell = (counts: EstimateResult, counting: boolean) => {
			if (!stop.signal.aborted) setCount({ request, counts, counting });
		};
		setCount(({ error: _error, ...before }) => ({ ...before, counting: true }));
		countFiles(agent, request, stop.signal, (counts) => tell(counts, true)).then(
			(counts) => tell(counts, false),
			(error: unknown) => {
				if (!stop.signal.aborted) setCount({ request, counting: false, error });
			},
		);
		return () => stop.abort();
	}, [settled]);
	return count;
}
