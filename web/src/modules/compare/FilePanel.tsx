import { ActionIcon, Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { ComparedEntry, EntryState } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { ChangeMark } from "../../ui/ChangeMark.tsx";
import { Icon } from "../../ui/Icon.tsx";
import { PathText } from "../../ui/PathText.tsx";
import { visibleText } from "../../util/format.ts";
import css from "./file-panel.module.css";
import { canComeBack } from "./requests.ts";

/** One file in both points, attribute by attribute. */
export function FilePanel({
	path,
	entry,
	heads,
	onClose,
	onRestore,
}: {
	/** Inside the source path. */
	path: string;
	entry: ComparedEntry;
	/** The two points in words. */
	heads: readonly [before: string, after: string];
	onClose: () => void;
	onRestore: () => void;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const name = visibleText(path.split("/").at(-1) ?? path);
	const rows: [label: string, words: (state: EntryState) => string][] = [
		[t("common.size"), (state) => `${format.count(state.size)} B`],
		[t("compare.modified"), (state) => format.longMoment(state.modified)],
		[t("compare.rights"), (state) => state.mode],
	];
	return (
		<aside className={css["panel"]} aria-label={t("compare.file")}>
			<div className={css["head"]}>
				<h2>
					<bdi>{name}</bdi>
				</h2>
				<ActionIcon variant="subtle" size={28} aria-label={t("common.close")} onClick={onClose}>
					<Icon name="close" size={14} />
				</ActionIcon>
			</div>
			<PathText path={path} wrap />
			{entry.change === "inside" ? null : (
				<p className={css["change"]}>
					<ChangeMark change={entry.change} /> {t(`compare.word.${entry.change}`)}
				</p>
			)}
			<table className={css["table"]} aria-label={name}>
				<thead>
					<tr>
						<td />
						<th scope="col">{heads[0]}</th>
						<th scope="col">{heads[1]}</th>
					</tr>
				</thead>
				<tbody>
					{rows.map(([label, words]) => {
						const before = entry.before ? words(entry.before) : undefined;
						const after = entry.after ? words(entry.after) : undefined;
						return (
							<tr key={label}>
								<th scope="row">{label}</th>
								<td className="num">{before ?? ""}</td>
								<td className="num">{before !== undefined && before === after ? t("compare.same") : (after ?? "")}</td>
							</tr>
						);
					})}
				</tbody>
			</table>
			{canComeBack(entry) ? (
				<Button fullWidth leftSection={<Icon name="restore" />} onClick={onRestore}>
					{t("compare.restoreVersion", { time: heads[0] })}
				</Button>
			) : null}
		</aside>
	);
}
