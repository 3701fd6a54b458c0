import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import css from "./skeleton.module.css";

const widths = [62, 48, 70, 54, 66, 44];

/** Rows in the shape of a list. Nothing for 150 ms; a sentence after ten seconds. */
export function Skeleton({ rows = 6 }: { rows?: number }) {
	const { t } = useTranslation();
	const [phase, setPhase] = useState<"none" | "rows" | "late">("none");
	useEffect(() => {
		const soon = setTimeout(() => setPhase("rows"), 150);
		const late = setTimeout(() => setPhase("late"), 10_000);
		return () => {
			clearTimeout(soon);
			clearTimeout(late);
		};
	}, []);
	return (
		<div className={css["skeleton"]} aria-busy="true">
			<span className="visually-hidden" role="status">
				{t("common.loading")}
			</span>
			{phase === "none"
				? null
				: Array.from({ length: rows }, (_unused, row) => (
						// biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike and never change
						<div className={css["row"]} key={row} aria-hidden="true">
							<span className={css["bar"]} style={{ width: `${(widths[row % widths.length] ?? 60) / 2}%` }} />
							<span className={css["bar"]} style={{ width: "14%" }} />
							<span className={css["bar"]} style={{ width: "18%" }} />
						</div>
					))}
			{phase === "late" ? <p className="faint">{t("common.stillLoading")}</p> : null}
		</div>
	);
}
