import { useTranslation } from "react-i18next";
import type { Agent } from "../../api/types.ts";
import { otherCauses, sums } from "../../forms/rule-counts.ts";
import type { FileCount } from "../../hooks/use-file-count.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { useWording } from "../../hooks/use-wording.ts";
import { ErrorText } from "../../ui/ErrorText.tsx";
import { Figures } from "../../ui/Figures.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { PathText } from "../../ui/PathText.tsx";
import css from "./count-panel.module.css";

/** What the job would protect, counted on the machine while the rules are made. */
export function CountPanel({ agent, count }: { agent: Agent | undefined; count: FileCount }) {
	const { t } = useTranslation();
	const words = useWording();
	const online = agent?.state === "online";
	return (
		<section className={css["panel"]} aria-label={t("wizard.countTitle")} aria-busy={count.counting}>
			<div className={css["head"]}>
				<h2>{t("wizard.countTitle")}</h2>
				<span className="muted small" role="status">
					{count.counting ? t("wizard.counting") : ""}
				</span>
			</div>
			{agent === undefined || online ? null : (
				<p className="muted">{t("wizard.countOffline", { agent: agent.name })}</p>
			)}
			{count.error === undefined ? null : <ErrorText words={words(count.error)} />}
			<Counts count={count} />
		</section>
	);
}

function Counts({ count }: { count: FileCount }) {
	const { t } = useTranslation();
	const format = useFormat();
	const { counts } = count;
	if (counts === undefined) return null;
	const sum = sums(counts);
	const size = format.sizeParts(sum.bytes);
	const left = format.sizeParts(sum.leftBytes);
	const others = otherCauses(counts);
	return (
		<>
			<Figures
				figures={[
					{ label: t(counts.complete ? "common.files" : "wizard.filesSoFar"), value: format.count(sum.files) },
					{ label: t("wizard.toRead"), value: size.value, unit: size.unit },
					{
						label: t("wizard.leftOut"),
						value: left.value,
						unit: left.unit,
						note: format.files(sum.leftFiles),
					},
				]}
			/>
			{counts.complete && sum.files === 0 ? <Notice tone="bad" title={t("wizard.countNothing")} /> : null}
			{counts.unreadable === 0 ? null : (
				<Notice tone="warn" title={t("wizard.unreadable", { count: counts.unreadable })}>
					{counts.unreadable_examples.map((path) => (
						<div key={path}>
							<PathText path={path} wrap />
						</div>
					))}
				</Notice>
			)}
			{others.length === 0 ? null : (
				<ul className={css["causes"]} aria-label={t("wizard.otherCauses")}>
					{others.map((cause) => (
						<li key={cause.by}>
							<span>{t(`wizard.cause.${cause.by}`)}</span>
							<span className="muted num">
								{cause.files === 0
									? t("wizard.folders", { count: cause.dirs })
									: `${format.files(cause.files)}, ${format.size(cause.bytes)}`}
							</span>
							{cause.examples.map((path) => (
								<span key={path} className={`faint small ${css["example"]}`}>
									<PathText path={path} wrap />
								</span>
							))}
						</li>
					))}
				</ul>
			)}
		</>
	);
}
