import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { pathSearchQuery } from "../api/queries/points.ts";
import type { PointMark } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Notice } from "../ui/Notice.tsx";

/** Says that a folder did not exist at a point, and leads to the nearest points that have it. */
export function MissingFolder({
	point,
	snapshot,
	path,
	points,
	onGo,
}: {
	point: PointMark;
	snapshot: string;
	path: string;
	points: readonly PointMark[];
	onGo: (point: PointMark) => void;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const found = useQuery({ ...pathSearchQuery(point.id, snapshot, path), retry: false });
	const named = (id: string | null | undefined) => points.find((other) => other.id === id);
	const later = named(found.data?.later);
	const earlier = named(found.data?.earlier);
	const go = (to: PointMark | undefined, words: string) =>
		to === undefined ? null : (
			<p>
				{words}{" "}
				<Button
					size="xs"
					aria-label={t("snapshots.goTo", { time: format.longMoment(to.time) })}
					onClick={() => onGo(to)}
				>
					{t("snapshots.go")}
				</Button>
			</p>
		);
	return (
		<Notice tone="neutral" title={t("snapshots.noFolder", { time: format.longMoment(point.time) })}>
			{found.isPending ? <p>{t("snapshots.lookingElsewhere")}</p> : null}
			{found.isError ? <p>{t("snapshots.cannotLookElsewhere")}</p> : null}
			{go(later, t("snapshots.appears", { time: later === undefined ? "" : format.longMoment(later.time) }))}
			{go(earlier, t("snapshots.lastThere", { time: earlier === undefined ? "" : format.longMoment(earlier.time) }))}
			{found.isSuccess && later === undefined && earlier === undefined ? <p>{t("snapshots.nowhere")}</p> : null}
		</Notice>
	);
}
