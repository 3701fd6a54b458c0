import { Button, Checkbox, Group, Modal, MultiSelect, PasswordInput, Radio, Select, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { jobsQuery } from "../api/queries/jobs.ts";
import { createChannel, testUnsaved, updateChannel } from "../api/queries/notifications.ts";
import type { NotificationChannel, Severity } from "../api/types.ts";
import {
	type ChannelForm,
	channelForm,
	channelRules,
	channelSecret,
	channelTarget,
	emptyChannel,
	runResults,
	usualPort,
} from "../forms/channel.ts";
import { useFieldProblems } from "../hooks/use-field-problems.ts";
import { useWording } from "../hooks/use-wording.ts";
import { CommandBlock } from "../ui/CommandBlock.tsx";
import { CopyButton } from "../ui/CopyButton.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Notice } from "../ui/Notice.tsx";
import css from "./channel-dialog.module.css";
import { DeliveryResult } from "./DeliveryResult.tsx";

interface Fields {
	form: ChannelForm;
	set: (change: Partial<ChannelForm>) => void;
	wrong: ReadonlyMap<string, string>;
}

/** Makes or changes a channel; it can be tried before it is saved. */
export default function ChannelDialog({ channel, onClose }: { channel?: NotificationChannel; onClose: () => void }) {
	const { t, i18n } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const [form, setForm] = useState<ChannelForm>(() =>
		channel === undefined ? emptyChannel(i18n.language === "de" ? "de" : "en") : channelForm(channel),
	);
	const test = useMutation({
		mutationFn: () =>
			testUnsaved({
				...(channel === undefined ? {} : { channel_id: channel.id }),
				language: form.language,
				target: channelTarget(form),
				...channelSecret(form),
			}),
	});
	const save = useMutation({
		mutationFn: async () => {
			const body = {
				name: form.name.trim(),
				language: form.language,
				target: channelTarget(form),
				rules: channelRules(form),
				...channelSecret(form),
			};
			if (channel !== undefined) {
				await updateChannel(channel, body);
				return undefined;
			}
			return (await createChannel(body)).signing_secret ?? undefined;
		},
		onSuccess: async (secret) => {
			await queries.invalidateQueries({ queryKey: keys.channels() });
			if (secret === undefined) onClose();
		},
	});
	const set = (change: Partial<ChannelForm>) => {
		setForm((present) => ({ ...present, ...change }));
		test.reset();
	};
	const fieldProblems = useFieldProblems();
	const wrong = new Map([...fieldProblems(test.error), ...fieldProblems(save.error)]);
	const send = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};
	const title = channel === undefined ? t("notifications.new") : t("notifications.editTitle", { name: channel.name });
	const close = { "aria-label": t("common.close") };
	if (save.data !== undefined) {
		return (
			<Modal opened onClose={onClose} title={t("notifications.secretTitle")} size={640} closeButtonProps={close}>
				<div className={css["form"]}>
					<p>{t("notifications.secretText")}</p>
					<CommandBlock command={save.data} />
					<CopyButton text={save.data} label={t("common.copy")} />
					<Group justify="flex-end">
						<Button variant="filled" onClick={onClose}>
							{t("notifications.secretDone")}
						</Button>
					</Group>
				</div>
			</Modal>
		);
	}
	return (
		<Modal opened onClose={onClose} title={title} size={640} closeButtonProps={close}>
			<form onSubmit={send} className={css["form"]}>
				<TextInput
					label={t("common.name")}
					required
					withAsterisk={false}
					maxLength={100}
					data-autofocus
					value={form.name}
					error={wrong.get("/name")}
					onChange={(event) => set({ name: event.currentTarget.value })}
				/>
				<Radio.Group
					label={t("notifications.kind")}
					value={form.kind}
					onChange={(value) => set({ kind: value === "webhook" ? "webhook" : "email" })}
				>
					<div className={css["choices"]}>
						<Radio value="email" label={t("notifications.kindEmail")} />
						<Radio value="webhook" label={t("notifications.kindWebhook")} />
					</div>
				</Radio.Group>
				{form.kind === "email" ? (
					<MailFields form={form} set={set} wrong={wrong} stored={channel?.has_secret === true} />
				) : (
					<WebhookFields form={form} set={set} wrong={wrong} stored={channel?.target.kind === "webhook"} />
				)}
				<Select
					label={t("notifications.language")}
					allowDeselect={false}
					data={[
						{ value: "en", label: "English" },
						{ value: "de", label: "Deutsch" },
					]}
					value={form.language}
					onChange={(value) => set({ language: value === "de" ? "de" : "en" })}
				/>
				<RuleFields form={form} set={set} wrong={wrong} />
				<div className={css["test"]}>
					<Button loading={test.isPending} onClick={() => test.mutate()}>
						{test.isPending ? t("notifications.testing") : t("notifications.test")}
					</Button>
				</div>
				{test.data === undefined ? null : <DeliveryResult delivery={test.data} />}
				{test.error === null ? null : <ErrorText words={words(test.error)} />}
				{save.error === null ? null : <ErrorText words={words(save.error)} />}
				<Group justify="flex-end" gap="xs">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" variant="filled" loading={save.isPending}>
						{t("notifications.save")}
					</Button>
				</Group>
			</form>
		</Modal>
	);
}

function MailFields({ form, set, wrong, stored }: Fields & { stored: boolean }) {
	const { t } = useTranslation();
	return (
		<>
			<div className={css["pair"]}>
				<TextInput
					label={t("notifications.host")}
					required
					withAsterisk={false}
					value={form.host}
					error={wrong.get("/target/host")}
					onChange={(event) => set({ host: event.currentTarget.value })}
				/>
				<TextInput
					label={t("notifications.port")}
					inputMode="numeric"
					required
					withAsterisk={false}
					value={form.port}
					error={wrong.get("/target/port")}
					onChange={(event) => set({ port: event.currentTarget.value })}
				/>
			</div>
			<Select
				label={t("notifications.encryption")}
				allowDeselect={false}
				data={(["starttls", "tls", "none"] as const).map((value) => ({
					value,
					label: t(`notifications.encryptions.${value}`),
				}))}
				value={form.encryption}
				onChange={(value) => {
					const encryption = value === "tls" || value === "none" ? value : "starttls";
					set({ encryption, port: usualPort[encryption] });
				}}
			/>
			{form.encryption === "none" ? <Notice tone="warn" title={t("notifications.inClear")} /> : null}
			<TextInput
				label={`${t("notifications.user")} ${t("common.optional")}`}
				autoComplete="off"
				value={form.user}
				error={wrong.get("/target/user")}
				onChange={(event) => set({ user: event.currentTarget.value })}
			/>
			{form.user === "" ? null : (
				<PasswordInput
					label={t("notifications.password")}
					description={stored ? t("notifications.stored") : undefined}
					autoComplete="off"
					visibilityToggleButtonProps={{ "aria-label": t("common.showPassword") }}
					value={form.secret}
					error={wrong.get("/secret")}
					onChange={(event) => set({ secret: event.currentTarget.value })}
				/>
			)}
			<TextInput
				label={t("notifications.from")}
				type="email"
				required
				withAsterisk={false}
				value={form.from}
				error={wrong.get("/target/from")}
				onChange={(event) => set({ from: event.currentTarget.value })}
			/>
			<TextInput
				label={t("notifications.to")}
				description={t("notifications.toHelp")}
				required
				withAsterisk={false}
				value={form.to}
				error={wrong.get("/target/to") ?? [...wrong].find(([pointer]) => pointer.startsWith("/target/to/"))?.[1]}
				onChange={(event) => set({ to: event.currentTarget.value })}
			/>
		</>
	);
}

function WebhookFields({ form, set, wrong, stored }: Fields & { stored: boolean }) {
	const { t } = useTranslation();
	return (
		<>
			<TextInput
				label={t("notifications.url")}
				description={t("notifications.urlHelp")}
				required
				withAsterisk={false}
				inputMode="url"
				value={form.url}
				error={wrong.get("/target/url")}
				onChange={(event) => set({ url: event.currentTarget.value })}
			/>
			<PasswordInput
				label={`${t("notifications.secret")} ${t("common.optional")}`}
				description={stored ? t("notifications.stored") : t("notifications.secretHelp")}
				autoComplete="off"
				visibilityToggleButtonProps={{ "aria-label": t("common.showPassword") }}
				value={form.secret}
				error={wrong.get("/secret")}
				onChange={(event) => set({ secret: event.currentTarget.value })}
			/>
		</>
	);
}

function RuleFields({ form, set, wrong }: Fields) {
	const { t } = useTranslation();
	const jobs = useQuery(jobsQuery);
	const severities = ["bad", "warning", "info", "none"] as const;
	return (
		<>
			<Select
				label={t("notifications.alerts")}
				allowDeselect={false}
				data={severities.map((value) => ({ value, label: t(`notifications.least.${value}`) }))}
				value={form.alerts}
				onChange={(value) => set({ alerts: (value ?? "warning") as Severity | "none" })}
			/>
			<Checkbox.Group
				label={t("notifications.runs")}
				description={t("notifications.runsHelp")}
				value={[...form.runs]}
				onChange={(value) => set({ runs: runResults.filter((result) => value.includes(result)) })}
			>
				<div className={css["choices"]}>
					{runResults.map((result) => (
						<Checkbox key={result} value={result} label={t(`notifications.result.${result}`)} />
					))}
				</div>
			</Checkbox.Group>
			<MultiSelect
				label={t("notifications.jobs")}
				description={t("notifications.jobsHelp")}
				placeholder={form.jobs.length === 0 ? t("notifications.allJobs") : ""}
				data={(jobs.data?.items ?? []).map((job) => ({ value: job.id, label: job.name }))}
				searchable
				value={[...form.jobs]}
				error={[...wrong].find(([pointer]) => pointer.startsWith("/rules/job_ids"))?.[1]}
				onChange={(value) => set({ jobs: value })}
			/>
		</>
	);
}
