import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Retention } from "../api/types.ts";
import { countOf, rules } from "../forms/retention.ts";

/** A retention in words, such as "Keeps 10 newest, 7 daily and 4 weekly restore points". */
export function useRetentionWords(): (retention: Retention) => string {
	const { t, i18n } = useTranslation();
	return useCallback(
		(retention) => {
			const parts = rules
				.filter((rule) => countOf(retention, rule) > 0)
				.map((rule) => t(`retention.part.${rule}`, { number: countOf(retention, rule) }));
			if (parts.length === 0) return t("retention.keepsAll");
			const list = new Intl.ListFormat(i18n.language === "de" ? "de" : "en-GB", { type: "conjunction" });
			return t("retention.keeps", { list: list.format(parts) });
		},
		[t, i18n.language],
	);
}
