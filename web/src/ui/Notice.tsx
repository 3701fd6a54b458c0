import type { ReactNode } from "react";
import css from "./notice.module.css";
import { StatusIcon, type StatusName } from "./StatusIcon.tsx";

const icons = {
	neutral: "nothing_due",
	info: "queued",
	good: "success",
	warn: "partial_success",
	bad: "failed",
} as const;

/** Icon, sentence and action, right at the thing it is about. */
export function Notice({
	tone,
	icon,
	title,
	children,
	action,
	alert = false,
}: {
	tone: keyof typeof icons;
	icon?: StatusName;
	title: ReactNode;
	children?: ReactNode;
	action?: ReactNode;
	/** Announced at once, for errors that appear after an action. */
	alert?: boolean;
}) {
	return (
		<div className={`${css["notice"]} ${css[tone]}`} role={alert ? "alert" : undefined}>
			<StatusIcon status={icon ?? icons[tone]} />
			<div className={css["body"]}>
				<p className={css["title"]}>{title}</p>
				{children === undefined ? null : <div className={css["text"]}>{children}</div>}
			</div>
			{action === undefined ? null : <div className={css["action"]}>{action}</div>}
		</div>
	);
}
