import { Button, Checkbox } from "@mantine/core";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../../api/keys.ts";
import { comparisonQuery } from "../../api/queries/comparisons.ts";
import type { ChangeTotals, ComparedEntry, Comparison, ComparisonRequest } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { ChangeMark } from "../../ui/ChangeMark.tsx";
import { Icon } from "../../ui/Icon.tsx";
import { visibleText } from "../../util/format.ts";
import { PageError } from "../PageError.tsx";
import css from "./change-tree.module.css";
import { canComeBack, childrenOf, growth, joined, type Sides } from "./requests.ts";

/** What rows of a list of changes share. */
export interface RowContext {
	sides: Sides;
	/** Paths inside the source path that are ticked. */
	ticked: ReadonlySet<string>;
	onTick: (path: string, on: boolean) => void;
	/** The file that the side panel shows. */
	shown: string | undefined;
	onShow: (path: string, entry: ComparedEntry) => void;
}

/** A page of a comparison, or the part of it that is known so far. */
export function useComparison(request: ComparisonRequest) {
	const queries = useQueryClient();
	const query = useInfiniteQuery(comparisonQuery(queries, request));
	const part = useQuery<Comparison>({ queryKey: keys.comparisonPart(request), enabled: false });
	const first = query.data?.pages[0] ?? part.data;
	const entries = query.data?.pages.flatMap((page) => page.entries) ?? part.data?.entries ?? [];
	return { query, first, entries };
}

/** A table of changes, folder by folder or file by file. */
export function ChangeTable({
	label,
	request,
	folder,
	context,
	heads,
}: {
	label: string;
	request: ComparisonRequest;
	folder: string;
	context: RowContext;
	/** The two points in words. */
	heads: readonly [before: string, after: string];
}) {
	const { t } = useTranslation();
	return (
		<table className={css["table"]} aria-label={label}>
			<thead>
				<tr>
					<th scope="col">{t("common.name")}</th>
					<th scope="col" className={css["counts"]}>
						{t("common.files")}
					</th>
					<th scope="col" className={css["size"]}>
						{heads[0]}
					</th>
					<th scope="col" className={css["size"]}>
						{heads[1]}
					</th>
					<th scope="col" className={css["growth"]}>
						{t("compare.change")}
					</th>
				</tr>
			</thead>
			<tbody>
				<Rows request={request} folder={folder} depth={0} context={context} />
			</tbody>
		</table>
	);
}

function Rows({
	request,
	folder,
	depth,
	context,
}: {
	request: ComparisonRequest;
	folder: string;
	depth: number;
	context: RowContext;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const { query, first, entries } = useComparison(request);
	if (query.error !== null) {
		return (
			<tr>
				<td colSpan={5}>
					<PageError error={query.error} retry={() => void query.refetch()} />
				</td>
			</tr>
		);
	}
	if (first === undefined) {
		return (
			<tr>
				<td colSpan={5} className="muted">
					{t("compare.computing")}
				</td>
			</tr>
		);
	}
	const left = first.count - entries.length;
	return (
		<>
			{entries.map((entry) => (
				<Row key={entry.path} entry={entry} path={joined(folder, entry.path)} depth={depth} context={context} />
			))}
			{query.hasNextPage ? (
				<tr>
					<td colSpan={5}>
						<Button size="xs" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
							{t("compare.more", { count: left, formatted: format.count(left) })}
						</Button>
					</td>
				</tr>
			) : null}
			{first.left_out > 0 ? (
				<tr>
					<td colSpan={5} className="muted">
						{t("compare.leftOut", { count: first.left_out, formatted: format.count(first.left_out) })}
					</td>
				</tr>
			) : null}
		</>
	);
}

function Row({
	entry,
	path,
	depth,
	context,
}: {
	entry: ComparedEntry;
	/** Inside the source path. */
	path: string;
	depth: number;
	context: RowContext;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const [open, setOpen] = useState(false);
	const folder = entry.kind === "directory";
	const name = visibleText(entry.path);
	const by = growth(entry);
	const covered = [...context.ticked].some((other) => path.startsWith(`${other}/`));
	const change = entry.change === "inside" ? undefined : entry.change;
	const expandable = folder && entry.below !== null && entry.below !== undefined;
	return (
		<>
			<tr className={context.shown === path ? css["shown"] : ""}>
				<td>
					<div className={css["name"]} style={{ paddingLeft: `${depth * 20}px` }}>
						{canComeBack(entry) ? (
							<Checkbox
								aria-label={t("compare.tick", { name })}
								checked={covered || context.ticked.has(path)}
								disabled={covered}
								onChange={(event) => context.onTick(path, event.currentTarget.checked)}
							/>
						) : (
							<span className={css["noTick"]} />
						)}
						{change === undefined ? null : <ChangeMark change={change} />}
						{expandable ? (
							<button type="button" className={css["open"]} aria-expanded={open} onClick={() => setOpen(!open)}>
								<span className={open ? css["turned"] : css["arrow"]}>
									<Icon name="chevron" size={12} />
								</span>
								<Icon name="folder" />
								<bdi>{name}</bdi>
							</button>
						) : folder ? (
							<span className={css["open"]}>
								<Icon name="folder" />
								<bdi>{name}</bdi>
							</span>
						) : (
							<button type="button" className={css["open"]} onClick={() => context.onShow(path, entry)}>
								<bdi className={change === "deleted" ? css["gone"] : ""}>{name}</bdi>
							</button>
						)}
					</div>
				</td>
				<td className={`${css["counts"]} small`}>
					{change === undefined ? null : <span className="muted">{t(`compare.word.${change}`)}</span>}{" "}
					{entry.below ? <Counts totals={entry.below} /> : null}
				</td>
				<td className={`${css["size"]} num muted`}>{entry.before ? format.size(entry.before.size) : ""}</td>
				<td className={`${css["size"]} num muted`}>{entry.after ? format.size(entry.after.size) : ""}</td>
				<td className={`${css["growth"]} num`}>{format.growth(by)}</td>
			</tr>
			{open ? (
				<Rows request={childrenOf(context.sides, path)} folder={path} depth={depth + 1} context={context} />
			) : null}
		</>
	);
}

/** What changed below a folder: signs to look at, words to hear. */
function Counts({ totals }: { totals: ChangeTotals }) {
	const { t } = useTranslation();
	const format = useFormat();
	const parts = (["added", "changed", "deleted"] as const).filter((change) => totals[change] > 0);
	const signs = { added: "+", changed: "~", deleted: "\u2212" };
	return (
		<>
			<span className="visually-hidden">
				{parts.map((change) => `${format.count(totals[change])} ${t(`compare.word.${change}`)}`).join(", ")}
			</span>
			<span aria-hidden="true" className={`${css["signs"]} num`}>
				{parts.map((change) => (
					<span key={change} className={css[change]}>
						{signs[change]}
						{format.count(totals[change])}
					</span>
				))}
			</span>
		</>
	);
}
