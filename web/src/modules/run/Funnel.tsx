import { useTranslation } from "react-i18next";
import type { Run } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { Bar } from "../../ui/Bar.tsx";
import { savedPercent } from "../../util/estimate.ts";
import { Section } from "../Page.tsx";
import css from "./funnel.module.css";

/** Read, new and uploaded on the scale of the total, with what did not have to be sent. A restore shows what it wrote. */
export function Funnel({ run }: { run: Run }) {
	const { t } = useTranslation();
	const format = useFormat();
	const { bytes_processed: read, bytes_transferred: sent, bytes_total: total } = run.progress;
	const scale = total ?? read ?? undefined;
	const share = (bytes: number | null | undefined) =>
		scale === undefined || bytes === null || bytes === undefined ? 0 : scale === 0 ? 100 : (bytes / scale) * 100;
	const ofTotal = total === null || total === undefined ? "" : t("run.ofTotal", { size: format.size(total) });
	if (run.type === "restore") {
		return (
			<Section title={t("run.data")}>
				<Row label={t("run.written")} value={format.size(sent)} share={share(sent)} note={ofTotal} />
			</Section>
		);
	}
	const fresh = run.statistics.bytes_new;
	const ofRead = (bytes: number | null | undefined) =>
		bytes === null || bytes === undefined || !read ? "" : format.percent((bytes / read) * 100, 1);
	return (
		<Section title={t("run.data")} more={<Savings run={run} />}>
			<Row label={t("run.read")} value={format.size(read)} share={share(read)} note={ofTotal} />
			{fresh === null || fresh === undefined ? null : (
				<Row
					label={t("run.new")}
					value={format.size(fresh)}
					share={share(fresh)}
					note={read ? t("run.ofRead", { percent: ofRead(fresh) }) : ""}
				/>
			)}
			<Row
				label={t("run.uploaded")}
				value={format.size(sent)}
				share={share(sent)}
				note={sent && read ? t("run.compressed", { percent: ofRead(sent) }) : ""}
			/>
		</Section>
	);
}

function Row({ label, value, share, note }: { label: string; value: string; share: number; note: string }) {
	return (
		<div className={css["row"]}>
			<span className="muted">{label}</span>
			<strong className="num">{value}</strong>
			<Bar value={share} label={label} />
			<span className="faint small num">{note}</span>
		</div>
	);
}

/** How much did not have to be sent. */
function Savings({ run }: { run: Run }) {
	const { t } = useTranslation();
	const format = useFormat();
	const read = run.progress.bytes_processed ?? 0;
	const sent = run.progress.bytes_transferred ?? 0;
	const active = run.status === "starting" || run.status === "running";
	if (read > 0 && sent === 0 && active) return <span className="faint">{t("run.scanning")}</span>;
	if (read > 0 && sent === 0 && run.status === "success")
		return <span className={css["saved"]}>{t("run.savedAll")}</span>;
	const saved = run.progress.savings_percent ?? savedPercent(read, sent);
	if (saved === undefined || saved === null || saved <= 0.5) return null;
	return (
		<span>
			<span className={css["saved"]}>{t("run.saved", { percent: format.percent(saved, 1) })}</span>{" "}
			<span className="muted">{t("run.savedText")}</span>
		</span>
	);
}
