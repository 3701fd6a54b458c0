import { Button, Switch } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { useFallbackInterval, useTopics } from "../api/live.ts";
import { jobsQuery } from "../api/queries/jobs.ts";
import { channelsQuery, deleteChannel, testChannel, updateChannel } from "../api/queries/notifications.ts";
import { settingsQuery, updateSettings } from "../api/queries/settings.ts";
import type { NotificationChannel } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ActionButton } from "../modules/ActionButton.tsx";
import { DeliveryResult } from "../modules/DeliveryResult.tsx";
import { Page, Section } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { ConfirmDialog } from "../ui/ConfirmDialog.tsx";
import { Empty } from "../ui/Empty.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Icon } from "../ui/Icon.tsx";
import { StatusIcon } from "../ui/StatusIcon.tsx";
import css from "./notifications.module.css";

const ChannelDialog = lazy(() => import("../modules/ChannelDialog.tsx"));

/** Who hears of what, and whether it arrives. */
export default function Notifications() {
	const { t } = useTranslation();
	useTopics("notification-channels");
	const query = useQuery({ ...channelsQuery, refetchInterval: useFallbackInterval(10_000) });
	const [edited, setEdited] = useState<NotificationChannel | "new">();
	const add = (
		<Button variant="filled" leftSection={<Icon name="plus" />} onClick={() => setEdited("new")}>
			{t("notifications.new")}
		</Button>
	);
	const empty = query.data?.items.length === 0;
	return (
		<Page title={t("notifications.title")} name={t("notifications.title")} actions={empty ? undefined : add}>
			<QueryView query={query}>
				{(page) =>
					page.items.length === 0 ? (
						<Empty icon="bell" title={t("notifications.emptyTitle")} action={add}>
							{t("notifications.emptyText")}
						</Empty>
					) : (
						<ul className={css["channels"]}>
							{page.items.map((channel) => (
								<Channel key={channel.id} channel={channel} onEdit={() => setEdited(channel)} />
							))}
						</ul>
					)
				}
			</QueryView>
			<PrivateTargets />
			{edited === undefined ? null : (
				<Suspense fallback={null}>
					<ChannelDialog {...(edited === "new" ? {} : { channel: edited })} onClose={() => setEdited(undefined)} />
				</Suspense>
			)}
		</Page>
	);
}

function Channel({ channel, onEdit }: { channel: NotificationChannel; onEdit: () => void }) {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const refresh = () => queries.invalidateQueries({ queryKey: keys.channels() });
	const [deleting, setDeleting] = useState(false);
	const test = useMutation({ mutationFn: () => testChannel(channel.id), onSettled: refresh });
	const toggle = useMutation({
		mutationFn: (enabled: boolean) => updateChannel(channel, { enabled }),
		onSettled: refresh,
	});
	const remove = useMutation({ mutationFn: () => deleteChannel(channel), onSuccess: refresh });
	const error = toggle.error ?? test.error;
	return (
		<li className={css["channel"]} aria-label={channel.name}>
			<div className={css["head"]}>
				<div className={css["text"]}>
					<p className={css["name"]}>{channel.name}</p>
					<p className="muted">{useTarget(channel)}</p>
					<p className="muted">{useRules(channel)}</p>
					<State channel={channel} />
				</div>
				<Switch
					label={t("notifications.sends")}
					checked={channel.enabled}
					disabled={toggle.isPending}
					onChange={(event) => toggle.mutate(event.currentTarget.checked)}
				/>
			</div>
			<div className={css["buttons"]}>
				<ActionButton actions={channel.actions} name="test" loading={test.isPending} onClick={() => test.mutate()}>
					{t("notifications.test")}
				</ActionButton>
				<ActionButton actions={channel.actions} name="update" onClick={onEdit}>
					{t("notifications.edit")}
				</ActionButton>
				<ActionButton actions={channel.actions} name="delete" variant="subtle" onClick={() => setDeleting(true)}>
					{t("common.delete")}
				</ActionButton>
			</div>
			{test.data === undefined ? null : <DeliveryResult delivery={test.data} />}
			{error === null ? null : <ErrorText words={words(error)} />}
			<ConfirmDialog
				opened={deleting}
				onClose={() => setDeleting(false)}
				title={t("notifications.deleteTitle", { name: channel.name })}
				points={[
					{ icon: "cancelled", text: t("notifications.deleteStops") },
					{ icon: "queued", text: t("notifications.deleteWaiting", { count: channel.waiting }) },
				]}
				keep={t("notifications.deleteKeep")}
				confirm={t("notifications.deleteConfirm")}
				onConfirm={() => remove.mutate()}
				busy={remove.isPending}
				error={remove.error === null ? null : <ErrorText words={words(remove.error)} />}
			/>
		</li>
	);
}

function useTarget(channel: NotificationChannel): string {
	const { t } = useTranslation();
	const { target } = channel;
	return target.kind === "webhook"
		? t("notifications.toWebhook", { url: target.url })
		: t("notifications.toMail", { to: target.to.join(", "), host: target.host });
}

/** The rules as a sentence. */
function useRules(channel: NotificationChannel): string {
	const { t } = useTranslation();
	const jobs = useQuery(jobsQuery);
	const { alerts, runs = [], job_ids = [] } = channel.rules;
	const parts = [
		...(alerts ? [t(`notifications.rule.${alerts}`)] : []),
		...(runs.length === 0
			? []
			: [t("notifications.ruleRuns", { results: runs.map((run) => t(`notifications.result.${run}`)).join(", ") })]),
	];
	if (parts.length === 0) return t("notifications.ruleNothing");
	const names = job_ids.map((id) => jobs.data?.items.find((job) => job.id === id)?.name ?? t("common.unknown"));
	const of = names.length === 0 ? [] : [t("notifications.ruleJobs", { jobs: names.join(", ") })];
	return [...parts, ...of].join(" ");
}

function State({ channel }: { channel: NotificationChannel }) {
	const { t } = useTranslation();
	const format = useFormat();
	const last = channel.last_delivery;
	if (channel.failing_since) {
		return (
			<p className={css["state"]}>
				<StatusIcon status="failed" label={t("status.failed")} />
				<span>
					{t("notifications.failing", {
						since: format.moment(channel.failing_since),
						count: channel.waiting,
						formatted: format.count(channel.waiting),
					})}{" "}
					{last?.error ? <bdi>{last.error}</bdi> : null}
				</span>
			</p>
		);
	}
	if (!last) return <p className="faint small">{t("notifications.neverSent")}</p>;
	return (
		<p className={css["state"]}>
			<StatusIcon status={last.ok ? "success" : "failed"} label={t(last.ok ? "status.success" : "status.failed")} />
			<span className="faint small">
				{t(last.ok ? "notifications.lastOk" : "notifications.lastFailed", { time: format.moment(last.at) })}{" "}
				{last.error ? <bdi>{last.error}</bdi> : null}
			</span>
		</p>
	);
}

/** What belongs to who runs the server. */
function PrivateTargets() {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const settings = useQuery(settingsQuery);
	const set = useMutation({
		mutationFn: (allowed: boolean) =>
			settings.data === undefined
				? Promise.reject(new Error())
				: updateSettings(settings.data, { private_targets: allowed }),
		onSuccess: (changed) => queries.setQueryData(keys.settings(), changed),
	});
	const data = settings.data;
	if (data === undefined || data.actions.find((action) => action.name === "update")?.allowed !== true) return null;
	const fixed = data.private_targets.fixed_by;
	return (
		<Section title={t("notifications.server")}>
			<Switch
				label={t("notifications.privateTargets")}
				description={fixed ? t("notifications.fixedBy", { variable: fixed }) : t("notifications.privateTargetsText")}
				checked={data.private_targets.value}
				disabled={set.isPending || Boolean(fixed)}
				onChange={(event) => set.mutate(event.currentTarget.checked)}
			/>
			{set.error === null ? null : <ErrorText words={words(set.error)} />}
		</Section>
	);
}
