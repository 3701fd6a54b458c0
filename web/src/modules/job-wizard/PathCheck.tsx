import { Button, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { explainPath } from "../../api/queries/estimates.ts";
import type { Agent, EstimateRequest, PathExplanation } from "../../api/types.ts";
import { cleanPath, isAbsolute } from "../../forms/job.ts";
import { useWording } from "../../hooks/use-wording.ts";
import { ErrorText } from "../../ui/ErrorText.tsx";
import { PathText } from "../../ui/PathText.tsx";
import { StatusIcon } from "../../ui/StatusIcon.tsx";
import { visibleText } from "../../util/format.ts";
import css from "./path-check.module.css";

interface Answer {
	/** What was asked: the rule's number belongs to it. */
	request: EstimateRequest;
	path: string;
	found: PathExplanation;
}

/** Says of one path whether the job takes it, and which rule decides. */
export function PathCheck({ agent, request }: { agent: Agent; request: EstimateRequest }) {
	const { t } = useTranslation();
	const words = useWording();
	const [path, setPath] = useState("");
	const [wrong, setWrong] = useState<string | undefined>();
	const ask = useMutation({
		mutationFn: async (path: string): Promise<Answer> => ({
			request,
			path,
			found: await explainPath(agent.id, request, path),
		}),
	});
	const send = (event: FormEvent) => {
		event.preventDefault();
		const typed = path.trim();
		if (!isAbsolute(cleanPath(typed))) {
			setWrong(t("wizard.notAbsolute"));
			return;
		}
		ask.mutate(typed);
	};
	return (
		<section className={css["panel"]} aria-label={t("wizard.checkPath")}>
			<form onSubmit={send} className={css["form"]}>
				<TextInput
					label={t("wizard.checkPath")}
					classNames={{ input: "mono" }}
					value={path}
					error={wrong}
					onChange={(event) => {
						setPath(event.currentTarget.value);
						setWrong(undefined);
					}}
				/>
				<Button type="submit" loading={ask.isPending}>
					{t("wizard.check")}
				</Button>
			</form>
			<div role="status">{ask.data === undefined ? null : <Verdict {...ask.data} />}</div>
			{ask.error === null ? null : <ErrorText words={words(ask.error)} />}
		</section>
	);
}

function Verdict({ request, path, found }: Answer) {
	const { t } = useTranslation();
	const rules = found.verdict === "taken" ? request.policy?.include_rules : request.policy?.ignore_rules;
	const rule = found.rule === null || found.rule === undefined ? undefined : rules?.[found.rule];
	return (
		<>
			<p className={css["verdict"]}>
				<StatusIcon status={found.verdict === "taken" ? "success" : "cancelled"} size={14} />
				<span>
					<strong>{t(`wizard.verdict.${found.verdict}`)}</strong>{" "}
					{rule !== undefined ? (
						<>
							{t("wizard.byRule", { number: (found.rule ?? 0) + 1 })} <bdi className="mono">{visibleText(rule)}</bdi>
						</>
					) : found.by && found.by !== "rule" ? (
						t(`wizard.cause.${found.by}`)
					) : null}
				</span>
			</p>
			{found.verdict === "left_out" && cleanPath(path) !== found.at ? (
				<p className="muted small">
					{t("wizard.decidedAt")} <PathText path={found.at} wrap />
				</p>
			) : null}
			{found.exists ? null : <p className="muted small">{t("wizard.notThere")}</p>}
		</>
	);
}
