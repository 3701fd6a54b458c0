import { useTranslation } from "react-i18next";
import type { VaultTestResult } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Notice } from "../ui/Notice.tsx";
import { StatusIcon } from "../ui/StatusIcon.tsx";
import css from "./test-result.module.css";

const known = ["connect", "list", "write", "read", "delete", "clock", "lock", "repository"] as const;

/** What a connection test found, step by step. */
export function TestResult({ result }: { result: VaultTestResult }) {
	const { t } = useTranslation();
	const format = useFormat();
	return (
		<div role="status">
			<Notice tone={result.ok ? "good" : "bad"} title={result.ok ? t("vaults.testOk") : t("vaults.testFailed")}>
				<ul className={css["steps"]}>
					{result.steps.map((step) => {
						const key = known.find((name) => name === step.name);
						return (
							<li key={step.name}>
								<StatusIcon
									status={step.ok ? "success" : "failed"}
									size={14}
									label={t(step.ok ? "status.success" : "status.failed")}
								/>
								<span className={css["name"]}>{key === undefined ? step.name : t(`vaults.step.${key}`)}</span>
								<span className={css["detail"]}>
									{step.detail ? <bdi>{step.detail}</bdi> : null}
									{step.milliseconds === null || step.milliseconds === undefined ? null : (
										<span className="num">
											{" "}
											{t("vaults.milliseconds", { formatted: format.count(step.milliseconds) })}
										</span>
									)}
								</span>
							</li>
						);
					})}
				</ul>
				{result.repository_exists ? <p>{t("vaults.testExists")}</p> : null}
			</Notice>
		</div>
	);
}
