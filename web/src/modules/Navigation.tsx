import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { meQuery } from "../api/queries/session.ts";
import { Icon, type IconName } from "../ui/Icon.tsx";
import { StatusIcon } from "../ui/StatusIcon.tsx";
import { paths, type Target } from "../util/paths.ts";
import css from "./navigation.module.css";

/** What wants attention or moves; a zero shows nothing. */
export interface Counters {
	alerts: number;
	active: number;
}

interface Destination {
	key:
		| "overview"
		| "runs"
		| "jobs"
		| "agents"
		| "snapshots"
		| "restore"
		| "search"
		| "vaults"
		| "notifications"
		| "users"
		| "audit"
		| "settings";
	icon: IconName;
	to: Target;
	/** What the role must permit; an entry that it does not is absent. */
	needs?: string;
}

const start: readonly Destination[] = [
	{ key: "overview", icon: "overview", to: paths.overview() },
	{ key: "runs", icon: "runs", to: paths.runs() },
];

const groups: readonly { key: "protect" | "recover" | "store" | "manage"; items: readonly Destination[] }[] = [
	{
		key: "protect",
		items: [
			{ key: "jobs", icon: "jobs", to: paths.jobs() },
			{ key: "agents", icon: "agents", to: paths.agents() },
		],
	},
	{
		key: "recover",
		items: [
			{ key: "snapshots", icon: "snapshots", to: paths.snapshots() },
			{ key: "restore", icon: "restore", to: paths.restore() },
			{ key: "search", icon: "search", to: paths.search(), needs: "searches.create" },
		],
	},
	{ key: "store", items: [{ key: "vaults", icon: "vaults", to: paths.vaults() }] },
	{
		key: "manage",
		items: [
			{ key: "notifications", icon: "bell", to: paths.notifications(), needs: "notifications.manage" },
			{ key: "users", icon: "users", to: paths.users(), needs: "users.manage" },
			{ key: "audit", icon: "audit", to: paths.audit(), needs: "audit.read" },
			{ key: "settings", icon: "settings", to: paths.settings(), needs: "settings.manage" },
		],
	},
];

/** Only destinations that exist. */
export function Navigation({ counters }: { counters: Counters }) {
	const { t } = useTranslation();
	const may = useQuery(meQuery).data?.actions ?? [];
	const isOpen = (item: Destination) =>
		item.needs === undefined || may.some((action) => action.name === item.needs && action.allowed);
	const shown = groups
		.map((group) => ({ ...group, items: group.items.filter(isOpen) }))
		.filter((group) => group.items.length > 0);
	return (
		<nav className={css["nav"]} aria-label={t("nav.label")}>
			<ul>
				{start.map((item) => (
					<Entry key={item.key} item={item} counters={counters} />
				))}
			</ul>
			{shown.map((group) => (
				<div key={group.key}>
					<h2 className={css["group"]}>{t(`nav.${group.key}`)}</h2>
					<ul>
						{group.items.map((item) => (
							<Entry key={item.key} item={item} counters={counters} />
						))}
					</ul>
				</div>
			))}
		</nav>
	);
}

function Entry({ item, counters }: { item: Destination; counters: Counters }) {
	const { t } = useTranslation();
	return (
		<li>
			<Link
				{...(item.to as ReturnType<typeof paths.overview>)}
				activeOptions={{ exact: item.key === "overview", includeSearch: false }}
				className={css["entry"]}
			>
				<Icon name={item.icon} />
				<span className={css["word"]}>{t(`nav.${item.key}`)}</span>
				<Counter of={item.key} counters={counters} />
			</Link>
		</li>
	);
}

function Counter({ of, counters }: { of: Destination["key"]; counters: Counters }) {
	const { t } = useTranslation();
	if (of === "overview" && counters.alerts > 0) {
		return (
			<span className={`${css["counter"]} ${css["bad"]}`}>
				<StatusIcon status="failed" size={13} />
				<span aria-hidden="true">{counters.alerts}</span>
				<span className="visually-hidden">{t("nav.alerts", { count: counters.alerts })}</span>
			</span>
		);
	}
	if (of === "runs" && counters.active > 0) {
		return (
			<span className={`${css["counter"]} ${css["active"]}`}>
				<StatusIcon status="running" size={13} />
				<span aria-hidden="true">{counters.active}</span>
				<span className="visually-hidden">{t("nav.active", { count: counters.active })}</span>
			</span>
		);
	}
	return null;
}

/** The phone's bar at the bottom. */
export function BottomBar({ counters, onMore }: { counters: Counters; onMore: () => void }) {
	const { t } = useTranslation();
	const restore = groups[1]?.items[1];
	return (
		<nav className={css["bottom"]} aria-label={t("nav.label")}>
			{[...start, ...(restore === undefined ? [] : [restore])].map((item) => (
				<Link
					key={item.key}
					{...(item.to as ReturnType<typeof paths.overview>)}
					activeOptions={{ exact: item.key === "overview", includeSearch: false }}
					className={css["bottomEntry"]}
				>
					<Icon name={item.icon} size={20} />
					<span>{t(`nav.${item.key}`)}</span>
					<Counter of={item.key} counters={counters} />
				</Link>
			))}
			<button type="button" className={css["bottomEntry"]} onClick={onMore}>
				<Icon name="menu" size={20} />
				<span>{t("nav.more")}</span>
			</button>
		</nav>
	);
}
