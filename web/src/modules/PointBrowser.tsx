import { Button, Checkbox } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "../api/errors.ts";
import { contentQuery } from "../api/queries/points.ts";
import type { ContentEntry } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Icon } from "../ui/Icon.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { visibleText } from "../util/format.ts";
import { DownloadButton } from "./DownloadButton.tsx";
import { PageError } from "./PageError.tsx";
import css from "./point-browser.module.css";
import { VirtualRows } from "./VirtualRows.tsx";

/** What is ticked: a path inside one source path of the point. */
export interface Ticked {
	snapshot: string;
	path: string;
	name: string;
}

/** One folder of a restore point, with ticks for a restore. */
export function PointBrowser({
	point,
	snapshot,
	root,
	path,
	onFolder,
	onFile,
	ticked,
	onTick,
	missing,
}: {
	point: string;
	snapshot: string;
	/** The source path, which stands at the top of the breadcrumb. */
	root: string;
	path: string;
	onFolder: (path: string) => void;
	/** Shows more about a file; names lead nowhere without it. */
	onFile?: (path: string) => void;
	ticked: readonly Ticked[];
	onTick: (ticked: Ticked[]) => void;
	/** Shown where this point has no such folder; without it, the refusal is. */
	missing?: ReactNode;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const query = useInfiniteQuery(contentQuery(point, snapshot, path));
	const first = query.data?.pages[0];
	const entries = query.data?.pages.flatMap((page) => page.entries) ?? [];
	const parts = path === "" ? [] : path.split("/");
	return (
		<section className={css["browser"]} aria-label={t("snapshots.files")}>
			<div className={css["head"]}>
				<nav className={`${css["trail"]} mono`} aria-label={t("snapshots.folder")}>
					<button type="button" className={css["crumb"]} onClick={() => onFolder("")}>
						<bdi>{visibleText(root)}</bdi>
					</button>
					{parts.map((part, index) => {
						const folder = parts.slice(0, index + 1).join("/");
						return (
							<span key={folder} className={css["part"]}>
								<Icon name="chevron" size={12} />
								<button type="button" className={css["crumb"]} onClick={() => onFolder(folder)}>
									<bdi>{visibleText(part)}</bdi>
								</button>
							</span>
						);
					})}
				</nav>
				{onFile === undefined ? null : (
					<DownloadButton
						key={path}
						point={point}
						snapshot={snapshot}
						path={path}
						folder
						name={visibleText(parts.at(-1) ?? root)}
					/>
				)}
			</div>
			{missing !== undefined && query.error instanceof ApiError && query.error.code === "path_not_found" ? (
				missing
			) : query.error !== null ? (
				<PageError error={query.error} retry={() => void query.refetch()} />
			) : first === undefined ? (
				<Skeleton rows={6} />
			) : entries.length === 0 ? (
				<p className="muted">{t("snapshots.empty")}</p>
			) : (
				<VirtualRows items={entries} keyOf={(entry) => entry.name} rowHeight={34} label={t("snapshots.files")}>
					{(entry) => (
						<Row
							entry={entry}
							path={path === "" ? entry.name : `${path}/${entry.name}`}
							snapshot={snapshot}
							ticked={ticked}
							onTick={onTick}
							onOpen={onFolder}
							onFile={onFile}
						/>
					)}
				</VirtualRows>
			)}
			{first === undefined ? null : (
				<div className={`${css["foot"]} faint small`}>
					<span>
						{t(query.hasNextPage ? "snapshots.shownFirst" : "snapshots.shownAll", {
							count: entries.length,
							formatted: format.count(entries.length),
						})}
					</span>
					{query.hasNextPage ? (
						<Button size="xs" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
							{t("common.loadMore")}
						</Button>
					) : null}
				</div>
			)}
		</section>
	);
}

function Row({
	entry,
	path,
	snapshot,
	ticked,
	onTick,
	onOpen,
	onFile,
}: {
	entry: ContentEntry;
	/** Inside the source path, as a listing or a restore takes it. */
	path: string;
	snapshot: string;
	ticked: readonly Ticked[];
	onTick: (ticked: Ticked[]) => void;
	onOpen: (path: string) => void;
	onFile: ((path: string) => void) | undefined;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const same = (item: Ticked) => item.snapshot === snapshot && item.path === path;
	const covered = ticked.some((item) => item.snapshot === snapshot && path.startsWith(`${item.path}/`));
	const chosen = ticked.some(same);
	const name = visibleText(entry.name);
	const folder = entry.kind === "directory";
	const tick = (on: boolean) => {
		const others = ticked.filter(
			// What lies inside a ticked folder comes with it.
			(item) => !same(item) && !(item.snapshot === snapshot && item.path.startsWith(`${path}/`)),
		);
		onTick(on ? [...others, { snapshot, path, name: entry.name }] : others);
	};
	return (
		<div className={`${css["row"]} ${chosen ? css["chosen"] : ""}`}>
			<Checkbox
				aria-label={t("snapshots.tick", { name })}
				checked={chosen || covered}
				disabled={covered}
				onChange={(event) => tick(event.currentTarget.checked)}
			/>
			<span className={css["icon"]}>
				<Icon name={folder ? "folder" : entry.kind === "symlink" ? "link" : "file"} />
			</span>
			{folder ? (
				<button
					type="button"
					className={css["open"]}
					aria-label={t("snapshots.open", { name })}
					onClick={() => onOpen(path)}
				>
					<bdi>{name}</bdi>
					<Icon name="chevron" size={12} />
				</button>
			) : onFile === undefined ? (
				<bdi className={css["name"]}>{name}</bdi>
			) : (
				<button
					type="button"
					className={css["open"]}
					aria-label={t("versions.of", { name })}
					onClick={() => onFile(path)}
				>
					<bdi>{name}</bdi>
				</button>
			)}
			<span className={`${css["second"]} faint small`}>
				{folder && entry.files !== null && entry.files !== undefined ? format.files(entry.files) : ""}
			</span>
			<span className={`${css["number"]} num`}>{format.size(entry.size)}</span>
			<span className={`${css["time"]} num`}>{entry.modified ? format.moment(entry.modified) : ""}</span>
		</div>
	);
}
