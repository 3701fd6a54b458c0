import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { failureWording } from "../api/errors.ts";
import { keys } from "../api/keys.ts";
import { maintainVault } from "../api/queries/vaults.ts";
import type { MaintenanceRun, Vault } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useKnownTexts, useWording } from "../hooks/use-wording.ts";
import { ErrorText } from "../ui/ErrorText.tsx";
import { KeyValues } from "../ui/KeyValues.tsx";
import { Notice } from "../ui/Notice.tsx";
import { StatusIcon } from "../ui/StatusIcon.tsx";
import { ActionButton } from "./ActionButton.tsx";
import css from "./maintenance-section.module.css";
import { Section } from "./Page.tsx";

/** Who keeps a vault in order, what that did last, when it comes next, and the way to have it done now. */
export function MaintenanceSection({ vault }: { vault: Vault }) {
	const { t } = useTranslation();
	const format = useFormat();
	const words = useWording();
	const known = useKnownTexts();
	const queries = useQueryClient();
	const { maintenance } = vault;
	const start = useMutation({
		mutationFn: () => maintainVault(vault.id),
		onSettled: () => queries.invalidateQueries({ queryKey: keys.vault(vault.id) }),
	});
	const next = (at: string | null | undefined) => (at ? format.moment(at) : t("common.unknown"));
	const problems = [...(maintenance.full?.problems ?? []), ...(maintenance.quick?.problems ?? [])];
	const later = (maintenance.full?.later ?? []).filter((freed) => freed.bytes > 0);
	return (
		<Section
			title={t("maintenance.title")}
			more={
				<ActionButton
					actions={vault.actions}
					name="maintain"
					loading={start.isPending || Boolean(maintenance.running)}
					onClick={() => start.mutate()}
				>
					{t("maintenance.now")}
				</ActionButton>
			}
		>
			<div className={css["body"]}>
				{start.error === null ? null : <ErrorText words={words(start.error)} />}
				{maintenance.foreign_owner ? (
					<Notice tone="info" title={t("maintenance.foreign", { owner: maintenance.foreign_owner })}>
						{t("maintenance.foreignText")}
					</Notice>
				) : null}
				{maintenance.failure ? (
					<ErrorText
						words={failureWording(maintenance.failure, known)}
						action={
							maintenance.failing_since ? (
								<span className="muted">
									{t("maintenance.failingSince", { time: format.moment(maintenance.failing_since) })}
								</span>
							) : null
						}
					/>
				) : null}
				{problems.length === 0 ? null : (
					<Notice tone="bad" title={t("maintenance.problems", { count: problems.length })}>
						<ul>
							{problems.map((problem) => (
								<li key={problem}>
									<bdi>{problem}</bdi>
								</li>
							))}
						</ul>
					</Notice>
				)}
				<KeyValues
					rows={[
						[t("maintenance.quick"), <Last key="quick" run={maintenance.quick} />],
						[t("maintenance.full"), <Last key="full" run={maintenance.full} frees />],
						...(later.length === 0
							? []
							: ([
									[
										t("maintenance.later"),
										later.map((freed) => (
											<div key={`${freed.from} ${freed.blobs}`}>
												{t("maintenance.laterFrom", {
													size: format.size(freed.bytes),
													time: format.moment(freed.from),
												})}
											</div>
										)),
									],
								] as const)),
						[t("maintenance.nextQuick"), next(maintenance.next_quick_at)],
						[t("maintenance.nextFull"), next(maintenance.next_full_at)],
						[t("maintenance.doneBy"), maintenance.agent?.name ?? t("maintenance.doneByNone")],
					]}
				/>
			</div>
		</Section>
	);
}

function Last({ run, frees = false }: { run: MaintenanceRun | null | undefined; frees?: boolean }) {
	const { t } = useTranslation();
	const format = useFormat();
	if (!run) return t("common.never");
	const values = {
		time: format.moment(run.at),
		duration: format.duration(Math.max(1, Math.round(run.seconds))),
		size: format.size(run.freed_bytes),
	};
	return (
		<span className={css["last"]}>
			<StatusIcon status="success" size={14} label={t("status.success")} />
			{t(frees ? "maintenance.lastFreed" : "maintenance.last", values)}
		</span>
	);
}
