import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { fieldProblems, type KnownFields } from "../api/errors.ts";

/**
 * The page's own words for what is wrong with a field: those of a schedule's fields, and in other languages than the
 * server's at least what kind of mistake it is.
 */
export function useKnownFields(): KnownFields {
	const { t, i18n } = useTranslation();
	return useCallback(
		(pointer, code) => {
			const name = pointer.split("/").findLast((part) => !/^\d+$/.test(part));
			const exact = `${name}_${code}`;
			if (pointer.startsWith("/schedule/") && i18n.exists(`schedule.problem.${exact}`)) {
				return t(`schedule.problem.${exact as "cron_never"}`);
			}
			if (i18n.language === "en" || !i18n.exists(`field.${code}`)) return undefined;
			return t(`field.${code as "missing"}`);
		},
		[t, i18n],
	);
}

/** Problems of single input fields in words, by JSON pointer. */
export function useFieldProblems(): (error: unknown) => ReadonlyMap<string, string> {
	const known = useKnownFields();
	return useCallback((error) => fieldProblems(error, known), [known]);
}
