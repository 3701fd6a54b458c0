import type { ReactNode } from "react";
import css from "./tag.module.css";

/** A fact; `missing` marks an ability that is not there, with the reason in it. */
export function Tag({ children, missing = false }: { children: ReactNode; missing?: boolean }) {
	return <span className={`${css["tag"]} ${missing ? css["missing"] : ""}`}>{children}</span>;
}
