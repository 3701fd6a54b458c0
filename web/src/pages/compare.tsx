import { ActionIcon, Button, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { wholeComparison } from "../api/queries/comparisons.ts";
import { jobsQuery } from "../api/queries/jobs.ts";
import { pointQuery, timelineQuery } from "../api/queries/points.ts";
import type { ComparedEntry, Comparison, Point, PointMark } from "../api/types.ts";
import { emptyRestore, type RestoreItem, restoreDraftKey } from "../forms/restore.ts";
import { useDraft } from "../hooks/use-draft.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { ChangeTable, type RowContext, useComparison } from "../modules/compare/ChangeTree.tsx";
import { FilePanel } from "../modules/compare/FilePanel.tsx";
import { childrenOf, filesOf, type Kind, kindOf, kinds, missingOf, type Sides } from "../modules/compare/requests.ts";
import { Page, TrailLink } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { Bar } from "../ui/Bar.tsx";
import { Empty } from "../ui/Empty.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Figures } from "../ui/Figures.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Notice } from "../ui/Notice.tsx";
import { PathText } from "../ui/PathText.tsx";
import { type CompareSearch, paths } from "../util/paths.ts";
import css from "./compare.module.css";

const route = getRouteApi("/signed-in/snapshots/compare");

/** Parts of one restore at most, as the server takes them. */
const mostParts = 10_000;

/** In the address: the points of everything, not those of one job. */
const everything = "all";

/** What changed between two points, and how it comes back. */
export default function Compare() {
	const { t } = useTranslation();
	const search = route.useSearch();
	const jobs = useQuery(jobsQuery);
	const timeline = useQuery(timelineQuery(search.source === everything ? undefined : search.source));
	const points = timeline.data?.points ?? [];
	const after = points.find((point) => point.id === search.b) ?? points[0];
	const sameJob = points.filter((point) => point.job_id === after?.job_id);
	const before =
		points.find((point) => point.id === search.a) ??
		sameJob[sameJob.findIndex((point) => point.id === after?.id) + 1] ??
		after;
	const job = jobs.data?.items.find((entry) => entry.id === after?.job_id);
	const [a, b] = [useQuery(pointOf(before)), useQuery(pointOf(after))];
	return (
		<Page
			title={t("compare.title")}
			name={t("compare.title")}
			trail={
				<>
					<TrailLink to={paths.snapshots()}>{t("snapshots.title")}</TrailLink>
					{job === undefined ? null : (
						<TrailLink to={paths.snapshots({ source: job.id })}>{`${job.agent.name}, ${job.name}`}</TrailLink>
					)}
				</>
			}
		>
			<QueryView query={timeline}>
				{() =>
					before === undefined || after === undefined ? (
						<Empty
							icon="snapshots"
							title={t("compare.noPoints")}
							action={<ButtonLink to={paths.snapshots()}>{t("snapshots.title")}</ButtonLink>}
						>
							{t("compare.noPointsText")}
						</Empty>
					) : (
						<>
							<Pickers points={points} before={before} after={after} />
							<QueryView query={a}>
								{(one) => (
									<QueryView query={b}>
										{(two) => <Between key={`${one.id} ${two.id}`} before={one} after={two} />}
									</QueryView>
								)}
							</QueryView>
						</>
					)
				}
			</QueryView>
		</Page>
	);
}

const pointOf = (point: PointMark | undefined) => ({ ...pointQuery(point?.id ?? ""), enabled: point !== undefined });

function Pickers({ points, before, after }: { points: readonly PointMark[]; before: PointMark; after: PointMark }) {
	const { t } = useTranslation();
	const format = useFormat();
	const navigate = useNavigate();
	const search = route.useSearch();
	const go = (part: CompareSearch) =>
		void navigate({
			...paths.compare({ ...search, a: before.id, b: after.id, ...part }),
			replace: true,
			resetScroll: false,
		});
	const picker = (label: string, chosen: PointMark, choose: (id: string) => void) => (
		<Select
			className={css["picker"] ?? ""}
			label={label}
			searchable
			allowDeselect={false}
			limit={200}
			data={points.map((point) => ({ value: point.id, label: format.longMoment(point.time) }))}
			value={chosen.id}
			onChange={(id) => choose(id ?? chosen.id)}
		/>
	);
	const apart = Math.abs(Date.parse(after.time) - Date.parse(before.time)) / 1000;
	return (
		<div className={css["pickers"]}>
			{picker(t("compare.from"), before, (a) => go({ a }))}
			<ActionIcon
				variant="default"
				size={32}
				aria-label={t("compare.swap")}
				onClick={() => go({ a: after.id, b: before.id })}
			>
				<Icon name="swap" />
			</ActionIcon>
			{picker(t("compare.to"), after, (b) => go({ b }))}
			<span className={`${css["apart"]} muted`}>{t("compare.apart", { time: format.duration(apart) })}</span>
		</div>
	);
}

function Between({ before, after }: { before: Point; after: Point }) {
	const { t } = useTranslation();
	const search = route.useSearch();
	const common = before.snapshots.filter((own) => after.snapshots.some((other) => other.path === own.path));
	const source = common.find((own) => own.path === search.snapshot) ?? common[0];
	if (before.id === after.id) return <Notice tone="neutral" title={t("compare.samePoint")} />;
	if (source === undefined) return <Notice tone="warn" title={t("compare.noCommon")} />;
	return (
		<Differences
			key={`${source.id} ${search.path ?? ""}`}
			sides={{ before: before.id, after: after.id, sourcePath: source.path }}
			snapshot={source.id}
			sources={common.map((own) => own.path)}
			before={before}
			after={after}
		/>
	);
}

function Differences({
	sides,
	snapshot,
	sources,
	before,
	after,
}: {
	sides: Sides;
	/** The source path in the earlier point. */
	snapshot: string;
	/** Source paths that both have. */
	sources: readonly string[];
	before: Point;
	after: Point;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const navigate = useNavigate();
	const search = route.useSearch();
	const folder = search.path ?? "";
	const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
	const [shown, setShown] = useState<{ path: string; entry: ComparedEntry }>();
	const { first } = useComparison(childrenOf(sides, folder));
	const restore = useRestoreOf(before.id, snapshot);
	const heads = [format.fullMoment(before.time), format.fullMoment(after.time)] as const;
	const open = (part: CompareSearch) =>
		void navigate({ ...paths.compare({ ...search, ...part }), replace: true, resetScroll: false });
	const context: RowContext = {
		sides,
		ticked,
		onTick: (path, on) => {
			// What lies inside a ticked folder comes with it.
			const others = [...ticked].filter((other) => other !== path && !other.startsWith(`${path}/`));
			setTicked(new Set(on ? [...others, path] : others));
		},
		shown: shown?.path,
		onShow: (path, entry) => setShown({ path, entry }),
	};
	const kind = kindOf(search.kind);
	const name = search.q ?? "";
	const byFile = kind !== "all" || name !== "";
	return (
		<>
			{sources.length > 1 ? (
				<div className={css["folder"]}>
					<Select
						label={t("snapshots.path")}
						className={css["picker"] ?? ""}
						data={[...sources]}
						allowDeselect={false}
						value={sides.sourcePath}
						onChange={(path) => open({ snapshot: path ?? "", path: "" })}
					/>
				</div>
			) : null}
			{folder === "" ? null : (
				<div className={css["folder"]}>
					<span className="muted">{t("compare.onlyFolder")}</span> <PathText path={folder} />
					<Button size="xs" onClick={() => open({ path: "" })}>
						{t("compare.wholeSource")}
					</Button>
				</div>
			)}
			{first === undefined ? null : <Totals comparison={first} />}
			<div className={`${css["body"]} ${shown === undefined ? css["alone"] : css["panes"]}`}>
				<div>
					{first?.complete === false ? (
						<div className={css["progress"]} role="status">
							<Bar value={undefined} moving label={t("compare.computing")} />
							<p className="muted">{t("compare.soFar")}</p>
						</div>
					) : null}
					{first?.complete && first.count === 0 ? (
						<Notice tone="good" title={t("compare.identical")}>
							{first.totals.unchanged === null || first.totals.unchanged === undefined
								? null
								: t("compare.identicalText", { files: format.files(first.totals.unchanged) })}
						</Notice>
					) : (
						<>
							<Tools kind={kind} name={name} onChange={open} />
							<RestoreBar
								ticked={[...ticked]}
								deleted={first?.totals.deleted ?? 0}
								sides={sides}
								folder={folder}
								onRestore={restore}
							/>
							<ChangeTable
								key={`${kind} ${name}`}
								label={t("compare.figures")}
								request={byFile ? filesOf(sides, folder, kind, name) : childrenOf(sides, folder)}
								folder={folder}
								context={context}
								heads={heads}
							/>
							{byFile ? (
								<NoMatch request={filesOf(sides, folder, kind, name)} onClear={() => open({ kind: "", q: "" })} />
							) : null}
						</>
					)}
					{(first?.unreadable ?? 0) > 0 ? (
						<Notice
							tone="warn"
							title={t("compare.unreadable", {
								count: first?.unreadable ?? 0,
								formatted: format.count(first?.unreadable),
							})}
						/>
					) : null}
				</div>
				{shown === undefined ? null : (
					<FilePanel
						path={shown.path}
						entry={shown.entry}
						heads={heads}
						onClose={() => setShown(undefined)}
						onRestore={() => restore([shown.path])}
					/>
				)}
			</div>
		</>
	);
}

/** Opens the restore of paths of the earlier point. */
function useRestoreOf(point: string, snapshot: string) {
	const navigate = useNavigate();
	const { change } = useDraft(restoreDraftKey(point), emptyRestore);
	return (parts: readonly string[]) => {
		const items = parts.map((path): RestoreItem => ({ snapshot, path, name: path.split("/").at(-1) ?? path }));
		change({ everything: false, items });
		void navigate(paths.newRestore("where", point));
	};
}

function Totals({ comparison }: { comparison: Comparison }) {
	const { t } = useTranslation();
	const format = useFormat();
	const { totals } = comparison;
	return (
		<Figures
			figures={[
				{
					label: t("compare.added"),
					value: format.files(totals.added),
					unit: format.growth(totals.added_bytes),
				},
				{
					label: t("compare.changed"),
					value: format.files(totals.changed),
					unit: format.growth(totals.changed_bytes),
				},
				{
					label: t("compare.deleted"),
					value: format.files(totals.deleted),
					unit: format.growth(-totals.deleted_bytes),
				},
				{
					label: t("compare.unchanged"),
					value: format.count(totals.unchanged),
					unit: t("compare.sameContent"),
				},
			]}
		/>
	);
}

function Tools({ kind, name, onChange }: { kind: Kind; name: string; onChange: (part: CompareSearch) => void }) {
	const { t } = useTranslation();
	const [typed, setTyped] = useState(name);
	const [settled] = useDebouncedValue(typed, 400);
	// biome-ignore lint/correctness/useExhaustiveDependencies: only what was typed changes the address
	useEffect(() => {
		if (settled !== name) onChange({ q: settled.trim() });
	}, [settled]);
	return (
		<div className={css["tools"]}>
			<SegmentedControl
				aria-label={t("compare.kind")}
				data={kinds.map((value) => ({ value, label: t(`compare.kinds.${value}`) }))}
				value={kind}
				onChange={(value) => onChange({ kind: value === "all" ? "" : value })}
			/>
			<TextInput
				className={css["filter"] ?? ""}
				aria-label={t("compare.filter")}
				placeholder={t("compare.filter")}
				leftSection={<Icon name="search" size={14} />}
				value={typed}
				onChange={(event) => setTyped(event.currentTarget.value)}
			/>
			<span className={`${css["order"]} faint small`}>{t("compare.largestFirst")}</span>
		</div>
	);
}

/** What comes back: what is ticked, else all that was deleted. */
function RestoreBar({
	ticked,
	deleted,
	sides,
	folder,
	onRestore,
}: {
	ticked: readonly string[];
	deleted: number;
	sides: Sides;
	folder: string;
	onRestore: (parts: readonly string[]) => void;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const words = useWording();
	const missing = useMutation({
		mutationFn: async () => {
			const entries = await wholeComparison(missingOf(sides, folder), mostParts + 1);
			return entries.map((entry) => (folder === "" ? entry.path : `${folder}/${entry.path}`));
		},
		onSuccess: (parts) => {
			if (parts.length <= mostParts) onRestore(parts);
		},
	});
	if (ticked.length === 0 && deleted === 0) return null;
	return (
		<div className={css["tools"]}>
			{ticked.length > 0 ? (
				<Button variant="filled" leftSection={<Icon name="restore" />} onClick={() => onRestore(ticked)}>
					{t("compare.restoreTicked", { count: ticked.length })}
				</Button>
			) : (
				<Button
					variant="filled"
					leftSection={<Icon name="restore" />}
					loading={missing.isPending}
					onClick={() => missing.mutate()}
				>
					{t("compare.restoreDeleted", { count: deleted, formatted: format.count(deleted) })}
				</Button>
			)}
			{missing.error === null ? null : <ErrorText words={words(missing.error)} />}
			{(missing.data?.length ?? 0) > mostParts ? (
				<span className="muted">{t("compare.tooMany", { formatted: format.count(mostParts) })}</span>
			) : null}
		</div>
	);
}

/** Says that no file matches, once that is known. */
function NoMatch({ request, onClear }: { request: Parameters<typeof useComparison>[0]; onClear: () => void }) {
	const { t } = useTranslation();
	const { first } = useComparison(request);
	if (first?.complete !== true || first.count > 0) return null;
	return (
		<Notice
			tone="neutral"
			title={t("compare.noneMatch")}
			action={<Button onClick={onClear}>{t("compare.clear")}</Button>}
		>
			{t("compare.noneMatchText")}
		</Notice>
	);
}
