import { Button, Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../../api/keys.ts";
import { followRunLog, type LogFilter, runLogQuery } from "../../api/queries/run-logs.ts";
import type { RunLog } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { Notice } from "../../ui/Notice.tsx";
import { runLogFile } from "../../util/paths.ts";
import { QueryView } from "../QueryView.tsx";
import css from "./events.module.css";
import { RecordRow } from "./RecordRow.tsx";

/** How often an active run is asked for new lines, ms. */
const pace = 4_000;
/** How long somebody may go on typing before the log is searched, ms. */
const pause = 400;

const levels = { all: undefined, warn: "warn,error", error: "error" } as const;
type Level = keyof typeof levels;

/** Everything that the agent wrote about a run, newest first; searched on the server, because it may be long. */
export function FullLog({
	run,
	active,
	follow,
	search,
}: {
	run: string;
	active: boolean;
	follow: boolean;
	search: string;
}) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const [level, setLevel] = useState<Level>("all");
	const [q] = useDebouncedValue(search.trim(), pause);
	const wanted = levels[level];
	const filter: LogFilter = { ...(wanted === undefined ? {} : { level: wanted }), ...(q === "" ? {} : { q }) };
	const log = useInfiniteQuery(runLogQuery(run, filter));
	useQuery({
		queryKey: [...keys.runLog(run, filter), "newer"],
		queryFn: () => followRunLog(queries, run, filter),
		enabled: active && follow && log.isSuccess,
		refetchInterval: pace,
	});
	return (
		<>
			<div className={css["logTools"]}>
				<Select
					aria-label={t("run.logLevel")}
					allowDeselect={false}
					value={level}
					onChange={(value) => setLevel((value ?? "all") as Level)}
					data={[
						{ value: "all", label: t("run.logAll") },
						{ value: "warn", label: t("run.logWarnings") },
						{ value: "error", label: t("run.logErrors") },
					]}
				/>
				<Button component="a" href={runLogFile(run)} download>
					{t("run.download")}
				</Button>
			</div>
			<QueryView query={log} rows={6}>
				{({ pages }) => (
					<Lines
						pages={pages}
						filtered={level !== "all" || q !== ""}
						more={log.hasNextPage}
						busy={log.isFetchingNextPage}
						onMore={() => void log.fetchNextPage()}
					/>
				)}
			</QueryView>
		</>
	);
}

function Lines({
	pages,
	filtered,
	more,
	busy,
	onMore,
}: {
	pages: readonly RunLog[];
	filtered: boolean;
	more: boolean;
	busy: boolean;
	onMore: () => void;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const newest = pages[0];
	if (newest === undefined) return null;
	if (newest.erased) return <p className="muted">{t("run.logErased")}</p>;
	const lines = pages.flatMap((page) => page.items.toReversed());
	const oldest = pages.at(-1)?.from ?? 1;
	return (
		<>
			{newest.full ? <Notice tone="warn" title={t("run.logFull")} /> : null}
			{lines.length === 0 ? (
				<p className="muted">
					{!filtered ? t("run.noLog") : more ? t("run.noLineSince", { line: format.count(oldest) }) : t("run.noLine")}
				</p>
			) : (
				<ol className={css["list"]} aria-label={t("run.fullLog")}>
					{lines.map((line) => (
						<RecordRow key={line.line} time={line.time} level={line.level} text={line.text} />
					))}
				</ol>
			)}
			{more ? (
				<Button size="xs" loading={busy} onClick={onMore}>
					{t("run.olderLines")}
				</Button>
			) : null}
		</>
	);
}
