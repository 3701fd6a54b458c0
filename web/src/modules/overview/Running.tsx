import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Overview } from "../../api/types.ts";
import { paths } from "../../util/paths.ts";
import { Section } from "../Page.tsx";
import { RunningList } from "../RunningList.tsx";

/** What is at work now. */
export function Running({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	return (
		<Section
			title={t("overview.running")}
			count={overview.active_runs.length > 0 ? overview.active_runs.length : undefined}
			more={<Link {...paths.runs()}>{t("overview.allRuns")}</Link>}
		>
			{overview.active_runs.length === 0 ? (
				<p className="muted">{t("overview.runningNone")}</p>
			) : (
				<RunningList runs={overview.active_runs} />
			)}
		</Section>
	);
}
