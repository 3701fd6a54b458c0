import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import type { Language } from "../util/format.ts";
import type { en } from "./en.ts";

/** The shape of a catalogue: the keys of the English one, each with a text. */
type Texts<T> = { [K in keyof T]: T[K] extends string ? string : Texts<T[K]> };
export type Catalogue = Texts<typeof en>;

const storageKey = "holdfast-language";

/** Each language is a chunk of its own; only the chosen one is loaded. */
const catalogues: Record<Language, () => Promise<Catalogue>> = {
	en: async () => (await import("./en.ts")).en,
	de: async () => (await import("./de.ts")).de,
};

export const languages: readonly Language[] = ["en", "de"];

export function chosenLanguage(): Language {
	let stored: string | null = null;
	try {
		stored = localStorage.getItem(storageKey);
	} catch {
		// Storage may be blocked; the browser's language is used then.
	}
	const wanted = stored ?? navigator.language;
	return wanted.toLowerCase().startsWith("de") ? "de" : "en";
}

export async function startTexts(language: Language): Promise<void> {
	const translation = await catalogues[language]();
	await i18next.use(initReactI18next).init({
		lng: language,
		resources: { [language]: { translation } },
		interpolation: { escapeValue: false },
		initAsync: false,
		react: { useSuspense: false },
	});
	document.documentElement.lang = language;
}

export async function changeLanguage(language: Language): Promise<void> {
	i18next.addResourceBundle(language, "translation", await catalogues[language]());
	await i18next.changeLanguage(language);
	document.documentElement.lang = language;
	try {
		localStorage.setItem(storageKey, language);
	} catch {
		// The choice then lasts until the page is closed.
	}
}
