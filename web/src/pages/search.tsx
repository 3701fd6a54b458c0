import { Button, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Navigate, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { agentsQuery } from "../api/queries/agents.ts";
import { beginSearch, repeatSearch, searchQuery } from "../api/queries/searches.ts";
import { type FileQuestion, lastQuestion, rememberQuestion, searchOf } from "../forms/search.ts";
import { useFieldProblems } from "../hooks/use-field-problems.ts";
import { Page } from "../modules/Page.tsx";
import { SearchResults } from "../modules/SearchResults.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Icon } from "../ui/Icon.tsx";
import { paths } from "../util/paths.ts";
import css from "./search.module.css";

const route = getRouteApi("/signed-in/search");

const deletedChoices = ["include", "exclude", "only"] as const;

/** Where is my file, in whatever restore point. */
export default function Search() {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const queries = useQueryClient();
	const question: FileQuestion = route.useSearch();
	const query = searchOf(question);
	const search = useQuery(searchQuery(query ?? { pattern: "" }));
	// What was found stays: a search that was begun before is not begun again.
	const begin = query === undefined ? "" : JSON.stringify(query);
	useEffect(() => {
		if (begin === "") return;
		beginSearch(queries, JSON.parse(begin));
	}, [begin, queries]);
	useEffect(() => {
		if (question.q !== undefined) rememberQuestion(queries, question);
	}, [question, queries]);
	const wrong = useFieldProblems()(search.data?.error);
	const last = question.q === undefined ? lastQuestion(queries) : undefined;
	if (last !== undefined && Object.keys(question).length === 0) {
		return <Navigate {...paths.search(last)} replace />;
	}
	const go = (next: FileQuestion) => {
		const asked = searchOf(next);
		// Asking the same again is a wish to look again.
		if (asked !== undefined && JSON.stringify(asked) === begin) repeatSearch(queries, asked);
		void navigate(paths.search(next));
	};
	return (
		<Page title={t("search.title")} name={question.q === undefined ? t("search.title") : question.q}>
			<Question question={question} problem={wrong.get("/pattern")} onAsk={go} />
			{query === undefined ? (
				<Empty icon="search" title={t("search.emptyTitle")}>
					{t("search.emptyText")}
				</Empty>
			) : (
				<SearchResults
					query={query}
					search={search.data}
					onClear={
						Object.keys(question).length > 1 ? () => void navigate(paths.search({ q: query.pattern })) : undefined
					}
				/>
			)}
		</Page>
	);
}

function Question({
	question,
	problem,
	onAsk,
}: {
	question: FileQuestion;
	problem: string | undefined;
	onAsk: (next: FileQuestion) => void;
}) {
	const { t } = useTranslation();
	const agents = useQuery(agentsQuery);
	const [text, setText] = useState(question.q ?? "");
	useEffect(() => setText(question.q ?? ""), [question.q]);
	const ask = (part: { [key in keyof FileQuestion]: string | undefined }) => {
		const next = { ...question, q: text.trim(), ...part };
		onAsk(Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined && value !== "")));
	};
	const submit = (event: FormEvent) => {
		event.preventDefault();
		if (text.trim() !== "") ask({});
	};
	return (
		<search>
			<form onSubmit={submit}>
				<div className={css["ask"]}>
					<TextInput
						className={css["field"] ?? ""}
						label={t("search.label")}
						description={t("search.help")}
						leftSection={<Icon name="search" />}
						value={text}
						maxLength={1000}
						autoComplete="off"
						spellCheck={false}
						error={problem}
						onChange={(event) => setText(event.currentTarget.value)}
					/>
					<Button type="submit" variant="filled">
						{t("search.submit")}
					</Button>
				</div>
				<div className={css["filters"]}>
					<Select
						label={t("search.agent")}
						data={[
							{ value: "", label: t("common.all") },
							...(agents.data?.items ?? []).map((agent) => ({ value: agent.id, label: agent.name })),
						]}
						allowDeselect={false}
						value={question.agent ?? ""}
						onChange={(agent) => ask({ agent: agent ?? undefined })}
					/>
					<TextInput
						type="date"
						label={t("search.from")}
						value={question.from ?? ""}
						max={question.to ?? "9999-12-31"}
						onChange={(event) => ask({ from: event.currentTarget.value })}
					/>
					<TextInput
						type="date"
						label={t("search.to")}
						value={question.to ?? ""}
						min={question.from ?? ""}
						onChange={(event) => ask({ to: event.currentTarget.value })}
					/>
					<SegmentedControl
						aria-label={t("search.whichDeleted")}
						value={deletedChoices.find((choice) => choice === question.deleted) ?? "include"}
						onChange={(deleted) => ask({ deleted: deleted === "include" ? undefined : deleted })}
						data={deletedChoices.map((choice) => ({ value: choice, label: t(`search.deleted.${choice}`) }))}
					/>
				</div>
			</form>
		</search>
	);
}
