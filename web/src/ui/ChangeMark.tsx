import css from "./change-mark.module.css";

export type ChangeName = "added" | "changed" | "deleted";

const signs: Record<ChangeName, string> = { added: "+", changed: "~", deleted: "\u2212" };

/** A square with the sign of a change. Decorative: the word beside it carries the meaning. */
export function ChangeMark({ change }: { change: ChangeName }) {
	return (
		<span className={`${css["mark"]} ${css[change]}`} aria-hidden="true">
			{signs[change]}
		</span>
	);
}
