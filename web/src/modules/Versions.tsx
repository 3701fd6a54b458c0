import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { FileVersion, Point, SearchHit } from "../api/types.ts";
import { emptyRestore, restoreDraftKey } from "../forms/restore.ts";
import { useDraft } from "../hooks/use-draft.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Icon } from "../ui/Icon.tsx";
import { Tag } from "../ui/Tag.tsx";
import { visibleText } from "../util/format.ts";
import { paths } from "../util/paths.ts";
import { DownloadButton } from "./DownloadButton.tsx";
import { TargetLink } from "./TargetLink.tsx";
import css from "./versions.module.css";

const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
const folderOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf("/")));

interface OneVersion {
	hit: SearchHit;
	version: FileVersion;
}

function isWithin(version: FileVersion, at: Point): boolean {
	if (version.first.point_id === at.id || version.last.point_id === at.id) return true;
	const time = new Date(at.time).getTime();
	return new Date(version.first.time).getTime() <= time && time <= new Date(version.last.time).getTime();
}

/** The versions of one path, the newest first: since when, how large, and what changed against the one before. */
export function VersionList({ hit, at }: { hit: SearchHit /** The point that is looked at. */; at?: Point }) {
	const { t } = useTranslation();
	const format = useFormat();
	// A version that came back may span others: the one that was seen first is meant.
	const present = hit.versions.findLast((version) => at !== undefined && isWithin(version, at));
	return (
		<>
			<ol className={css["versions"]} aria-label={t("versions.of", { name: visibleText(nameOf(hit.path)) })}>
				{hit.versions.map((version, index) => {
					const before = hit.versions[index + 1];
					return (
						<li
							key={`${version.first.time} ${version.object_id} ${version.modified ?? ""}`}
							className={css["version"]}
							{...(version === present ? { "aria-current": "true" as const } : {})}
						>
							<div className={css["when"]}>
								<span>{format.fullMoment(version.last.time)}</span>{" "}
								{version.pinned ? <Tag>{t("versions.pinned")}</Tag> : null}
								<span className={`${css["points"]} faint small`}>
									{version.points === 1
										? t("versions.inOne")
										: t("versions.inPoints", {
												count: version.points,
												formatted: format.count(version.points),
												first: format.fullMoment(version.first.time),
											})}
								</span>
							</div>
							<span className={`${css["size"]} num`}>{format.size(version.size)}</span>
							<span className={`${css["difference"]} num faint`}>
								<Difference version={version} before={before} isFirst={hit.version_count === index + 1} />
							</span>
							<span className={css["actions"]}>
								<RestoreVersion hit={hit} version={version} />
								<DownloadVersion hit={hit} version={version} />
							</span>
						</li>
					);
				})}
			</ol>
			{hit.version_count > hit.versions.length ? (
				<p className="faint small">{t("versions.more", { count: hit.version_count - hit.versions.length })}</p>
			) : null}
		</>
	);
}

function Difference({
	version,
	before,
	isFirst,
}: {
	version: FileVersion;
	before: FileVersion | undefined;
	isFirst: boolean;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	if (before === undefined) return isFirst ? t("versions.first") : null;
	if (before.object_id === version.object_id) return t("versions.sameContent");
	const change = version.size - before.size;
	if (change === 0) return t("versions.sameSize");
	return `${change > 0 ? "+" : "\u2212"}${format.size(Math.abs(change))}`;
}

/** Begins a restore of one version; absent while the server knows no restore point with it. */
export function RestoreVersion({ hit, version }: OneVersion) {
	const { t } = useTranslation();
	const { point_id: point, snapshot_id: snapshot } = version.last;
	if (!point || !snapshot) return <span className="faint small">{t("versions.unknownPoint")}</span>;
	return <Restore point={point} snapshot={snapshot} path={hit.path} time={version.last.time} />;
}

function Restore({ point, snapshot, path, time }: { point: string; snapshot: string; path: string; time: string }) {
	const { t } = useTranslation();
	const format = useFormat();
	const navigate = useNavigate();
	const { change } = useDraft(restoreDraftKey(point), emptyRestore);
	const name = nameOf(path);
	return (
		<Button
			size="xs"
			leftSection={<Icon name="restore" size={14} />}
			aria-label={t("versions.restoreNamed", { name: visibleText(name), time: format.fullMoment(time) })}
			onClick={() => {
				change({ everything: false, items: [{ snapshot, path, name }] });
				void navigate(paths.newRestore("where", point));
			}}
		>
			{t("versions.restore")}
		</Button>
	);
}

/** Downloads one version; absent where there is nothing to download it from. */
function DownloadVersion({ hit, version }: OneVersion) {
	const format = useFormat();
	const { point_id: point, snapshot_id: snapshot } = version.last;
	if (!point || !snapshot || (version.kind !== "file" && version.kind !== "directory")) return null;
	return (
		<DownloadButton
			point={point}
			snapshot={snapshot}
			path={hit.path}
			folder={version.kind === "directory"}
			name={`${visibleText(nameOf(hit.path))}, ${format.fullMoment(version.last.time)}`}
		/>
	);
}

/** Leads to the folder in the restore point that has a version. */
export function OpenVersion({ hit, version }: OneVersion) {
	const { t } = useTranslation();
	const { point_id: point } = version.last;
	if (!point) return null;
	const folder = version.kind === "directory" ? hit.path : folderOf(hit.path);
	return (
		<TargetLink
			to={paths.snapshots({ point, snapshot: hit.source_path, ...(folder === "" ? {} : { path: folder }) })}
			className={css["open"] ?? ""}
			aria-label={t("versions.openNamed", { name: visibleText(nameOf(hit.path)) })}
		>
			{t("versions.open")}
		</TargetLink>
	);
}
