import { Button, Checkbox, PasswordInput, Radio, Select, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { agentsQuery } from "../api/queries/agents.ts";
import { createVault, testStorage } from "../api/queries/vaults.ts";
import type { Agent, StorageInput } from "../api/types.ts";
import { emptyVault, type VaultForm, vaultStorage } from "../forms/vault.ts";
import { useFieldProblems } from "../hooks/use-field-problems.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { Columns, Page, Section, TrailLink } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { TestResult } from "../modules/TestResult.tsx";
import { Empty } from "../ui/Empty.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { paths } from "../util/paths.ts";
import css from "./vault-new.module.css";

export default function VaultNew() {
	const { t } = useTranslation();
	const agents = useQuery(agentsQuery);
	return (
		<Page
			title={t("vaults.new")}
			name={t("vaults.new")}
			trail={<TrailLink to={paths.vaults()}>{t("vaults.title")}</TrailLink>}
		>
			<QueryView query={agents}>
				{(page) =>
					page.items.length === 0 ? (
						<Empty
							icon="agents"
							title={t("vaults.noAgent")}
							action={
								<ButtonLink to={paths.agents({ panel: "add" })} variant="filled">
									{t("agents.add")}
								</ButtonLink>
							}
						>
							{t("vaults.noAgentText")}
						</Empty>
					) : (
						<Form agents={page.items} />
					)
				}
			</QueryView>
		</Page>
	);
}

function Form({ agents }: { agents: readonly Agent[] }) {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const navigate = useNavigate();
	const [form, setForm] = useState<VaultForm>(() => ({
		...emptyVault,
		agent: agents.find((agent) => agent.state === "online")?.id ?? agents[0]?.id ?? "",
	}));
	const set = <K extends keyof VaultForm>(key: K, value: VaultForm[K]) => {
		setForm((present) => ({ ...present, [key]: value }));
		test.reset();
	};
	const test = useMutation({ mutationFn: (storage: StorageInput) => testStorage(storage) });
	const create = useMutation({
		mutationFn: createVault,
		onSuccess: async (vault) => {
			queries.setQueryData(keys.vault(vault.id), vault);
			await queries.invalidateQueries({ queryKey: keys.vaults(), exact: true });
			await navigate(paths.vault(vault.id));
		},
	});
	const fieldProblems = useFieldProblems();
	const wrong = new Map([...fieldProblems(test.error), ...fieldProblems(create.error)]);
	const send = (event: FormEvent) => {
		event.preventDefault();
		create.mutate({
			name: form.name.trim(),
			storage: vaultStorage(form),
			...(form.ownPassword && form.password !== "" ? { repository_password: form.password } : {}),
		});
	};
	return (
		<form onSubmit={send}>
			<Columns
				main={
					<div className={css["form"]}>
						<TextInput
							label={t("vaults.name")}
							description={t("vaults.nameHelp")}
							required
							withAsterisk={false}
							maxLength={100}
							value={form.name}
							error={wrong.get("/name")}
							onChange={(event) => set("name", event.currentTarget.value)}
						/>
						<Radio.Group
							label={t("vaults.kind")}
							value={form.kind}
							onChange={(value) => set("kind", value === "directory" ? "directory" : "s3")}
						>
							<div className={css["choices"]}>
								<Radio value="s3" label={t("vaults.kindS3")} description={t("vaults.kindS3Text")} />
								<Radio
									value="directory"
									label={t("vaults.kindDirectory")}
									description={t("vaults.kindDirectoryText")}
								/>
							</div>
						</Radio.Group>
						{form.kind === "s3" ? (
							<S3Fields form={form} set={set} wrong={wrong} />
						) : (
							<DirectoryFields form={form} set={set} wrong={wrong} agents={agents} />
						)}
						<Checkbox
							label={t("vaults.passwordOwn")}
							checked={form.ownPassword}
							onChange={(event) => set("ownPassword", event.currentTarget.checked)}
						/>
						{form.ownPassword ? (
							<PasswordInput
								label={t("vaults.password")}
								description={t("vaults.passwordHelp")}
								autoComplete="new-password"
								visibilityToggleButtonProps={{ "aria-label": t("common.showPassword") }}
								value={form.password}
								error={wrong.get("/repository_password")}
								onChange={(event) => set("password", event.currentTarget.value)}
							/>
						) : null}
					</div>
				}
				side={
					<Section title={t("vaults.test")}>
						<p className="muted">{t("vaults.testFirst")}</p>
						<div className={css["test"]}>
							<Button loading={test.isPending} onClick={() => test.mutate(vaultStorage(form))}>
								{test.isPending ? t("vaults.testing") : t("vaults.test")}
							</Button>
						</div>
						{test.data === undefined ? null : <TestResult result={test.data} />}
						{test.error === null ? null : <ErrorText words={words(test.error)} />}
					</Section>
				}
			/>
			{create.error === null ? null : (
				<div className={css["error"]}>
					<ErrorText words={words(create.error)} />
				</div>
			)}
			<div className={css["foot"]}>
				<Button type="submit" variant="filled" loading={create.isPending}>
					{create.isPending ? t("vaults.creating") : t("vaults.create")}
				</Button>
				<ButtonLink to={paths.vaults()}>{t("common.cancel")}</ButtonLink>
			</div>
		</form>
	);
}

interface Fields {
	form: VaultForm;
	set: <K extends keyof VaultForm>(key: K, value: VaultForm[K]) => void;
	wrong: ReadonlyMap<string, string>;
}

function S3Fields({ form, set, wrong }: Fields) {
	const { t } = useTranslation();
	return (
		<>
			<TextInput
				label={t("vaults.endpoint")}
				description={t("vaults.endpointHelp")}
				required
				withAsterisk={false}
				inputMode="url"
				value={form.endpoint}
				error={wrong.get("/storage/endpoint")}
				onChange={(event) => set("endpoint", event.currentTarget.value)}
			/>
			<div className={css["pair"]}>
				<TextInput
					label={t("vaults.bucket")}
					required
					withAsterisk={false}
					value={form.bucket}
					error={wrong.get("/storage/bucket")}
					onChange={(event) => set("bucket", event.currentTarget.value)}
				/>
				<TextInput
					label={`${t("vaults.region")} ${t("common.optional")}`}
					value={form.region}
					error={wrong.get("/storage/region")}
					onChange={(event) => set("region", event.currentTarget.value)}
				/>
			</div>
			<TextInput
				label={`${t("vaults.prefix")} ${t("common.optional")}`}
				description={t("vaults.prefixHelp")}
				value={form.prefix}
				error={wrong.get("/storage/prefix")}
				onChange={(event) => set("prefix", event.currentTarget.value)}
			/>
			<TextInput
				label={t("vaults.accessKey")}
				required
				withAsterisk={false}
				autoComplete="off"
				value={form.accessKey}
				error={wrong.get("/storage/access_key_id")}
				onChange={(event) => set("accessKey", event.currentTarget.value)}
			/>
			<PasswordInput
				label={t("vaults.secretKey")}
				description={t("vaults.secretHelp")}
				required
				withAsterisk={false}
				autoComplete="off"
				visibilityToggleButtonProps={{ "aria-label": t("common.showPassword") }}
				value={form.secretKey}
				error={wrong.get("/storage/secret_access_key")}
				onChange={(event) => set("secretKey", event.currentTarget.value)}
			/>
		</>
	);
}

function DirectoryFields({ form, set, wrong, agents }: Fields & { agents: readonly Agent[] }) {
	const { t } = useTranslation();
	return (
		<>
			<Select
				label={t("vaults.machine")}
				data={agents.map((agent) => ({
					value: agent.id,
					label: agent.state === "online" ? agent.name : `${agent.name}, ${t(`status.${agent.state}`)}`,
				}))}
				allowDeselect={false}
				value={form.agent}
				error={wrong.get("/storage/agent_id")}
				onChange={(value) => set("agent", value ?? "")}
			/>
			<TextInput
				label={t("vaults.path")}
				description={t("vaults.pathHelp")}
				required
				withAsterisk={false}
				value={form.path}
				error={wrong.get("/storage/path")}
				onChange={(event) => set("path", event.currentTarget.value)}
			/>
		</>
	);
}
