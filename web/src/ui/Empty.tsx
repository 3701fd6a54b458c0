import type { ReactNode } from "react";
import css from "./empty.module.css";
import { Icon, type IconName } from "./Icon.tsx";

/** What is not there, what it is for, and the one thing to do about it. */
export function Empty({
	icon,
	title,
	children,
	action,
}: {
	icon?: IconName;
	title: string;
	children: ReactNode;
	action?: ReactNode;
}) {
	return (
		<div className={css["empty"]}>
			{icon === undefined ? null : <Icon name={icon} size={26} className={css["icon"]} />}
			<h2 className={css["title"]}>{title}</h2>
			<p className={css["text"]}>{children}</p>
			{action === undefined ? null : <div className={css["action"]}>{action}</div>}
		</div>
	);
}
