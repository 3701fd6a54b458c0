import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { StatusIcon, type StatusName } from "./StatusIcon.tsx";
import css from "./status.module.css";

/** Icon and word of a status. `form` "pill" is for headers. `children` follow the word, such as a percentage. */
export function Status({
	status,
	percent,
	form = "plain",
	children,
}: {
	status: StatusName;
	percent?: number | undefined;
	form?: "plain" | "pill";
	children?: ReactNode;
}) {
	const { t } = useTranslation();
	return (
		<span className={`${css["status"]} ${css[status]} ${form === "pill" ? css["pill"] : ""}`} data-status={status}>
			<StatusIcon status={status} percent={percent} size={form === "pill" ? 14 : 16} />
			<span className={css["word"]}>
				{t(`status.${status}`)}
				{children === undefined ? null : <> {children}</>}
			</span>
		</span>
	);
}
