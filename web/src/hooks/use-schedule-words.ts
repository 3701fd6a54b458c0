import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Schedule } from "../api/types.ts";
import { scheduleWords } from "../util/schedule-words.ts";

/** Schedules in words of the reader's language. */
export function useScheduleWords(): (schedule: Schedule) => string {
	const { t, i18n } = useTranslation();
	return useCallback(
		(schedule) =>
			scheduleWords(i18n.language === "de" ? "de" : "en", schedule, (key, values) =>
				t(`schedule.${key}` as "schedule.manual", values ?? {}),
			),
		[t, i18n.language],
	);
}
