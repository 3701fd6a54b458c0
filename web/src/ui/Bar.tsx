import css from "./bar.module.css";

/**
 * A bar from 0 to 100. Without a value the total is unknown and the stripes move along the whole track; `moving`
 * lets stripes run while something goes on.
 */
export function Bar({
	value,
	label,
	form = "list",
	moving = false,
}: {
	value: number | undefined;
	label: string;
	form?: "hero" | "list";
	moving?: boolean;
}) {
	const known = value === undefined ? undefined : Math.min(100, Math.max(0, value));
	return (
		<div
			className={`${css["track"]} ${css[form]}`}
			role="progressbar"
			aria-label={label}
			aria-valuemin={0}
			aria-valuemax={100}
			{...(known === undefined ? {} : { "aria-valuenow": Math.round(known * 10) / 10 })}
		>
			<div
				className={`${css["fill"]} ${moving ? css["moving"] : ""} ${known === undefined ? css["unknown"] : ""}`}
				style={{ width: known === undefined ? "100%" : `${known}%` }}
			/>
		</div>
	);
}
