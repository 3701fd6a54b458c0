import { ActionIcon } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { versionsQuery } from "../api/queries/points.ts";
import type { Point } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Icon } from "../ui/Icon.tsx";
import { visibleText } from "../util/format.ts";
import { QueryView } from "./QueryView.tsx";
import { VersionList } from "./Versions.tsx";
import css from "./versions-panel.module.css";

/** All versions of one file beside the folder that it lies in. */
export function VersionsPanel({
	point,
	snapshot,
	path,
	onClose,
}: {
	point: Point;
	snapshot: string;
	path: string;
	onClose: () => void;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const query = useQuery(versionsQuery(point.id, snapshot, path));
	const name = visibleText(path.slice(path.lastIndexOf("/") + 1));
	return (
		<aside className={css["panel"]} aria-label={t("versions.of", { name })}>
			<div className={css["head"]}>
				<Icon name="file" />
				<h2 className={css["name"]}>
					<bdi>{name}</bdi>
				</h2>
				<ActionIcon variant="subtle" size={28} aria-label={t("versions.close")} onClick={onClose}>
					<Icon name="close" />
				</ActionIcon>
			</div>
			<QueryView query={query} rows={4}>
				{(hit) =>
					hit === null ? (
						<p className="muted">{t("versions.none")}</p>
					) : (
						<>
							<p className="muted small">
								{t("versions.count", { count: hit.version_count, formatted: format.count(hit.version_count) })}
							</p>
							<VersionList hit={hit} at={point} />
						</>
					)
				}
			</QueryView>
		</aside>
	);
}
