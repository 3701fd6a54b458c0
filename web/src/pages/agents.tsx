import { Button, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useFallbackInterval } from "../api/live.ts";
import { agentsQuery } from "../api/queries/agents.ts";
import type { Agent } from "../api/types.ts";
import { AgentState, useAgentNote } from "../modules/AgentState.tsx";
import { Capabilities } from "../modules/Capabilities.tsx";
import { EnrolPanel } from "../modules/EnrolPanel.tsx";
import { Page } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { systemName } from "../modules/system-name.ts";
import { Empty } from "../ui/Empty.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Cell, Table } from "../ui/Table.tsx";
import { paths } from "../util/paths.ts";
import css from "./agents.module.css";

const route = getRouteApi("/signed-in/agents");

/** Which machines are connected, what can they do, how is one added. */
export default function Agents() {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const { panel, q } = route.useSearch();
	const adding = panel === "add";
	const pace = useFallbackInterval(3_000);
	const query = useQuery({ ...agentsQuery, refetchInterval: pace });
	const open = () => void navigate(paths.agents({ panel: "add", ...(q === undefined ? {} : { q }) }));
	const close = () => void navigate(paths.agents(q === undefined ? {} : { q }));
	const add = (
		<Button variant={adding ? "default" : "filled"} leftSection={<Icon name="plus" />} onClick={open}>
			{t("agents.add")}
		</Button>
	);
	return (
		<div className={adding ? css["split"] : ""}>
			<div className={css["list"]}>
				<Page title={t("agents.title")} name={t("agents.title")} actions={add}>
					<QueryView query={query}>
						{(page) =>
							page.items.length === 0 ? (
								<Empty icon="agents" title={t("agents.emptyTitle")}>
									{t("agents.emptyText")}
								</Empty>
							) : (
								<List agents={page.items} search={q ?? ""} />
							)
						}
					</QueryView>
				</Page>
			</div>
			{adding && query.data !== undefined ? <EnrolPanel agents={query.data.items} onClose={close} /> : null}
		</div>
	);
}

function List({ agents, search }: { agents: readonly Agent[]; search: string }) {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const note = useAgentNote();
	const wanted = search.toLowerCase();
	const shown = agents.filter((agent) =>
		[agent.name, agent.host, systemName(agent.os) ?? ""].some((text) => text.toLowerCase().includes(wanted)),
	);
	return (
		<>
			<TextInput
				className={css["search"] ?? ""}
				aria-label={t("agents.search")}
				placeholder={t("agents.search")}
				leftSection={<Icon name="search" />}
				value={search}
				onChange={(event) => {
					const q = event.currentTarget.value;
					void navigate({ ...paths.agents(q === "" ? {} : { q }), replace: true });
				}}
			/>
			{shown.length === 0 ? (
				<Empty
					title={t("agents.noMatch", { count: agents.length })}
					action={<Button onClick={() => void navigate(paths.agents())}>{t("agents.clear")}</Button>}
				>
					{t("agents.noMatchText", { query: search })}
				</Empty>
			) : (
				<Table
					label={t("agents.title")}
					head={[
						{ name: t("agents.machine"), wide: true },
						{ name: t("agents.state") },
						{ name: t("agents.canDo"), hideBelow: "narrow" },
						{ name: t("agents.version"), hideBelow: "phone" },
					]}
				>
					{shown.map((agent) => (
						<tr key={agent.id}>
							<Cell
								strong
								icon={<Icon name={agent.os === "windows" ? "windows" : "server"} />}
								second={`${systemName(agent.os) ?? t("common.unknown")}, ${
									agent.jobs.length === 0 ? t("common.noJobs") : t("common.jobsCount", { count: agent.jobs.length })
								}`}
							>
								<Link {...paths.agent(agent.id)}>{agent.name}</Link>
							</Cell>
							<Cell second={note(agent)}>
								<AgentState agent={agent} />
							</Cell>
							<Cell hideBelow="narrow">
								<Capabilities agent={agent} />
							</Cell>
							<Cell hideBelow="phone">{agent.agent_version ?? t("common.unknown")}</Cell>
						</tr>
					))}
				</Table>
			)}
		</>
	);
}
