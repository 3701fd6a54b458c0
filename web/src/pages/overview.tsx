import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useFallbackInterval } from "../api/live.ts";
import { overviewQuery } from "../api/queries/overview.ts";
import type { Overview } from "../api/types.ts";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { FirstSteps } from "../modules/FirstSteps.tsx";
import { Attention } from "../modules/overview/Attention.tsx";
import { LastDays } from "../modules/overview/LastDays.tsx";
import { Proof } from "../modules/overview/Proof.tsx";
import { Running } from "../modules/overview/Running.tsx";
import { Storage } from "../modules/overview/Storage.tsx";
import { Verdict } from "../modules/overview/Verdict.tsx";
import { Columns, Page } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { Icon } from "../ui/Icon.tsx";
import { paths } from "../util/paths.ts";

const route = getRouteApi("/signed-in/");

/** Is everything protected, what must be done, what is running, when is the storage full. */
export default function OverviewPage() {
	const { t } = useTranslation();
	const { agent } = route.useSearch();
	const query = useQuery({ ...overviewQuery, refetchInterval: useFallbackInterval(10_000) });
	return (
		<Page
			title={t("overview.title")}
			name={t("overview.title")}
			actions={
				<>
					<ButtonLink to={paths.restore()} leftSection={<Icon name="restore" />}>
						{t("overview.restore")}
					</ButtonLink>
					<ButtonLink to={paths.newJob()} variant="filled" leftSection={<Icon name="plus" />}>
						{t("overview.newJob")}
					</ButtonLink>
				</>
			}
		>
			<QueryView query={query}>{(overview) => <Content overview={overview} agent={agent} />}</QueryView>
		</Page>
	);
}

function Content({ overview, agent }: { overview: Overview; agent: string | undefined }) {
	if (overview.jobs_total === 0 && overview.jobs.length === 0) return <FirstSteps overview={overview} />;
	return (
		<>
			<Verdict overview={overview} />
			<Columns
				main={
					<>
						<Attention overview={overview} />
						<LastDays overview={overview} agent={agent} />
					</>
				}
				side={
					<>
						<Running overview={overview} />
						<Storage overview={overview} />
						<Proof overview={overview} />
					</>
				}
			/>
		</>
	);
}
