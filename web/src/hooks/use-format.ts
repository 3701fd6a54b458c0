import { useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import type { Me } from "../api/types.ts";
import * as format from "../util/format.ts";
import { useNow } from "./use-now.ts";

/** The formats of the reader's language and of the tenant's zone; ages are refreshed each half minute. */
export function useFormat() {
	const { i18n, t } = useTranslation();
	const zone = useQueryClient().getQueryData<Me>(keys.me())?.tenant.zone;
	const now = useNow(30_000);
	const language: format.Language = i18n.language === "de" ? "de" : "en";
	return useMemo(() => {
		const unknown = t("common.unknown");
		const ifKnown = <T>(value: T | null | undefined, words: (value: T) => string) =>
			value === null || value === undefined ? unknown : words(value);
		return {
			language,
			zone,
			now,
			size: (bytes: number | null | undefined) => ifKnown(bytes, (value) => format.size(language, value)),
			growth: (bytes: number) => format.growth(language, bytes),
			sizeParts: (bytes: number) => format.sizeParts(language, bytes),
			speed: (rate: number | null | undefined) => ifKnown(rate, (value) => format.speed(language, value)),
			bits: (rate: number) => format.bits(language, rate),
			count: (value: number | null | undefined) => ifKnown(value, (known) => format.count(language, known)),
			percent: (value: number, digits: 0 | 1) => format.percent(language, value, digits),
			moment: (at: string | number | Date) => format.moment(language, new Date(at), now, zone),
			fullMoment: (at: string | number | Date) => format.fullMoment(language, new Date(at), zone),
			longMoment: (at: string | number | Date) => format.longMoment(language, new Date(at), zone),
			clock: (at: string | number | Date) => format.clock(language, new Date(at), zone),
			clockSeconds: (at: string | number | Date) => format.clockSeconds(language, new Date(at), zone),
			age: (at: string | number | Date) => format.age(language, new Date(at), now, zone),
			duration: (seconds: number) => format.duration(language, seconds),
			day: (date: string) => format.day(language, date),
			weekday: (date: string) => format.weekday(language, date),
			date: (date: string) => format.date(language, date),
			shortMonth: (date: string) => format.shortMonth(language, date),
			weekdayName: (date: string, style: "long" | "narrow") => format.weekdayName(language, date, style),
			month: (month: string) => format.month(language, month),
			files: (files: number) => t("common.filesCount", { count: files, formatted: format.count(language, files) }),
		};
	}, [language, zone, now, t]);
}
