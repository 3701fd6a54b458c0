import { useTranslation } from "react-i18next";
import type { Run, Stage } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { StatusIcon } from "../../ui/StatusIcon.tsx";
import css from "./stages.module.css";

const backup = ["storage_init", "scan", "upload_start", "finish"] as const;
const restore = ["snapshot_open", "write_files"] as const;
const named = [...backup, ...restore] as const;

/** A stage's name in words. */
export function useStageName(): (name: string) => string {
	const { t } = useTranslation();
	return (name) => {
		const known = named.find((entry) => entry === name);
		return known === undefined ? name : t(`run.stage.${known}`);
	};
}

export function stageSeconds(stage: Stage, now: Date): number {
	if (stage.duration_ms !== null && stage.duration_ms !== undefined) return stage.duration_ms / 1000;
	return Math.max(0, (now.getTime() - new Date(stage.started_at).getTime()) / 1000);
}

/** The steps of a running run: done ones with their time, the present one, those to come. */
export function Stages({ run, now }: { run: Run; now: Date }) {
	const { t } = useTranslation();
	const format = useFormat();
	const name = useStageName();
	const order: readonly string[] = run.type === "restore" ? restore : backup;
	const reached = Math.max(-1, ...run.stages.map((stage) => order.indexOf(stage.name)));
	const expected = order.slice(reached + 1);
	return (
		<ol className={css["stages"]} aria-label={t("run.stages")}>
			{run.stages.map((stage) => {
				const done = stage.duration_ms !== null && stage.duration_ms !== undefined;
				const time = format.duration(stageSeconds(stage, now));
				return (
					<li key={`${stage.name} ${stage.started_at}`}>
						<StatusIcon
							status={done ? "success" : "starting"}
							label={done ? t("run.stageDone") : t("run.stageActive")}
						/>
						<span>
							<span className={css["name"]}>{name(stage.name)}</span>
							<span className="faint small num">{done ? time : t("run.stageSoFar", { time })}</span>
						</span>
					</li>
				);
			})}
			{expected.map((stage) => (
				<li key={stage} className={css["waiting"]}>
					<StatusIcon status="nothing_due" label={t("run.stageWaiting")} />
					<span>
						<span className={css["name"]}>{name(stage)}</span>
					</span>
				</li>
			))}
		</ol>
	);
}
