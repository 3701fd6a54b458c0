import { useTranslation } from "react-i18next";
import type { Vault } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Bar } from "../ui/Bar.tsx";
import { KeyValues } from "../ui/KeyValues.tsx";
import { Notice } from "../ui/Notice.tsx";
import css from "./maintenance-section.module.css";
import { Section } from "./Page.tsx";

/** How much of a vault was read back and checked, by how long ago. */
export function ReadBackSection({ vault }: { vault: Vault }) {
	const { t } = useTranslation();
	const format = useFormat();
	const { coverage, coverage_at: at } = vault.maintenance;
	if (!coverage || !at) {
		return (
			<Section title={t("readBack.title")}>
				<p className="muted">{t("readBack.none")}</p>
			</Section>
		);
	}
	const row = (label: string, bytes: number) => {
		const percent = coverage.bytes === 0 ? 0 : (bytes / coverage.bytes) * 100;
		const text = t("readBack.share", { percent: format.percent(percent, 0), size: format.size(bytes) });
		return [
			label,
			<div key={label} className={css["share"]}>
				<Bar value={percent} label={`${label}: ${text}`} />
				<span>{text}</span>
			</div>,
		] as const;
	};
	const ages = coverage.ages.map((age) =>
		row(age.up_to_days ? t("readBack.upTo", { count: age.up_to_days }) : t("readBack.longer"), age.bytes),
	);
	return (
		<Section title={t("readBack.title")}>
			<div className={css["body"]}>
				{coverage.damaged === 0 ? null : (
					<Notice tone="bad" title={t("readBack.damaged", { count: coverage.damaged })}>
						<ul>
							{(coverage.damage ?? []).map((damage) => (
								<li key={damage}>
									<bdi>{damage}</bdi>
								</li>
							))}
						</ul>
					</Notice>
				)}
				<p className="muted">{t("readBack.text", { count: coverage.window_days, time: format.moment(at) })}</p>
				<KeyValues
					rows={[
						...ages,
						row(t("readBack.never"), coverage.never_read_bytes),
						...(coverage.overdue_bytes === 0 ? [] : [row(t("readBack.overdue"), coverage.overdue_bytes)]),
					]}
				/>
			</div>
		</Section>
	);
}
