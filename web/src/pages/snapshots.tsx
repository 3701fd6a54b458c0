import { Button, Select } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { jobsQuery } from "../api/queries/jobs.ts";
import { pointQuery, timelineQuery } from "../api/queries/points.ts";
import type { Job, Point, PointMark } from "../api/types.ts";
import { emptyRestore, restoreDraftKey } from "../forms/restore.ts";
import { useDraft } from "../hooks/use-draft.ts";
import { useFormat } from "../hooks/use-format.ts";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { KeptPoints } from "../modules/KeptPoints.tsx";
import { MissingFolder } from "../modules/MissingFolder.tsx";
import { Page } from "../modules/Page.tsx";
import { PointActions } from "../modules/PointActions.tsx";
import { PointBrowser, type Ticked } from "../modules/PointBrowser.tsx";
import { PointCalendar } from "../modules/PointCalendar.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { TimeLine, zoomOf } from "../modules/TimeLine.tsx";
import { VersionsPanel } from "../modules/VersionsPanel.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Icon } from "../ui/Icon.tsx";
import { paths, type SnapshotsSearch } from "../util/paths.ts";
import { dayOfWall, type Moment, wallClock } from "../util/timeline.ts";
import css from "./snapshots.module.css";

const route = getRouteApi("/signed-in/snapshots");

/** In the address: the points of everything, not those of one job. */
const everything = "all";

/** While somebody moves in time, the folder follows after so many milliseconds of rest. */
const restOfMove = 250;

/** The point that an address means: the named one, else the newest that is not later than its time, else the newest. */
function chosenBy(search: SnapshotsSearch, points: readonly PointMark[]): PointMark | undefined {
	const named = points.find((point) => point.id === search.point);
	if (named !== undefined || search.at === undefined) return named ?? points[0];
	const at = Date.parse(search.at);
	if (Number.isNaN(at)) return points[0];
	return points.find((point) => Date.parse(point.time) <= at) ?? points.at(-1);
}

/** Where is my file as it was then. */
export default function Snapshots() {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const search = route.useSearch();
	const jobs = useQuery(jobsQuery);
	const timeline = useQuery(timelineQuery(search.source === everything ? undefined : search.source));
	const all = timeline.data?.points ?? [];
	const chosen = chosenBy(search, all);
	// Without a job in the address, it is that of the point.
	const source = search.source ?? chosen?.job_id ?? everything;
	const points = source === everything ? all : all.filter((point) => point.job_id === source);
	const [ticked, setTicked] = useState<{ point: string; items: Ticked[] }>({ point: "", items: [] });
	const items = ticked.point === chosen?.id ? ticked.items : [];
	return (
		<Page
			title={t("snapshots.title")}
			name={t("snapshots.title")}
			beside={
				<Select
					className={css["source"] ?? ""}
					aria-label={t("snapshots.source")}
					data={[
						...(jobs.data?.items ?? []).map((job) => ({ value: job.id, label: `${job.agent.name}, ${job.name}` })),
						{ value: everything, label: t("common.all") },
					]}
					allowDeselect={false}
					value={source}
					onChange={(value) => void navigate(paths.snapshots({ source: value ?? everything }))}
				/>
			}
			actions={
				chosen === undefined ? null : (
					<>
						<CompareLink points={points} chosen={chosen} source={source} />
						<RestoreButton key={chosen.id} point={chosen} ticked={items} />
						<More key={`more ${chosen.id}`} point={chosen} newest={chosen.id === points[0]?.id} />
					</>
				)
			}
		>
			<QueryView query={timeline}>
				{() =>
					chosen === undefined ? (
						<Empty
							icon="snapshots"
							title={t("snapshots.emptyTitle")}
							action={
								<ButtonLink to={paths.jobs()} variant="filled">
									{t("snapshots.emptyAction")}
								</ButtonLink>
							}
						>
							{t("snapshots.emptyText")}
						</Empty>
					) : (
						<Explorer
							source={source}
							job={jobs.data?.items.find((job) => job.id === source)}
							jobs={jobs.data?.items ?? []}
							points={points}
							chosen={chosen}
							ticked={items}
							onTick={(changed) => setTicked({ point: chosen.id, items: changed })}
						/>
					)
				}
			</QueryView>
		</Page>
	);
}

/** Compares the chosen point with the one before it, or the one after the first. */
function CompareLink({ points, chosen, source }: { points: readonly PointMark[]; chosen: PointMark; source: string }) {
	const { t } = useTranslation();
	const search = route.useSearch();
	const index = points.indexOf(chosen);
	const older = points[index + 1];
	const newer = points[index - 1];
	const other = older ?? newer;
	if (other === undefined) return null;
	const [a, b] = older === undefined ? [chosen, other] : [other, chosen];
	return (
		<ButtonLink
			leftSection={<Icon name="compare" />}
			to={paths.compare({
				source,
				a: a.id,
				b: b.id,
				...(search.snapshot === undefined ? {} : { snapshot: search.snapshot }),
				...(search.path === undefined ? {} : { path: search.path }),
			})}
		>
			{t("compare.open")}
		</ButtonLink>
	);
}

/** The rarer actions of the chosen point. */
function More({ point, newest }: { point: PointMark; newest: boolean }) {
	const details = useQuery(pointQuery(point.id));
	return details.data === undefined ? null : <PointActions point={details.data} newest={newest} />;
}

function RestoreButton({ point, ticked }: { point: PointMark; ticked: readonly Ticked[] }) {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const { change } = useDraft(restoreDraftKey(point.id), emptyRestore);
	return (
		<Button
			variant="filled"
			leftSection={<Icon name="restore" />}
			onClick={() => {
				change({ everything: ticked.length === 0, items: [...ticked] });
				void navigate(paths.newRestore(ticked.length === 0 ? "what" : "where", point.id));
			}}
		>
			{ticked.length === 0 ? t("snapshots.restoreAll") : t("snapshots.restore")}
		</Button>
	);
}

function Explorer({
	source,
	job,
	jobs,
	points,
	chosen,
	ticked,
	onTick,
}: {
	source: string;
	job: Job | undefined;
	jobs: readonly Job[];
	/** Newest first. */
	points: readonly PointMark[];
	chosen: PointMark;
	ticked: readonly Ticked[];
	onTick: (ticked: Ticked[]) => void;
}) {
	const format = useFormat();
	const navigate = useNavigate();
	const search = route.useSearch();
	const inOrder = useMemo(() => [...points].reverse(), [points]);
	const moments = useMemo(() => {
		const wall = wallClock(format.zone);
		return inOrder.map(
			(point): Moment => ({ id: point.id, at: wall(new Date(point.time)), fresh: point.bytes_uploaded ?? 0 }),
		);
	}, [inOrder, format.zone]);

	/** Moving in time keeps source path, folder and whatever else is looked at. */
	const at = (to: PointMark) => {
		const { point: _named, ...kept } = search;
		const unique = points.filter((point) => point.time === to.time).length === 1;
		return paths.snapshots({ ...kept, source, at: to.time, ...(unique ? {} : { point: to.id }) });
	};
	const go = (to: PointMark | undefined, replace = false) => {
		if (to !== undefined) void navigate({ ...at(to), replace, resetScroll: false });
	};

	// The line of time moves at once; the address and with it the folder follow when it rests.
	const [moving, setMoving] = useState<PointMark>();
	useEffect(() => {
		if (moving === undefined) return;
		const timer = setTimeout(() => {
			go(moving, true);
			setMoving(undefined);
		}, restOfMove);
		return () => clearTimeout(timer);
	});
	const shown = moving ?? chosen;
	const index = Math.max(
		inOrder.findIndex((point) => point.id === shown.id),
		0,
	);
	const moment = moments[index];
	if (moment === undefined) return null;
	return (
		<>
			<TimeLine
				points={inOrder}
				moments={moments}
				index={index}
				zoom={zoomOf(search.zoom)}
				onZoom={(zoom) => void navigate({ ...paths.snapshots({ ...search, zoom }), replace: true, resetScroll: false })}
				onMove={(to) => setMoving(inOrder[to])}
			/>
			<div className={css["panes"]}>
				<Days>
					<PointCalendar
						moments={moments}
						chosen={moment}
						onChoose={(to) => go(points.find((point) => point.id === to.id))}
					/>
					<PointsOfDay
						points={points.filter((_point, place) => {
							const other = moments[points.length - 1 - place];
							return other !== undefined && dayOfWall(other.at) === dayOfWall(moment.at);
						})}
						shown={shown}
						target={at}
						name={(point) => (job === undefined ? jobs.find((other) => other.id === point.job_id)?.name : undefined)}
					/>
					{job === undefined ? null : <KeptPoints job={job} points={points} />}
				</Days>
				<Folder
					key={chosen.id}
					chosen={chosen}
					points={points}
					ticked={ticked}
					onTick={(items) => {
						onTick(items);
						// A newer point that comes in must not take the ticks away.
						if (search.at === undefined) go(chosen, true);
					}}
					onGo={go}
				/>
			</div>
		</>
	);
}

/** The pane of days; on a narrow window it opens on demand. */
function Days({ children }: { children: ReactNode }) {
	const { t } = useTranslation();
	const narrow = useMediaQuery("(width < 1024px)", undefined, { getInitialValueInEffect: false });
	return (
		<nav aria-label={t("snapshots.points")} className={css["days"]}>
			{narrow ? (
				<details>
					<summary>{t("snapshots.calendar")}</summary>
					<div className={css["days"]}>{children}</div>
				</details>
			) : (
				children
			)}
		</nav>
	);
}

/** The points of the chosen day, where it has several. */
function PointsOfDay({
	points,
	shown,
	target,
	name,
}: {
	points: readonly PointMark[];
	shown: PointMark;
	target: (point: PointMark) => ReturnType<typeof paths.snapshots>;
	/** Whose a point is, where that is not clear. */
	name: (point: PointMark) => string | undefined;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	if (points.length < 2) return null;
	return (
		<section aria-label={t("snapshots.ofDay")}>
			<h2 className={css["heading"]}>{t("snapshots.ofDay")}</h2>
			<ul>
				{points.map((point) => (
					<li key={point.id}>
						<Link
							{...target(point)}
							resetScroll={false}
							className={point.id === shown.id ? css["present"] : css["point"]}
							{...(point.id === shown.id ? { "aria-current": "true" as const } : {})}
						>
							<span>{format.clock(point.time)}</span>
							<span className="faint small">
								{[
									name(point),
									point.state === "present" ? format.size(point.total_bytes) : t(`snapshots.${point.state}`),
								]
									.filter((word) => word !== undefined)
									.join(", ")}
							</span>
						</Link>
					</li>
				))}
			</ul>
		</section>
	);
}

/** The folder as it was at the chosen point. */
function Folder({
	chosen,
	points,
	ticked,
	onTick,
	onGo,
}: {
	chosen: PointMark;
	points: readonly PointMark[];
	ticked: readonly Ticked[];
	onTick: (ticked: Ticked[]) => void;
	onGo: (point: PointMark) => void;
}) {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const search = route.useSearch();
	const details = useQuery(pointQuery(chosen.id));
	const shownPath = (point: Point) =>
		point.snapshots.find((entry) => entry.path === search.snapshot) ?? point.snapshots[0];
	const open = (part: SnapshotsSearch) => {
		// What is looked at stays, also when a newer point comes in.
		const at = search.at ?? chosen.time;
		void navigate({ ...paths.snapshots({ ...search, at, ...part }), resetScroll: false });
	};
	const panel = details.data === undefined ? undefined : shownPath(details.data);
	return (
		<>
			<div className={css["folder"]}>
				<QueryView query={details}>
					{(point) => {
						const shown = shownPath(point);
						return (
							<>
								{point.snapshots.length > 1 ? (
									<Select
										label={t("snapshots.path")}
										data={point.snapshots.map((entry) => entry.path)}
										allowDeselect={false}
										value={shown?.path ?? null}
										onChange={(snapshot) => open({ snapshot: snapshot ?? "", path: "", file: "" })}
									/>
								) : null}
								{shown === undefined ? null : (
									<PointBrowser
										key={shown.id}
										point={point.id}
										snapshot={shown.id}
										root={shown.path}
										path={search.path ?? ""}
										onFolder={(path) => open({ path, file: "" })}
										onFile={(file) => open({ file })}
										ticked={ticked}
										onTick={onTick}
										missing={
											<MissingFolder
												point={chosen}
												snapshot={shown.id}
												path={search.path ?? ""}
												points={points}
												onGo={onGo}
											/>
										}
									/>
								)}
							</>
						);
					}}
				</QueryView>
			</div>
			{details.data === undefined || panel === undefined || search.file === undefined ? null : (
				<VersionsPanel point={details.data} snapshot={panel.id} path={search.file} onClose={() => open({ file: "" })} />
			)}
		</>
	);
}
