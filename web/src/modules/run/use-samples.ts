import { useEffect, useState } from "react";
import type { Run } from "../../api/types.ts";
import { addSample, type Sample } from "../../util/estimate.ts";

/** Readings of runs seen in this tab; they outlive the page, so that coming back shows the curve again. */
const kept = new Map<string, Sample[]>();
const runsKept = 8;

/** Readings of a run's figures. For a restore the written bytes count as both. */
export function useSamples(run: Run): readonly Sample[] {
	const [samples, setSamples] = useState<readonly Sample[]>(() => kept.get(run.id) ?? []);
	const { bytes_processed: processed, bytes_transferred: transferred, reported_at: reported } = run.progress;
	useEffect(() => {
		if (run.status !== "running" && run.status !== "starting") return;
		const read = run.type === "restore" ? transferred : processed;
		if (read === null || read === undefined) return;
		const at = reported ? new Date(reported).getTime() : Date.now();
		const next = addSample(kept.get(run.id) ?? [], { at, read, uploaded: transferred ?? 0 });
		kept.delete(run.id);
		kept.set(run.id, next);
		for (const id of kept.keys()) {
			if (kept.size <= runsKept) break;
			kept.delete(id);
		}
		setSamples(next);
	}, [run.id, run.type, run.status, processed, transferred, reported]);
	return samples;
}
