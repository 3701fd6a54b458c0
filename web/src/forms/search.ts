import type { QueryClient } from "@tanstack/react-query";
import type { SearchQuery } from "../api/queries/searches.ts";

/** A search as the address has it. */
export interface FileQuestion {
	q?: string;
	agent?: string;
	/** First day, as `2026-11-24`. */
	from?: string;
	/** Last day. */
	to?: string;
	deleted?: string;
}

const day = /^\d{4}-\d{2}-\d{2}$/;

/** An instant of a day by the reader's clock; `undefined` for text that is no day. */
function instant(text: string | undefined, time: string): string | undefined {
	if (text === undefined || !day.test(text)) return undefined;
	const at = new Date(`${text}T${time}`);
	return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** The search as the API takes it; `undefined` as long as nothing is looked for. */
export function searchOf(question: FileQuestion): SearchQuery | undefined {
	const pattern = question.q?.trim() ?? "";
	if (pattern === "") return undefined;
	const from = instant(question.from, "00:00:00.000");
	const to = instant(question.to, "23:59:59.999");
	return {
		pattern,
		...(question.agent === undefined ? {} : { agent_id: question.agent }),
		...(from === undefined ? {} : { from }),
		...(to === undefined ? {} : { to }),
		...(question.deleted === "exclude" || question.deleted === "only" ? { deleted: question.deleted } : {}),
	};
}

const lastKey = ["searches", "last"] as const;

/** Whoever comes back to the page finds the last search again. */
export function rememberQuestion(queries: QueryClient, question: FileQuestion): void {
	queries.setQueryData<FileQuestion>(lastKey, question);
}

export function lastQuestion(queries: QueryClient): FileQuestion | undefined {
	return queries.getQueryData<FileQuestion>(lastKey);
}
