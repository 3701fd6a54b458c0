import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Overview, OverviewVault } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { paths } from "../../util/paths.ts";
import { ActionButton } from "../ActionButton.tsx";
import { Section } from "../Page.tsx";
import { useForecastWords, VaultGrowth } from "../VaultGrowth.tsx";
import css from "./storage.module.css";

const CapacityDialog = lazy(() => import("../CapacityDialog.tsx"));

/** Vaults of the start page; the rest is behind a link. */
const shown = 4;

/** How full the vaults are, and when they will be; the one that is full first with its chart. */
export function Storage({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	const [first, ...others] = overview.vaults.slice(0, shown);
	return (
		<Section title={t("overview.storage")} more={<Link {...paths.vaults()}>{t("nav.vaults")}</Link>}>
			{first === undefined ? (
				<p className="muted">{t("overview.storageNone")}</p>
			) : (
				<>
					<Used vault={first} />
					<VaultGrowth id={first.id} name={first.name} />
					<Forecast vault={first} />
				</>
			)}
			{others.map((vault) => (
				<div key={vault.id} className={css["other"]}>
					<Used vault={vault} small />
					<Line vault={vault} />
				</div>
			))}
		</Section>
	);
}

function Used({ vault, small = false }: { vault: OverviewVault; small?: boolean }) {
	const { t } = useTranslation();
	const format = useFormat();
	const { stored_bytes: stored, capacity_bytes: capacity } = vault.fill;
	const used = format.sizeParts(stored ?? vault.sent_bytes ?? 0);
	return (
		<p>
			<span className={`${small ? css["small"] : css["figure"]} num`}>
				{used.value} {used.unit}
			</span>{" "}
			<span className="muted">
				{stored === null || stored === undefined
					? t("overview.storageSent")
					: capacity
						? t("overview.storageOf", { size: format.size(capacity) })
						: t("overview.storageIn")}{" "}
			</span>
			<Link {...paths.vault(vault.id)}>{vault.name}</Link>
		</p>
	);
}

/** What can be said of the future, with the way to say how much the vault may hold. */
function Forecast({ vault }: { vault: OverviewVault }) {
	const { t } = useTranslation();
	const words = useForecastWords();
	const [asking, setAsking] = useState(false);
	const unmeasured = !vault.fill.measured_at;
	const forecast = words(vault.fill);
	return (
		<div className={css["forecast"]}>
			<p>
				{forecast.title === undefined || unmeasured ? null : <strong>{`${forecast.title}. `}</strong>}
				{unmeasured ? t("growth.unmeasured") : forecast.text}
			</p>
			{forecast.title === undefined ? null : <Link {...paths.vault(vault.id)}>{t("growth.whatFreed")}</Link>}
			{vault.fill.capacity_from === "free_space" ? <p className="faint small">{t("growth.fromDisk")}</p> : null}
			<ActionButton actions={vault.actions} name="update" size="xs" onClick={() => setAsking(true)}>
				{t(vault.fill.capacity_from === "quota" ? "growth.changeCapacity" : "growth.setCapacity")}
			</ActionButton>
			<Suspense fallback={null}>
				{asking ? <CapacityDialog id={vault.id} name={vault.name} onClose={() => setAsking(false)} /> : null}
			</Suspense>
		</div>
	);
}

function Line({ vault }: { vault: OverviewVault }) {
	const { t } = useTranslation();
	const words = useForecastWords();
	const forecast = words(vault.fill);
	return (
		<p className="faint small">{vault.fill.measured_at ? (forecast.title ?? forecast.text) : t("growth.unmeasured")}</p>
	);
}
