import { Button, Checkbox } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { browseQuery } from "../api/queries/browse.ts";
import type { Agent, BrowseEntry } from "../api/types.ts";
import { addPath, isInside } from "../forms/job.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Icon } from "../ui/Icon.tsx";
import { Notice } from "../ui/Notice.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { visibleText } from "../util/format.ts";
import css from "./file-browser.module.css";
import { PageError } from "./PageError.tsx";
import { VirtualRows } from "./VirtualRows.tsx";

/** The folders of a machine with ticks; works only while the machine is connected, and says so. */
export function FileBrowser({
	agent,
	paths,
	onChange,
}: {
	agent: Agent;
	paths: readonly string[];
	onChange: (paths: string[]) => void;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const [folder, setFolder] = useState("");
	const online = agent.state === "online";
	const query = useInfiniteQuery({ ...browseQuery(agent.id, folder), enabled: online });
	if (!online) {
		return (
			<Notice tone="neutral" icon="unreachable" title={t("wizard.offlineTitle", { agent: agent.name })}>
				{t("wizard.offlineText")}
			</Notice>
		);
	}
	const first = query.data?.pages[0];
	const entries = query.data?.pages.flatMap((page) => page.entries) ?? [];
	const path = first?.path ?? folder;
	return (
		<section className={css["browser"]} aria-label={t("wizard.folderOf", { agent: agent.name })}>
			<div className={css["head"]}>
				<Button
					size="xs"
					variant="subtle"
					aria-label={t("wizard.browseUp", { path: first?.parent ?? t("wizard.browseTop") })}
					{...(folder === "" || path === "/" ? { "data-disabled": true, "aria-disabled": true } : {})}
					onClick={() => {
						if (folder !== "" && path !== "/") setFolder(first?.parent ?? "");
					}}
				>
					<Icon name="up" />
				</Button>
				<bdi className={`mono ${css["path"]}`}>{path === "" ? t("wizard.browseTop") : visibleText(path)}</bdi>
				{first === undefined ? null : (
					<span className="faint small">
						{t("wizard.entries", { count: entries.length, formatted: format.count(entries.length) })}
					</span>
				)}
			</div>
			{query.error !== null ? (
				<PageError error={query.error} retry={() => void query.refetch()} />
			) : first === undefined ? (
				<>
					<p className={`${css["waiting"]} faint small`}>{t("wizard.browsing", { agent: agent.name })}</p>
					<Skeleton rows={5} />
				</>
			) : entries.length === 0 ? (
				<p className={css["waiting"]}>{t("wizard.emptyFolder")}</p>
			) : (
				<VirtualRows
					items={entries}
					keyOf={(entry) => entry.path}
					rowHeight={32}
					label={t("wizard.folderOf", { agent: agent.name })}
				>
					{(entry) => <Row entry={entry} paths={paths} onChange={onChange} onOpen={setFolder} />}
				</VirtualRows>
			)}
			{query.hasNextPage ? (
				<div className={css["foot"]}>
					<Button size="xs" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
						{t("common.loadMore")}
					</Button>
				</div>
			) : null}
		</section>
	);
}

function Row({
	entry,
	paths,
	onChange,
	onOpen,
}: {
	entry: BrowseEntry;
	paths: readonly string[];
	onChange: (paths: string[]) => void;
	onOpen: (path: string) => void;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const chosen = paths.includes(entry.path);
	const covered = !chosen && paths.some((path) => isInside(entry.path, path));
	const partly = !chosen && !covered && paths.some((path) => isInside(path, entry.path));
	const name = visibleText(entry.name);
	return (
		<div className={css["row"]}>
			<Checkbox
				aria-label={covered ? t("wizard.covered", { path: entry.path }) : t("wizard.tick", { path: entry.path })}
				checked={chosen || covered}
				indeterminate={partly}
				disabled={covered}
				onChange={(event) =>
					onChange(
						event.currentTarget.checked ? addPath(paths, entry.path) : paths.filter((path) => path !== entry.path),
					)
				}
			/>
			<span className={entry.icon === "network-drive" ? css["network"] : css["icon"]}>
				<Icon name={entry.is_dir ? "folder" : "file"} />
			</span>
			{entry.is_dir ? (
				<button
					type="button"
					className={css["open"]}
					aria-label={t("wizard.open", { path: entry.path })}
					onClick={() => onOpen(entry.path)}
				>
					<bdi>{name}</bdi>
					<Icon name="chevron" size={12} />
				</button>
			) : (
				<bdi className={css["name"]}>{name}</bdi>
			)}
			<span className={`${css["number"]} num`}>
				{entry.size !== null && entry.size !== undefined
					? format.size(entry.size)
					: entry.volume?.size_bytes !== null && entry.volume?.size_bytes !== undefined
						? format.size(entry.volume.size_bytes)
						: ""}
			</span>
			<span className={`${css["time"]} num`}>{entry.modified ? format.moment(entry.modified) : ""}</span>
		</div>
	);
}
