import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../ui/Icon.tsx";
import type { Target } from "../util/paths.ts";
import css from "./page.module.css";
import { TargetLink } from "./TargetLink.tsx";

/** Header and content of a page. `trail` are links to the pages above; `name` names the browser's tab. */
export function Page({
	title,
	name,
	trail,
	beside,
	actions,
	children,
}: {
	title: ReactNode;
	name: string;
	trail?: ReactNode;
	beside?: ReactNode;
	actions?: ReactNode;
	children: ReactNode;
}) {
	const { t } = useTranslation();
	useEffect(() => {
		document.title = `${name}, ${t("product")}`;
	}, [name, t]);
	return (
		<>
			<header className={css["header"]}>
				<div className={css["heading"]}>
					{trail === undefined ? null : (
						<nav className={css["trail"]} aria-label={t("nav.breadcrumb")}>
							{trail}
						</nav>
					)}
					<h1 className={css["title"]}>{title}</h1>
					{beside}
				</div>
				{actions === undefined ? null : <div className={css["actions"]}>{actions}</div>}
			</header>
			<div className={css["content"]}>{children}</div>
		</>
	);
}

/** One step of a page's trail. */
export function TrailLink({ to, children }: { to: Target; children: ReactNode }) {
	return (
		<>
			<TargetLink to={to}>{children}</TargetLink>
			<Icon name="chevron" size={12} />
		</>
	);
}

/** A part of a page with its heading. */
export function Section({
	title,
	count,
	more,
	children,
}: {
	title: string;
	count?: ReactNode;
	more?: ReactNode;
	children: ReactNode;
}) {
	return (
		<section className={css["section"]} aria-label={title}>
			<div className={css["sectionHead"]}>
				<h2>
					{title}
					{count === undefined ? null : <span className={css["count"]}>{count}</span>}
				</h2>
				{more}
			</div>
			{children}
		</section>
	);
}

/** Main column and side column; the side one goes below on narrow windows. */
export function Columns({ main, side }: { main: ReactNode; side: ReactNode }) {
	return (
		<div className={css["columns"]}>
			<div className={css["main"]}>{main}</div>
			<div className={css["side"]}>{side}</div>
		</div>
	);
}
