import { useTranslation } from "react-i18next";
import type { Run } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { Cell, Table } from "../../ui/Table.tsx";
import { stopwatch } from "../../util/format.ts";
import { Section } from "../Page.tsx";

type Statistics = Run["statistics"];

/** The run's figures beside those of the run before. */
export function Numbers({ run }: { run: Run }) {
	const { t } = useTranslation();
	const format = useFormat();
	const before = run.previous?.statistics;
	type Row = [label: string, key: keyof Statistics, say: (value: number) => string];
	// What a restore transfers is what it writes to the target; it reads and sends nothing.
	const data: Row[] =
		run.type === "restore"
			? [
					[t("run.written"), "bytes_uploaded", format.size],
					[t("run.filesWritten"), "files", format.count],
				]
			: [
					[t("run.figures.read"), "bytes_read", format.size],
					[t("run.figures.new"), "bytes_new", format.size],
					[t("run.figures.uploaded"), "bytes_uploaded", format.size],
					[t("run.figures.files"), "files", format.count],
					[t("run.figures.cached"), "cached_files", format.count],
				];
	const rows: Row[] = [
		...data,
		[t("run.figures.skipped"), "errors", format.count],
		[t("run.figures.duration"), "duration_seconds", stopwatch],
	];
	const known = rows.filter(([, key]) => run.statistics[key] !== null && run.statistics[key] !== undefined);
	if (known.length === 0) return null;
	const words = (statistics: Statistics | undefined, key: keyof Statistics, say: (value: number) => string) => {
		const value = statistics?.[key];
		return value === null || value === undefined ? t("common.unknown") : say(value);
	};
	return (
		<Section title={t("run.numbers")}>
			<Table
				label={t("run.numbers")}
				dense
				head={[
					{ name: t("common.name"), silent: true },
					{ name: t("run.thisRun"), align: "right" },
					...(before === undefined ? [] : [{ name: t("run.previousRun"), align: "right" as const }]),
				]}
			>
				{known.map(([label, key, say]) => (
					<tr key={key}>
						<Cell>{label}</Cell>
						<Cell align="right" strong>
							{words(run.statistics, key, say)}
						</Cell>
						{before === undefined ? null : <Cell align="right">{words(before, key, say)}</Cell>}
					</tr>
				))}
			</Table>
		</Section>
	);
}
