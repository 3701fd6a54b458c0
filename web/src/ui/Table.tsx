import type { ReactNode } from "react";
import css from "./table.module.css";

/** A table in the page's look; on a phone each row becomes a block. `label` names it for screen readers. */
export function Table({
	label,
	head,
	children,
	dense = false,
}: {
	label: string;
	/** `shown` stands in the place of a name that is only read out. */
	head: readonly {
		name: string;
		align?: "right";
		wide?: boolean;
		hideBelow?: "phone" | "narrow";
		silent?: boolean;
		shown?: ReactNode;
	}[];
	children: ReactNode;
	dense?: boolean;
}) {
	return (
		<table className={`${css["table"]} ${dense ? css["dense"] : ""}`} aria-label={label}>
			<thead>
				<tr>
					{head.map((column) => (
						<th
							key={column.name}
							scope="col"
							className={[
								column.align === "right" ? css["right"] : "",
								column.wide === true ? css["wide"] : "",
								column.hideBelow === undefined ? "" : css[column.hideBelow],
							].join(" ")}
						>
							{column.silent === true || column.shown !== undefined ? (
								<span className="visually-hidden">{column.name}</span>
							) : (
								column.name
							)}
							{column.shown}
						</th>
					))}
				</tr>
			</thead>
			<tbody>{children}</tbody>
		</table>
	);
}

/** One cell: a first line, and a second one in small type under it. */
export function Cell({
	children,
	second,
	icon,
	align,
	strong = false,
	hideBelow,
}: {
	children: ReactNode;
	second?: ReactNode;
	icon?: ReactNode;
	align?: "right";
	strong?: boolean;
	hideBelow?: "phone" | "narrow";
}) {
	const lines = (
		<>
			<div className={`${css["first"]} ${strong ? css["strong"] : ""}`}>{children}</div>
			{second === undefined ? null : <div className={css["second"]}>{second}</div>}
		</>
	);
	return (
		<td
			className={[align === "right" ? `${css["right"]} num` : "", hideBelow === undefined ? "" : css[hideBelow]].join(
				" ",
			)}
		>
			{icon === undefined ? (
				lines
			) : (
				<div className={css["withIcon"]}>
					{icon}
					<div className={css["lines"]}>{lines}</div>
				</div>
			)}
		</td>
	);
}
