import { useTranslation } from "react-i18next";
import type { RunSummary } from "../api/types.ts";

/** Names of a run's job and machine, also when they were deleted since. */
export function useRunNames(): (run: Pick<RunSummary, "job" | "agent">) => { job: string; agent: string } {
	const { t } = useTranslation();
	return (run) => ({
		job: run.job?.name ?? t("runs.deletedJob"),
		agent: run.agent?.name ?? t("runs.deletedMachine"),
	});
}
