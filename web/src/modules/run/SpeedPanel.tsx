import { useTranslation } from "react-i18next";
import type { Run } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { SpeedChart } from "../../ui/SpeedChart.tsx";
import { type Sample, speeds } from "../../util/estimate.ts";
import { Section } from "../Page.tsx";
import css from "./speed-panel.module.css";

/** How fast it reads and uploads, now and over the last minutes. */
export function SpeedPanel({ run, samples }: { run: Run; samples: readonly Sample[] }) {
	const { t } = useTranslation();
	const format = useFormat();
	const restore = run.type === "restore";
	const points = speeds(samples).map((entry) => ({
		at: entry.at,
		first: entry.read,
		second: restore ? 0 : entry.uploaded,
	}));
	const last = points.at(-1);
	const now = run.progress.speed_bytes_per_second ?? last?.first;
	const start = points[0]?.at;
	const seconds = start === undefined || last === undefined ? 0 : (last.at - start) / 1000;
	return (
		<Section
			title={t("run.speed")}
			more={
				<span className={`${css["legend"]} num`}>
					<span className={css["solid"]} aria-hidden="true" />
					{restore ? t("run.writing") : t("run.reading")} <strong>{format.speed(now)}</strong>
					{restore ? null : (
						<>
							<span className={css["dashed"]} aria-hidden="true" />
							{t("run.uploading")} <strong>{format.speed(last?.second)}</strong>
						</>
					)}
				</span>
			}
		>
			{points.length < 2 ? (
				<p className={`${css["empty"]} faint small`}>{t("run.speedNone")}</p>
			) : (
				<SpeedChart
					points={points}
					axis={format.speed}
					label={t("run.speedChart", {
						time: format.duration(seconds),
						speed: format.speed(now),
						most: format.speed(Math.max(...points.map((point) => point.first))),
					})}
					from={start === undefined ? "" : format.clock(start)}
					now={t("common.now")}
				/>
			)}
		</Section>
	);
}
