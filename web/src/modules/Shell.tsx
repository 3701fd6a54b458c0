import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFallbackInterval, useTopics } from "../api/live.ts";
import { overviewQuery } from "../api/queries/overview.ts";
import { meQuery } from "../api/queries/session.ts";
import { Icon } from "../ui/Icon.tsx";
import { Mark } from "../ui/Mark.tsx";
import { paths } from "../util/paths.ts";
import { AccountMenu } from "./AccountMenu.tsx";
import { ConnectionBanner, ConnectionState } from "./Connection.tsx";
import { BottomBar, Navigation } from "./Navigation.tsx";
import { PageError } from "./PageError.tsx";
import css from "./shell.module.css";

/** Sidebar, content and, on a phone, the two bars. Wizards cover the whole window and get no shell. */
export function Shell() {
	const { t } = useTranslation();
	useTopics("overview", "runs", "jobs", "vaults", "agents", "points");
	const me = useQuery(meQuery);
	const overview = useQuery({ ...overviewQuery, refetchInterval: useFallbackInterval(10_000) });
	const pathname = useRouterState({ select: (state) => state.location.pathname });
	const [open, setOpen] = useState(false);
	// biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes whenever the page changes
	useEffect(() => setOpen(false), [pathname]);
	useEffect(() => {
		if (!open) return;
		const close = (event: KeyboardEvent) => {
			if (event.key === "Escape") setOpen(false);
		};
		document.addEventListener("keydown", close);
		return () => document.removeEventListener("keydown", close);
	}, [open]);

	if (me.error !== null && me.data === undefined) {
		return (
			<main className={css["alone"]}>
				<PageError error={me.error} />
			</main>
		);
	}
	const counters = {
		alerts: overview.data?.alerts_open ?? 0,
		active: overview.data?.active_runs.length ?? 0,
	};
	if (/^\/(jobs|restore)\/new\//.test(pathname)) {
		return <Outlet />;
	}
	return (
		<div className={css["shell"]}>
			<a className={css["skip"]} href="#content">
				{t("skipToContent")}
			</a>
			<div className={css["topBar"]}>
				<Link {...paths.overview()} className={css["brand"]}>
					<Mark />
					<span className={css["tenant"]}>{me.data?.tenant.name ?? t("product")}</span>
				</Link>
				<button
					type="button"
					className={css["menuButton"]}
					aria-label={open ? t("nav.closeMenu") : t("nav.openMenu")}
					aria-expanded={open}
					onClick={() => setOpen(!open)}
				>
					<Icon name={open ? "close" : "menu"} size={20} />
				</button>
			</div>
			<div className={`${css["sidebar"]} ${open ? css["open"] : ""}`}>
				<Link {...paths.overview()} className={`${css["brand"]} ${css["desktopBrand"]}`}>
					<Mark />
					<span>
						<span className={css["tenant"]}>{me.data?.tenant.name ?? ""}</span>
						<span className={css["product"]}>{t("product")}</span>
					</span>
				</Link>
				<Navigation counters={counters} />
				<div className={css["foot"]}>
					<AccountMenu email={me.data?.email ?? ""} />
					<ConnectionState />
				</div>
			</div>
			{open ? (
				<button type="button" className={css["scrim"]} aria-label={t("nav.closeMenu")} onClick={() => setOpen(false)} />
			) : null}
			<main id="content" className={css["content"]} tabIndex={-1}>
				<ConnectionBanner />
				<Outlet />
			</main>
			<BottomBar counters={counters} onMore={() => setOpen(true)} />
		</div>
	);
}
