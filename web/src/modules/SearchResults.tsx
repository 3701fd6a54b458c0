import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { failureWording } from "../api/errors.ts";
import { type FileSearch, repeatSearch, type SearchQuery, searchOn, type VaultHits } from "../api/queries/searches.ts";
import type { SearchHit } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useKnownTexts, useWording } from "../hooks/use-wording.ts";
import { Empty } from "../ui/Empty.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Notice } from "../ui/Notice.tsx";
import { PathText } from "../ui/PathText.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { Tag } from "../ui/Tag.tsx";
import { visibleText } from "../util/format.ts";
import { Section } from "./Page.tsx";
import { PageError } from "./PageError.tsx";
import css from "./search-results.module.css";
import { OpenVersion, RestoreVersion, VersionList } from "./Versions.tsx";

/** What was found so far, vault by vault; rows never change their place, what comes later stands below. */
export function SearchResults({
	query,
	search,
	onClear,
}: {
	query: SearchQuery;
	search: FileSearch | undefined;
	/** Takes the filters away, where there are any. */
	onClear: (() => void) | undefined;
}) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	if (search === undefined || search.status === "starting") return <Skeleton rows={5} />;
	const again = () => repeatSearch(queries, query);
	if (search.status === "failed") return <PageError error={search.error} retry={again} />;
	const hits = search.vaults.reduce((sum, vault) => sum + vault.hits.length, 0);
	const points = search.vaults.reduce((sum, vault) => sum + vault.points, 0);
	const busy = search.vaults.some((vault) => vault.status === "searching");
	const whole = search.vaults.every((vault) => vault.status === "done") && search.notSearched.length === 0;
	if (search.vaults.length + search.notSearched.length === 0) {
		return (
			<Empty icon="vaults" title={t("search.noVaultTitle")}>
				{t("search.noVaultText")}
			</Empty>
		);
	}
	return (
		<div className={css["results"]}>
			<Progress search={search} hits={hits} busy={busy} onAgain={again} />
			<NotSearched search={search} />
			{search.vaults.map((vault) => (
				<InVault key={vault.vault.id} vault={vault} query={query} named={search.vaults.length > 1} onAgain={again} />
			))}
			{hits === 0 && !busy ? (
				<Empty
					title={t("search.noMatch", { pattern: visibleText(query.pattern) })}
					action={onClear === undefined ? undefined : <Button onClick={onClear}>{t("search.clear")}</Button>}
				>
					{whole ? t("search.noMatchText", { count: points }) : t("search.noMatchPartly")}
				</Empty>
			) : null}
		</div>
	);
}

function Progress({
	search,
	hits,
	busy,
	onAgain,
}: {
	search: FileSearch;
	hits: number;
	busy: boolean;
	onAgain: () => void;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const sum = (of: (vault: VaultHits) => number) => search.vaults.reduce((total, vault) => total + of(vault), 0);
	const more = search.vaults.some((vault) => vault.cursor !== undefined);
	const found = t(more ? "search.foundFirst" : "search.found", { count: hits, formatted: format.count(hits) });
	return (
		<div className={css["progress"]}>
			<p role="status" className="visually-hidden">
				{busy ? "" : found}
			</p>
			<p>
				{busy
					? t("search.searching", {
							found,
							done: format.count(sum((vault) => vault.pointsDone)),
							points: format.count(sum((vault) => vault.points)),
						})
					: found}
			</p>
			{busy ? (
				<Button size="xs" onClick={() => search.stop.abort()}>
					{t("search.stop")}
				</Button>
			) : (
				<Button size="xs" leftSection={<Icon name="retry" size={14} />} onClick={onAgain}>
					{t("search.again")}
				</Button>
			)}
		</div>
	);
}

function NotSearched({ search }: { search: FileSearch }) {
	const { t } = useTranslation();
	const known = useKnownTexts();
	if (search.notSearched.length === 0) return null;
	return (
		<Notice tone="warn" title={t("search.notSearched", { count: search.notSearched.length })}>
			<ul>
				{search.notSearched.map(({ vault, failure }) => {
					const words = failureWording(failure, known);
					return (
						<li key={vault.id}>
							<strong>{vault.name}</strong>
							{": "}
							<bdi>{words.detail ?? words.title}</bdi>
						</li>
					);
				})}
			</ul>
		</Notice>
	);
}

function InVault({
	vault,
	query,
	named,
	onAgain,
}: {
	vault: VaultHits;
	query: SearchQuery;
	/** Whether the vault's name stands above. */
	named: boolean;
	onAgain: () => void;
}) {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const content = (
		<>
			{vault.status === "failed" ? (
				<ErrorText
					words={words(vault.error)}
					action={
						<Button leftSection={<Icon name="retry" />} onClick={onAgain}>
							{t("common.tryAgain")}
						</Button>
					}
				/>
			) : null}
			{vault.status === "stopped" ? <p className="muted">{t("search.stopped")}</p> : null}
			{vault.unreadable > 0 ? (
				<Notice tone="warn" title={t("search.unreadable", { count: vault.unreadable })}>
					{t("search.unreadableText")}
				</Notice>
			) : null}
			{vault.hits.length === 0 ? null : (
				<ul className={css["hits"]} aria-label={t("search.hits", { vault: vault.vault.name })}>
					{vault.hits.map((hit) => (
						<Hit key={`${hit.source_user}@${hit.source_host}:${hit.source_path}/${hit.path}`} hit={hit} />
					))}
				</ul>
			)}
			{vault.cursor === undefined ? null : (
				<Button
					className={css["more"] ?? ""}
					loading={vault.status === "searching"}
					onClick={() => void searchOn(queries, query, vault)}
				>
					{t("common.loadMore")}
				</Button>
			)}
		</>
	);
	if (!named) return content;
	const state =
		vault.status === "searching"
			? t("search.by", { agent: vault.agent })
			: vault.hits.length === 0
				? t("search.nothingHere")
				: undefined;
	return (
		<Section title={vault.vault.name} more={state === undefined ? undefined : <span className="faint">{state}</span>}>
			{content}
		</Section>
	);
}

function Hit({ hit }: { hit: SearchHit }) {
	const { t } = useTranslation();
	const format = useFormat();
	const [open, setOpen] = useState(false);
	const newest = hit.versions[0];
	if (newest === undefined) return null;
	const name = hit.path.slice(hit.path.lastIndexOf("/") + 1);
	const folder = hit.path.slice(0, Math.max(0, hit.path.lastIndexOf("/")));
	const shown = visibleText(name);
	return (
		<li className={css["hit"]}>
			<div className={css["row"]}>
				<span className={css["icon"]}>
					<Icon name={newest.kind === "directory" ? "folder" : newest.kind === "symlink" ? "link" : "file"} />
				</span>
				<div className={css["what"]}>
					<p className={css["name"]}>
						<bdi className={hit.deleted ? css["deleted"] : ""}>{shown}</bdi>{" "}
						{hit.deleted ? <Tag>{t("search.isDeleted")}</Tag> : null}
					</p>
					<p className={`${css["where"]} faint small`}>
						{hit.source_host}
						{": "}
						<PathText path={folder === "" ? hit.source_path : `${hit.source_path}, ${folder}`} />
					</p>
				</div>
				<span className={`${css["size"]} num`}>{format.size(newest.size)}</span>
				<span className={`${css["time"]} num faint`}>
					{newest.modified ? format.moment(newest.modified) : t("common.unknown")}
				</span>
				<div className={css["actions"]}>
					<Button
						size="xs"
						variant="subtle"
						aria-expanded={open}
						aria-label={t("search.versionsOf", { count: hit.version_count, name: shown })}
						onClick={() => setOpen(!open)}
					>
						{t("search.versions", { count: hit.version_count })}
					</Button>
					<OpenVersion hit={hit} version={newest} />
					<RestoreVersion hit={hit} version={newest} />
				</div>
			</div>
			{open ? (
				<div className={css["versions"]}>
					<VersionList hit={hit} />
				</div>
			) : null}
		</li>
	);
}
