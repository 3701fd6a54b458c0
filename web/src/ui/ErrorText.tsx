import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import css from "./error-text.module.css";
import { Notice } from "./Notice.tsx";

/** What an error says; the same shape as the API layer's wording. */
interface Words {
	title: string;
	detail: string | undefined;
	hints: readonly string[];
	code: string | undefined;
	requestId: string | undefined;
}

/** What happened, why, what to do, and what to quote. */
export function ErrorText({ words, action }: { words: Words; action?: ReactNode }) {
	const { t } = useTranslation();
	return (
		<Notice tone="bad" title={words.title} action={action} alert>
			{words.detail === undefined ? null : (
				<p>
					<bdi>{words.detail}</bdi>
				</p>
			)}
			{words.hints.map((hint) => (
				<p key={hint}>{hint}</p>
			))}
			{words.code === undefined ? null : (
				<p className={`mono ${css["code"]}`}>
					{words.requestId === undefined
						? words.code
						: t("common.code", { code: words.code, request: words.requestId })}
				</p>
			)}
		</Notice>
	);
}
