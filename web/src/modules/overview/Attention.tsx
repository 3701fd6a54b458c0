import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Overview } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { usePhone } from "../../hooks/use-strip-days.ts";
import { paths } from "../../util/paths.ts";
import { AlertList } from "../AlertList.tsx";
import { Section } from "../Page.tsx";

/** Alerts of the start page; the rest is behind a link. */
const shown = 5;

/** The same on a phone. */
const shownOnPhone = 2;

/** What must be done, each with its fix. */
export function Attention({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	const format = useFormat();
	const phone = usePhone();
	const all = <Link {...paths.alerts()}>{t("overview.allAlerts")}</Link>;
	const fresh = overview.alerts.filter((alert) => !alert.acknowledged_at);
	if (fresh.length === 0) {
		return (
			<Section title={t("overview.attention")} more={all}>
				<p className="muted">
					{overview.alerts.length === 0
						? t("overview.attentionNone", { time: format.clock(overview.checked_at) })
						: t("overview.attentionNoted", { count: overview.alerts.length })}
				</p>
			</Section>
		);
	}
	return (
		<Section title={t("overview.attention")} count={overview.alerts_open} more={all}>
			<AlertList alerts={fresh.slice(0, phone ? shownOnPhone : shown)} />
		</Section>
	);
}
