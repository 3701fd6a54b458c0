import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { failureWording } from "../api/errors.ts";
import { keys } from "../api/keys.ts";
import { useFallbackInterval } from "../api/live.ts";
import { createRepository, deleteVault, testVault, vaultQuery } from "../api/queries/vaults.ts";
import type { Vault } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useKnownTexts, useWording } from "../hooks/use-wording.ts";
import { ActionButton } from "../modules/ActionButton.tsx";
import { MaintenanceSection } from "../modules/MaintenanceSection.tsx";
import { Columns, Page, Section, TrailLink } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { ReadBackSection } from "../modules/ReadBackSection.tsx";
import { TestResult } from "../modules/TestResult.tsx";
import { useVaultPlace, VaultState } from "../modules/VaultPlace.tsx";
import { ConfirmDialog } from "../ui/ConfirmDialog.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Figures } from "../ui/Figures.tsx";
import { KeyValues } from "../ui/KeyValues.tsx";
import { PathText } from "../ui/PathText.tsx";
import { paths } from "../util/paths.ts";
import css from "./vault.module.css";

const KitDialog = lazy(() => import("../modules/KitDialog.tsx"));
const route = getRouteApi("/signed-in/vaults/$vault");

/** How full, how safe, and how the data is reached without this server. */
export default function VaultPage() {
	const { t } = useTranslation();
	const words = useWording();
	const { vault: id } = route.useParams();
	const pace = useFallbackInterval(3_000);
	const query = useQuery({
		...vaultQuery(id),
		refetchInterval: (present) => (present.state.data?.state === "ready" ? pace : 2_000),
	});
	const queries = useQueryClient();
	const navigate = useNavigate();
	const [dialog, setDialog] = useState<"none" | "kit" | "delete">("none");
	const test = useMutation({
		mutationFn: () => testVault(id),
		onSettled: () => queries.invalidateQueries({ queryKey: keys.vault(id) }),
	});
	const remove = useMutation({
		mutationFn: deleteVault,
		onSuccess: async () => {
			await navigate(paths.vaults());
			queries.removeQueries({ queryKey: keys.vault(id) });
			await queries.invalidateQueries({ queryKey: keys.vaults() });
		},
	});
	const vault = query.data;
	return (
		<Page
			title={vault?.name ?? t("vaults.title")}
			name={vault?.name ?? t("vaults.title")}
			trail={<TrailLink to={paths.vaults()}>{t("vaults.title")}</TrailLink>}
			beside={vault === undefined ? null : <VaultState vault={vault} />}
			actions={
				vault === undefined ? null : (
					<>
						<ActionButton actions={vault.actions} name="test" loading={test.isPending} onClick={() => test.mutate()}>
							{test.isPending ? t("vaults.testing") : t("vaults.test")}
						</ActionButton>
						<ActionButton
							actions={vault.actions}
							name="delete"
							variant="danger-outline"
							onClick={() => setDialog("delete")}
						>
							{t("common.delete")}
						</ActionButton>
					</>
				)
			}
		>
			<div className={css["results"]}>
				{test.data === undefined ? null : <TestResult result={test.data} />}
				{test.error === null ? null : <ErrorText words={words(test.error)} />}
			</div>
			<QueryView query={query}>{(data) => <Content vault={data} onKit={() => setDialog("kit")} />}</QueryView>
			{vault === undefined ? null : (
				<>
					<ConfirmDialog
						opened={dialog === "delete"}
						onClose={() => setDialog("none")}
						title={t("vaults.deleteTitle", { name: vault.name })}
						points={[
							{ icon: "cancelled", text: t("vaults.deletePoint1") },
							{ icon: "success", text: t("vaults.deletePoint2") },
						]}
						keep={t("vaults.keep")}
						confirm={t("vaults.deleteSubmit")}
						onConfirm={() => remove.mutate(vault)}
						busy={remove.isPending}
						error={remove.error === null ? null : <ErrorText words={words(remove.error)} />}
					/>
					<Suspense fallback={null}>
						{dialog === "kit" ? <KitDialog vault={vault} onClose={() => setDialog("none")} /> : null}
					</Suspense>
				</>
			)}
		</Page>
	);
}

function Content({ vault, onKit }: { vault: Vault; onKit: () => void }) {
	const { t } = useTranslation();
	const format = useFormat();
	const stored = format.sizeParts(vault.stored_bytes);
	const whole = format.sizeParts(vault.protected_bytes);
	return (
		<>
			<Figures
				figures={[
					{ label: t("vaults.stored"), value: stored.value, unit: stored.unit },
					{ label: t("vaults.protectedData"), value: whole.value, unit: whole.unit },
					{ label: t("vaults.points"), value: format.count(vault.points) },
					{
						label: t("vaults.latest"),
						value: vault.latest_point_at ? format.moment(vault.latest_point_at) : t("common.none"),
					},
				]}
			/>
			<div className={css["rule"]} />
			<Preparing vault={vault} />
			<Columns
				main={
					<>
						<About vault={vault} />
						<Section title={t("vaults.jobs")} count={vault.jobs.length}>
							{vault.jobs.length === 0 ? <p className="muted">{t("vaults.jobsNone")}</p> : null}
							<ul className="link-list">
								{vault.jobs.map((job) => (
									<li key={job.id}>
										<Link {...paths.job(job.id)}>{job.name}</Link>
									</li>
								))}
							</ul>
						</Section>
					</>
				}
				side={
					<>
						<Section
							title={t("vaults.kit")}
							more={
								<span className="faint small">
									{vault.kit_shown_at
										? t("vaults.kitShown", { time: format.moment(vault.kit_shown_at) })
										: t("vaults.kitNever")}
								</span>
							}
						>
							<p className="muted">{t("vaults.kitText")}</p>
							<div className={css["kit"]}>
								<ActionButton actions={vault.actions} name="kit" onClick={onKit}>
									{t("vaults.kitShow")}
								</ActionButton>
							</div>
						</Section>
						{vault.state === "ready" ? (
							<>
								<MaintenanceSection vault={vault} />
								<ReadBackSection vault={vault} />
							</>
						) : null}
					</>
				}
			/>
		</>
	);
}

/** What stands between a new vault and its first backup. */
function Preparing({ vault }: { vault: Vault }) {
	const { t } = useTranslation();
	const words = useWording();
	const known = useKnownTexts();
	const queries = useQueryClient();
	const create = useMutation({
		mutationFn: () => createRepository(vault.id),
		onSettled: () => queries.invalidateQueries({ queryKey: keys.vault(vault.id) }),
	});
	if (vault.state === "ready") return null;
	const button = (
		<Button loading={create.isPending} onClick={() => create.mutate()}>
			{t("vaults.createRepository")}
		</Button>
	);
	const failure = create.error === null ? vault.failure : null;
	return (
		<div className={css["results"]}>
			{create.error === null ? null : <ErrorText words={words(create.error)} action={button} />}
			{failure ? <ErrorText words={failureWording(failure, known)} action={button} /> : null}
			{!failure && create.error === null && vault.state === "new" ? <p>{button}</p> : null}
		</div>
	);
}

function About({ vault }: { vault: Vault }) {
	const { t } = useTranslation();
	const format = useFormat();
	const place = useVaultPlace();
	const { storage } = vault;
	return (
		<Section title={t("vaults.about")}>
			<KeyValues
				rows={[
					[t("vaults.place"), place(vault)],
					...(storage.kind === "s3"
						? ([
								[t("vaults.endpointLabel"), storage.endpoint],
								[t("vaults.accessKey"), storage.access_key_id],
							] as const)
						: ([[t("vaults.pathLabel"), <PathText key="path" path={storage.path} wrap />]] as const)),
					[t("vaults.executor"), vault.executor?.name ?? t("vaults.executorNone")],
					[
						t("vaults.tested"),
						vault.last_test
							? t(vault.last_test.ok ? "vaults.testedOk" : "vaults.testedBad", { age: format.age(vault.last_test.at) })
							: t("common.never"),
					],
					[t("vaults.created"), format.moment(vault.created_at)],
				]}
			/>
		</Section>
	);
}
