import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Schedule } from "../api/types.ts";

/** What a schedule says besides its times: windows, limits, what happens after an absence. */
export function useScheduleConditions(): (schedule: Schedule, offlineStart: boolean) => string[] {
	const { t } = useTranslation();
	return useCallback(
		(schedule, offlineStart) => [
			...(schedule.not_between ?? []).map((window) => t("schedule.conditionNotBetween", window)),
			...(schedule.stop_at ? [t("schedule.conditionStop", { time: schedule.stop_at })] : []),
			...(schedule.spread_minutes ? [t("schedule.conditionSpread", { minutes: schedule.spread_minutes })] : []),
			...(schedule.type === "manual"
				? []
				: [schedule.catch_up === false ? t("schedule.conditionNoCatchUp") : t("schedule.conditionCatchUp")]),
			...(offlineStart && schedule.type !== "manual" ? [t("schedule.conditionOffline")] : []),
		],
		[t],
	);
}
