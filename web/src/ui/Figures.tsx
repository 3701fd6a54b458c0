import type { ReactNode } from "react";
import css from "./figures.module.css";

export interface Figure {
	label: string;
	value: ReactNode;
	unit?: string | undefined;
	note?: ReactNode;
	tone?: "warn" | undefined;
}

/** Figures in one row, divided by hairlines. */
export function Figures({ figures }: { figures: readonly Figure[] }) {
	return (
		<dl className={css["figures"]}>
			{figures.map((figure) => (
				<div className={css["figure"]} key={figure.label}>
					<dt className={css["label"]}>{figure.label}</dt>
					<dd>
						<span className={`${css["value"]} num ${figure.tone === "warn" ? css["warn"] : ""}`}>{figure.value}</span>
						{figure.unit === undefined ? null : <span className={css["unit"]}> {figure.unit}</span>}
					</dd>
					{figure.note === undefined ? null : <dd className={css["note"]}>{figure.note}</dd>}
				</div>
			))}
		</dl>
	);
}
