import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { startRun } from "../api/queries/jobs.ts";
import { startMaintenance } from "../api/queries/vaults.ts";
import type { Alert } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ErrorText } from "../ui/ErrorText.tsx";
import { StatusIcon, type StatusName } from "../ui/StatusIcon.tsx";
import { paths, type Target } from "../util/paths.ts";
import css from "./alert-list.module.css";
import { ButtonLink } from "./ButtonLink.tsx";

/** Alerts whose icon is not that of their severity. */
const icons: Readonly<Record<string, StatusName>> = {
	agent_unreachable: "unreachable",
	run_missed: "missed",
	job_late: "overdue",
	catalogue_stale: "overdue",
	retention_overdue: "overdue",
	maintenance_overdue: "overdue",
	verification_overdue: "overdue",
};

/** Actions that are done at once; all others lead to where something is to be done. */
const atOnce = { run_now: "alert.run_now", run_maintenance: "alert.run_maintenance" } as const;

const severityIcons = { bad: "failed", warning: "partial_success", info: "queued" } as const;

/** What needs somebody, each with the fix one click away; the first open one has the filled button. */
export function AlertList({
	alerts,
	beside,
}: {
	alerts: readonly Alert[];
	/** What else can be done with an alert. */
	beside?: (alert: Alert) => ReactNode;
}) {
	const first = alerts.find((alert) => !alert.closed_at && !alert.acknowledged_at);
	return (
		<ul className={css["alerts"]}>
			{alerts.map((alert) => (
				<Row key={alert.id} alert={alert} filled={alert.id === first?.id} beside={beside?.(alert)} />
			))}
		</ul>
	);
}

function Row({ alert, filled, beside }: { alert: Alert; filled: boolean; beside: ReactNode }) {
	const { t } = useTranslation();
	const format = useFormat();
	const icon = alert.closed_at ? "success" : (icons[alert.kind] ?? severityIcons[alert.severity]);
	const detail = alert.detail[format.language];
	return (
		<li className={css["alert"]}>
			<StatusIcon status={icon} label={alert.closed_at ? t("alert.over") : t(`alert.severity.${alert.severity}`)} />
			<div className={css["text"]}>
				<p className={css["title"]}>{alert.title[format.language]}</p>
				{detail === "" || alert.closed_at ? null : <p className="muted">{detail}</p>}
				{alert.closed_at ? (
					<p className="muted">
						{t("alert.fromTo", { from: format.moment(alert.since), to: format.moment(alert.closed_at) })}
					</p>
				) : null}
				{alert.acknowledged_at ? (
					<p className="faint small">
						{t("alert.acknowledged", {
							by: alert.acknowledged_by ?? "",
							time: format.moment(alert.acknowledged_at),
						})}
					</p>
				) : null}
			</div>
			{alert.closed_at ? null : (
				<>
					<span className={`${css["age"]} faint small`} title={format.fullMoment(alert.since)}>
						{format.age(alert.since)}
					</span>
					<div className={css["buttons"]}>
						{beside}
						<Fix alert={alert} filled={filled} />
					</div>
				</>
			)}
		</li>
	);
}

/** The one button that repairs it or leads to where it is repaired. */
function Fix({ alert, filled }: { alert: Alert; filled: boolean }) {
	const { t } = useTranslation();
	const words = useWording();
	const navigate = useNavigate();
	const queries = useQueryClient();
	const act = useMutation({
		mutationFn: async () => {
			if (alert.action === "run_now") return (await startRun(alert.target_id)).id;
			await startMaintenance(alert.target_id);
			return undefined;
		},
		onSuccess: async (run) => {
			await queries.invalidateQueries({ queryKey: ["overview"] });
			if (run === undefined) await navigate(paths.vault(alert.target_id));
			else await navigate(paths.run(run));
		},
	});
	const variant = filled ? "filled" : "default";
	if (alert.action in atOnce) {
		return (
			<>
				<Button variant={variant} loading={act.isPending} onClick={() => act.mutate()}>
					{t(atOnce[alert.action as keyof typeof atOnce])}
				</Button>
				{act.error === null ? null : <ErrorText words={words(act.error)} />}
			</>
		);
	}
	const [to, label] = place(alert);
	return (
		<ButtonLink to={to} variant={variant}>
			{t(label)}
		</ButtonLink>
	);
}

function place(
	alert: Alert,
): [
	Target,
	(
		| "alert.open_run"
		| "alert.open_agent"
		| "alert.open_vault"
		| "alert.open_job"
		| "alert.download_kit"
		| "alert.open_notifications"
	),
] {
	switch (alert.target_type) {
		case "runs":
			return [paths.run(alert.target_id), "alert.open_run"];
		case "agents":
			return [paths.agent(alert.target_id), "alert.open_agent"];
		case "vaults":
			return [
				paths.vault(alert.target_id),
				alert.action === "download_kit" ? "alert.download_kit" : "alert.open_vault",
			];
		case "notification-channels":
			return [paths.notifications(), "alert.open_notifications"];
		default:
			return [paths.job(alert.target_id), "alert.open_job"];
	}
}
