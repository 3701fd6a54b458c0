import type { Job, JobDay, RunSummary } from "../api/types.ts";
import type { StatusName } from "../ui/StatusIcon.tsx";
import type { CellKind } from "../ui/Strip.tsx";

/** The status that a page shows: a run that was asked to stop says so until it has. */
export function runStatus(run: Pick<RunSummary, "status" | "cancel_requested">): StatusName {
	const active = run.status === "queued" || run.status === "starting" || run.status === "running";
	return active && run.cancel_requested ? "cancel_requested" : run.status;
}

export function dayKind(day: JobDay): CellKind {
	// A run that never began is worse than anything but one that failed.
	if (day.missed > 0 && day.worst !== "failed") return "missed";
	switch (day.worst) {
		case undefined:
		case null:
			return "nothing_due";
		case "queued":
		case "starting":
			return "running";
		default:
			return day.worst;
	}
}

const severity: Partial<Record<string, number>> = { failed: 0, partial_success: 1, cancelled: 3 };

/** Problems first, then by name. */
export function byProblems(a: Job, b: Job): number {
	const rank = (job: Job) => (!job.enabled ? 5 : (severity[job.last_run?.status ?? ""] ?? (job.protected ? 4 : 2)));
	return rank(a) - rank(b) || a.name.localeCompare(b.name);
}
