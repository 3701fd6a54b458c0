import { ActionIcon, Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Agent } from "../../api/types.ts";
import { addPath, cleanPath, isAbsolute } from "../../forms/job.ts";
import { Icon } from "../../ui/Icon.tsx";
import { PathText } from "../../ui/PathText.tsx";
import { FileBrowser } from "../FileBrowser.tsx";
import { StepHead } from "../WizardSheet.tsx";
import css from "./job-wizard.module.css";
import type { StepProps } from "./steps.ts";

/** Step 2: folders, browsed or typed. */
export function SourceStep({ draft, change, agent }: StepProps & { agent: Agent | undefined }) {
	const { t } = useTranslation();
	const [typed, setTyped] = useState("");
	const [wrong, setWrong] = useState<string | undefined>();
	const add = (event: FormEvent) => {
		event.preventDefault();
		const path = cleanPath(typed);
		if (!isAbsolute(path)) {
			setWrong(t("wizard.notAbsolute"));
			return;
		}
		if (draft.paths.includes(path)) {
			setWrong(t("wizard.already"));
			return;
		}
		change({ paths: addPath(draft.paths, path) });
		setTyped("");
		setWrong(undefined);
	};
	return (
		<>
			<StepHead
				title={t("wizard.sourceTitle")}
				text={t("wizard.sourceText", { agent: agent?.name ?? t("wizard.machine") })}
			/>
			<div className={css["columns"]}>
				<div>
					{agent === undefined ? null : (
						<FileBrowser agent={agent} paths={draft.paths} onChange={(chosen) => change({ paths: chosen })} />
					)}
				</div>
				<div className={css["side"]}>
					<form onSubmit={add} className={css["typed"]}>
						<TextInput
							label={t("wizard.typePath")}
							description={t("wizard.typePathHelp")}
							value={typed}
							error={wrong}
							onChange={(event) => {
								setTyped(event.currentTarget.value);
								setWrong(undefined);
							}}
						/>
						<Button type="submit" leftSection={<Icon name="plus" />}>
							{t("wizard.addPath")}
						</Button>
					</form>
					<h2 className={css["heading"]}>
						{t("wizard.selected")} <span className="faint num">{draft.paths.length}</span>
					</h2>
					{draft.paths.length === 0 ? <p className="muted">{t("wizard.selectedNone")}</p> : null}
					<ul className={css["chosen"]}>
						{draft.paths.map((path) => (
							<li key={path}>
								<PathText path={path} wrap />
								<ActionIcon
									variant="subtle"
									size={24}
									aria-label={t("wizard.remove", { path })}
									onClick={() => change({ paths: draft.paths.filter((present) => present !== path) })}
								>
									<Icon name="close" size={12} />
								</ActionIcon>
							</li>
						))}
					</ul>
				</div>
			</div>
		</>
	);
}
