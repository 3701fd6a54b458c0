import type { ReactNode } from "react";
import css from "./key-values.module.css";

/** Label and value a row. */
export function KeyValues({ rows }: { rows: readonly (readonly [label: string, value: ReactNode])[] }) {
	return (
		<dl className={css["list"]}>
			{rows.map(([label, value]) => (
				<div className={css["row"]} key={label}>
					<dt>{label}</dt>
					<dd>{value}</dd>
				</div>
			))}
		</dl>
	);
}
