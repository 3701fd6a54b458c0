import { Button, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { jobsQuery } from "../api/queries/jobs.ts";
import { pointsQuery } from "../api/queries/points.ts";
import type { Point } from "../api/types.ts";
import { emptyRestore, restoreDraftKey } from "../forms/restore.ts";
import { useDraft } from "../hooks/use-draft.ts";
import { useFormat } from "../hooks/use-format.ts";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { Page } from "../modules/Page.tsx";
import { PointBrowser, type Ticked } from "../modules/PointBrowser.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { VersionsPanel } from "../modules/VersionsPanel.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Icon } from "../ui/Icon.tsx";
import { StatusIcon } from "../ui/StatusIcon.tsx";
import { paths } from "../util/paths.ts";
import css from "./snapshots.module.css";

const route = getRouteApi("/signed-in/snapshots");

/** Where is my file as it was then. */
export default function Snapshots() {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const search = route.useSearch();
	const jobs = useQuery(jobsQuery);
	const points = useQuery(pointsQuery({ job: search.source }));
	const [ticked, setTicked] = useState<Ticked[]>([]);
	const point = points.data?.items.find((entry) => entry.id === search.point) ?? points.data?.items[0];
	return (
		<Page
			title={t("snapshots.title")}
			name={t("snapshots.title")}
			beside={
				<Select
					className={css["source"] ?? ""}
					aria-label={t("snapshots.source")}
					data={[
						{ value: "", label: t("common.all") },
						...(jobs.data?.items ?? []).map((job) => ({ value: job.id, label: `${job.agent.name}, ${job.name}` })),
					]}
					allowDeselect={false}
					value={search.source ?? ""}
					onChange={(source) => {
						setTicked([]);
						void navigate(paths.snapshots(source === null || source === "" ? {} : { source }));
					}}
				/>
			}
			actions={point === undefined ? null : <RestoreButton point={point} ticked={ticked} />}
		>
			<QueryView query={points}>
				{(page) =>
					point === undefined ? (
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
						<Explorer points={page.items} point={point} ticked={ticked} onTick={setTicked} />
					)
				}
			</QueryView>
		</Page>
	);
}

function RestoreButton({ point, ticked }: { point: Point; ticked: readonly Ticked[] }) {
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
	points,
	point,
	ticked,
	onTick,
}: {
	points: readonly Point[];
	point: Point;
	ticked: readonly Ticked[];
	onTick: (ticked: Ticked[]) => void;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const navigate = useNavigate();
	const search = route.useSearch();
	const source = search.source === undefined ? {} : { source: search.source };
	// Moving in time keeps the source path and the folder.
	const shownPath = point.snapshots.find((entry) => entry.path === search.snapshot) ?? point.snapshots[0];
	const index = points.indexOf(point);
	const older = points[index + 1];
	const newer = points[index - 1];
	const go = (to: Point) =>
		paths.snapshots({
			...source,
			point: to.id,
			...(search.snapshot === undefined ? {} : { snapshot: search.snapshot }),
			...(search.path === undefined ? {} : { path: search.path }),
		});
	return (
		<>
			<div className={css["line"]}>
				<strong className={css["when"]}>{format.fullMoment(point.time)}</strong>
				<span className="muted">
					{t("snapshots.pointLine", {
						age: format.age(point.time),
						size: format.size(point.total_bytes),
						files: format.files(point.files),
					})}
				</span>
				{point.problem_count > 0 ? (
					<span className={css["missing"]}>
						<StatusIcon status="partial_success" size={14} /> {t("snapshots.missing", { count: point.problem_count })}
					</span>
				) : null}
				<span className={css["steps"]}>
					<Step label={t("snapshots.previous")} icon="left" onClick={older && (() => void navigate(go(older)))} />
					<Step label={t("snapshots.next")} icon="right" onClick={newer && (() => void navigate(go(newer)))} />
				</span>
			</div>
			<div className={css["panes"]}>
				<nav aria-label={t("snapshots.points")} className={css["points"]}>
					<h2 className={css["heading"]}>{t("snapshots.points")}</h2>
					<ul>
						{points.map((entry) => (
							<li key={entry.id}>
								<Link
									{...go(entry)}
									className={entry.id === point.id ? css["present"] : css["point"]}
									{...(entry.id === point.id ? { "aria-current": "true" as const } : {})}
								>
									<span>{format.fullMoment(entry.time)}</span>
									<span className="faint small">
										{search.source === undefined ? `${entry.job?.name ?? entry.source}, ` : ""}
										{entry.state === "present" ? format.size(entry.total_bytes) : t(`snapshots.${entry.state}`)}
									</span>
								</Link>
							</li>
						))}
					</ul>
				</nav>
				<div className={css["folder"]}>
					{point.snapshots.length > 1 ? (
						<Select
							label={t("snapshots.path")}
							data={point.snapshots.map((entry) => entry.path)}
							allowDeselect={false}
							value={shownPath?.path ?? null}
							onChange={(snapshot) =>
								void navigate(
									paths.snapshots({ ...source, point: point.id, ...(snapshot === null ? {} : { snapshot }) }),
								)
							}
						/>
					) : null}
					{shownPath === undefined ? null : (
						<PointBrowser
							key={shownPath.id}
							point={point.id}
							snapshot={shownPath.id}
							root={shownPath.path}
							path={search.path ?? ""}
							onFolder={(path) =>
								void navigate(
									paths.snapshots({
										...source,
										point: point.id,
										...(search.snapshot === undefined ? {} : { snapshot: search.snapshot }),
										...(path === "" ? {} : { path }),
									}),
								)
							}
							onFile={(file) => void navigate({ ...go(point), search: { ...go(point).search, file } })}
							ticked={ticked}
							onTick={onTick}
						/>
					)}
				</div>
				{shownPath === undefined || search.file === undefined ? null : (
					<VersionsPanel
						point={point}
						snapshot={shownPath.id}
						path={search.file}
						onClose={() => void navigate(go(point))}
					/>
				)}
			</div>
		</>
	);
}

function Step({ label, icon, onClick }: { label: string; icon: "left" | "right"; onClick: (() => void) | undefined }) {
	return (
		<Button
			aria-label={label}
			onClick={onClick ?? (() => undefined)}
			{...(onClick === undefined ? { "data-disabled": true, "aria-disabled": true } : {})}
		>
			<Icon name={icon} />
		</Button>
	);
}
