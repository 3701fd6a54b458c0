import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { RunSummary } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useRestWords } from "../hooks/use-rest-words.ts";
import { Bar } from "../ui/Bar.tsx";
import { Status } from "../ui/Status.tsx";
import { paths } from "../util/paths.ts";
import { runStatus } from "./run-status.ts";
import { useRunNames } from "./run-words.ts";
import css from "./running-list.module.css";

/** Active runs with percent, speed and rest. */
export function RunningList({ runs }: { runs: readonly RunSummary[] }) {
	const { t } = useTranslation();
	const format = useFormat();
	const rest = useRestWords();
	const names = useRunNames();
	return (
		<ul className={css["list"]}>
			{runs.map((run) => {
				const percent = run.progress.percent ?? undefined;
				const { job: name, agent } = names(run);
				return (
					<li key={run.id}>
						<div className={css["line"]}>
							<Link {...paths.run(run.id)}>{run.type === "restore" ? `${t("runs.restore")}: ${name}` : name}</Link>
							<span className="num">
								{percent === undefined ? <Status status={runStatus(run)} /> : format.percent(percent, 0)}
							</span>
						</div>
						<Bar value={run.status === "queued" ? 0 : percent} label={name} moving={run.status === "running"} />
						<div className={`${css["line"]} faint small`}>
							<span>{agent}</span>
							<span className="num">
								{run.progress.speed_bytes_per_second ? format.speed(run.progress.speed_bytes_per_second) : ""}
								{run.status === "running" ? ` \u00b7 ${rest(run.progress)}` : ""}
							</span>
						</div>
					</li>
				);
			})}
		</ul>
	);
}
