import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { type KnownTexts, type Wording, wording } from "../api/errors.ts";

/** The page's own texts of error codes in the reader's language. */
export function useKnownTexts(): KnownTexts {
	const { t, i18n } = useTranslation();
	return useCallback(
		(code) => {
			const key = `problems.${code}`;
			if (!i18n.exists(`${key}.title`)) return undefined;
			const text = t(key as "problems.unexpected", { returnObjects: true }) as unknown as {
				title: string;
				hint: string;
			};
			return text;
		},
		[t, i18n],
	);
}

/** Words for an error. */
export function useWording(): (error: unknown) => Wording {
	const known = useKnownTexts();
	return useCallback((error) => wording(error, known), [known]);
}
