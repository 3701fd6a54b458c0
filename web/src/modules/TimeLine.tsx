import { Button, SegmentedControl } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { PointMark } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Icon } from "../ui/Icon.tsx";
import { StatusIcon } from "../ui/StatusIcon.tsx";
import { type Moment, spanOf, type Zoom } from "../util/timeline.ts";
import { TimeSlider } from "./TimeSlider.tsx";
import css from "./time-line.module.css";

const zooms: readonly Zoom[] = ["week", "month", "all"];

/** The zoom of an address. */
export const zoomOf = (text: string | undefined): Zoom => zooms.find((zoom) => zoom === text) ?? "all";

/** The chosen restore point in figures, and the line of time on which another one is chosen. */
export function TimeLine({
	points,
	moments,
	index,
	zoom,
	onZoom,
	onMove,
}: {
	/** In the order of `moments`. */
	points: readonly PointMark[];
	/** In order, the oldest first. */
	moments: readonly Moment[];
	index: number;
	zoom: Zoom;
	onZoom: (zoom: Zoom) => void;
	onMove: (index: number) => void;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const at = moments[index]?.at ?? 0;
	const span = useMemo(() => spanOf(zoom, moments, at), [zoom, moments, at]);
	const point = points[index];
	if (point === undefined) return null;
	const fresh = point.bytes_uploaded ?? undefined;
	const pinned = point.pin_note ? t("snapshots.pinnedFor", { note: point.pin_note }) : t("snapshots.pinned");
	const words = [
		format.longMoment(point.time),
		format.files(point.files),
		format.size(point.total_bytes),
		...(fresh === undefined ? [] : [t("snapshots.fresh", { size: format.size(fresh) })]),
		...(point.pinned ? [pinned] : []),
		...(point.problem_count > 0 ? [t("snapshots.missing", { count: point.problem_count })] : []),
	].join(", ");
	return (
		<section aria-label={t("snapshots.timeline")}>
			<div className={css["line"]}>
				<strong className={css["when"]}>{format.longMoment(point.time)}</strong>
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
				{point.pinned ? (
					<span className={css["fact"]}>
						<Icon name="pin" size={14} /> {pinned}
					</span>
				) : null}
				{point.state === "damaged" ? (
					<span className={css["missing"]}>
						<StatusIcon status="partial_success" size={14} /> {t("snapshots.damaged")}
					</span>
				) : null}
				<span className={css["steps"]}>
					<Step label={t("snapshots.previous")} icon="left" onClick={index > 0 ? () => onMove(index - 1) : undefined} />
					<Step
						label={t("snapshots.next")}
						icon="right"
						onClick={index < points.length - 1 ? () => onMove(index + 1) : undefined}
					/>
					<SegmentedControl
						aria-label={t("snapshots.zoom")}
						data={zooms.map((value) => ({ value, label: t(`snapshots.zooms.${value}`) }))}
						value={zoom}
						onChange={(value) => onZoom(zoomOf(value))}
					/>
				</span>
			</div>
			<TimeSlider moments={moments} span={span} index={index} valueText={words} onMove={onMove} />
		</section>
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
