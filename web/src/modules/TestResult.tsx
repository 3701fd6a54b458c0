import { useTranslation } from "react-i18next";
import type { VaultTestResult } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Notice } from "../ui/Notice.tsx";
import { StatusIcon } from "../ui/StatusIcon.tsx";
import css from "./test-result.module.css";

/** What a connection test found, step by step. */
export function TestResult({ result }: { result: VaultTestResult }) {
	const { t } = useTranslation();
	const format = useFormat();
	return (
		<div role="status">
			<Notice tone={result.ok ? "good" : "bad"} title={result.ok ? t("vaults.testOk") : t("vaults.testFailed")}>
				<ul className={css["steps"]}>
					{result.findings.map((finding) => (
						<li key={finding.check}>
							<StatusIcon
								status={finding.ok ? "success" : "failed"}
								size={14}
								label={t(finding.ok ? "status.success" : "status.failed")}
							/>
							<span className={css["name"]}>{t(`vaults.step.${finding.check}`)}</span>
							<span className={css["detail"]}>
								{finding.message ? <bdi>{finding.message}</bdi> : null}
								<span className="num">
									{" "}
									{t("vaults.milliseconds", { formatted: format.count(finding.duration_ms) })}
								</span>
							</span>
						</li>
					))}
				</ul>
				{result.repository === "present" || result.repository === "unusable" ? <p>{t("vaults.testExists")}</p> : null}
			</Notice>
		</div>
	);
}
