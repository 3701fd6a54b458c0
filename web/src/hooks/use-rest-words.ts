import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { RunSummary } from "../api/types.ts";
import { type Rest, roundRest } from "../util/estimate.ts";

/** The rest of a run in words: a range, or that it is still being estimated. */
export function useRestWords(): (progress: RunSummary["progress"], own?: Rest) => string {
	const { t } = useTranslation();
	return useCallback(
		(progress, own) => {
			const rest = own ?? serverRest(progress);
			if (rest === undefined) return t("run.estimating");
			const rounded = roundRest(rest);
			if (rounded.kind === "soon") return t("run.soon");
			if (rounded.low === rounded.high) return t("run.leftOne", { low: rounded.low });
			return t("run.left", { low: rounded.low, high: rounded.high });
		},
		[t],
	);
}

/** What the server estimates. */
export function serverRest(progress: RunSummary["progress"]): Rest | undefined {
	const low = progress.eta_low_seconds ?? progress.eta_seconds;
	const high = progress.eta_high_seconds ?? progress.eta_seconds;
	return low === null || low === undefined || high === null || high === undefined ? undefined : { low, high };
}
