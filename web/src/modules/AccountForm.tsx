import type { ReactNode } from "react";
import { Mark } from "../ui/Mark.tsx";
import css from "./account-form.module.css";

/** The narrow column of the pages without a session. */
export function AccountForm({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
	return (
		<main className={css["page"]}>
			<Mark />
			<h1 className={css["title"]}>{title}</h1>
			{lead === undefined ? null : <p className="muted">{lead}</p>}
			{children}
		</main>
	);
}
