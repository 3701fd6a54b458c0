import { useTranslation } from "react-i18next";
import type { Agent } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Status } from "../ui/Status.tsx";

/** How a machine stands, with since when. */
export function AgentState({ agent, form = "plain" }: { agent: Pick<Agent, "state">; form?: "plain" | "pill" }) {
	return <Status status={agent.state} form={form} />;
}

/** The second line under the state. */
export function useAgentNote(): (agent: Agent) => string {
	const { t } = useTranslation();
	const format = useFormat();
	return (agent) => {
		if (agent.active_runs.length > 0) return t("agents.running", { count: agent.active_runs.length });
		if (!agent.last_seen_at) return t("agents.neverSeen");
		if (agent.state === "online") return t("common.now");
		return t("agents.sinceTime", { time: format.moment(agent.last_seen_at) });
	};
}
