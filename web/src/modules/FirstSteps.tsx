import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Overview } from "../api/types.ts";
import { Icon } from "../ui/Icon.tsx";
import { paths } from "../util/paths.ts";
import { ButtonLink } from "./ButtonLink.tsx";
import css from "./first-steps.module.css";

/** The way to the first restore point, each step ticked by what exists. */
export function FirstSteps({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	const machine = overview.agents_total > 0;
	const vault = overview.vaults.length > 0;
	return (
		<div className={css["guide"]}>
			<p className={css["sentence"]}>{t("overview.verdictNone")}</p>
			<p className="muted">{t("overview.verdictNoneText")}</p>
			<ol className={css["steps"]}>
				<Step
					number={1}
					done={machine}
					title={t("overview.steps.machine")}
					text={
						machine
							? t("overview.steps.machineDone", { count: overview.agents_total })
							: t("overview.steps.machineText")
					}
					action={
						machine ? null : (
							<ButtonLink to={paths.agents({ panel: "add" })} variant="filled">
								{t("overview.steps.add")}
							</ButtonLink>
						)
					}
				/>
				<Step
					number={2}
					done={vault}
					title={t("overview.steps.vault")}
					text={
						vault ? t("overview.steps.vaultDone", { count: overview.vaults.length }) : t("overview.steps.vaultText")
					}
					action={
						vault ? null : (
							<ButtonLink to={paths.newVault()} variant={machine ? "filled" : "default"}>
								{t("overview.steps.newVault")}
							</ButtonLink>
						)
					}
				/>
				<Step
					number={3}
					done={false}
					title={t("overview.steps.job")}
					text={t("overview.steps.jobText")}
					action={
						<ButtonLink to={paths.newJob()} variant={machine && vault ? "filled" : "default"}>
							{t("overview.steps.newJob")}
						</ButtonLink>
					}
				/>
			</ol>
		</div>
	);
}

function Step({
	number,
	done,
	title,
	text,
	action,
}: {
	number: number;
	done: boolean;
	title: string;
	text: string;
	action: ReactNode;
}) {
	return (
		<li className={css["step"]}>
			<span className={done ? css["done"] : css["number"]}>{done ? <Icon name="check" size={14} /> : number}</span>
			<div>
				<h2 className={css["title"]}>{title}</h2>
				<p className="muted">{text}</p>
				{action === null ? null : <div className={css["action"]}>{action}</div>}
			</div>
		</li>
	);
}
