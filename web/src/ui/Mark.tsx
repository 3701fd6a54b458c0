import css from "./mark.module.css";

/** The product's mark. */
export function Mark() {
	return (
		<svg className={css["mark"]} width="28" height="28" viewBox="0 0 32 32" aria-hidden="true">
			<rect width="32" height="32" rx="7" className={css["ground"]} />
			<path d="M11 8v16M21 8v16M11 16c2.6-2.7 7.4-2.7 10 0" className={css["letter"]} />
		</svg>
	);
}
