import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { useFallbackInterval } from "../api/live.ts";
import { agentQuery, deleteAgent, disableAgent, enableAgent, renameAgent } from "../api/queries/agents.ts";
import type { Agent } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ActionButton } from "../modules/ActionButton.tsx";
import { AgentState } from "../modules/AgentState.tsx";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { Capabilities } from "../modules/Capabilities.tsx";
import { Columns, Page, Section, TrailLink } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { systemName } from "../modules/system-name.ts";
import { ConfirmDialog } from "../ui/ConfirmDialog.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { KeyValues } from "../ui/KeyValues.tsx";
import { Notice } from "../ui/Notice.tsx";
import { PathText } from "../ui/PathText.tsx";
import { Cell, Table } from "../ui/Table.tsx";
import { paths } from "../util/paths.ts";

const route = getRouteApi("/signed-in/agents/$agent");

type Dialog = "none" | "rename" | "disable" | "delete";

export default function AgentPage() {
	const { t } = useTranslation();
	const { agent: id } = route.useParams();
	const query = useQuery({ ...agentQuery(id), refetchInterval: useFallbackInterval(5_000) });
	const [dialog, setDialog] = useState<Dialog>("none");
	const agent = query.data;
	return (
		<Page
			title={agent?.name ?? t("agents.machine")}
			name={agent?.name ?? t("agents.machine")}
			trail={<TrailLink to={paths.agents()}>{t("agents.title")}</TrailLink>}
			beside={agent === undefined ? null : <AgentState agent={agent} form="pill" />}
			actions={agent === undefined ? null : <Actions agent={agent} open={setDialog} />}
		>
			<QueryView query={query}>{(data) => <Content agent={data} />}</QueryView>
			{agent === undefined ? null : <Dialogs agent={agent} dialog={dialog} close={() => setDialog("none")} />}
		</Page>
	);
}

function Actions({ agent, open }: { agent: Agent; open: (dialog: Dialog) => void }) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const enable = useMutation({
		mutationFn: () => enableAgent(agent.id),
		onSuccess: (changed) => queries.setQueryData(keys.agent(agent.id), changed),
	});
	return (
		<>
			<ActionButton actions={agent.actions} name="update" onClick={() => open("rename")}>
				{t("agents.rename")}
			</ActionButton>
			{agent.state === "disabled" ? (
				<ActionButton actions={agent.actions} name="enable" loading={enable.isPending} onClick={() => enable.mutate()}>
					{t("agents.enable")}
				</ActionButton>
			) : (
				<ActionButton actions={agent.actions} name="disable" onClick={() => open("disable")}>
					{t("agents.disable")}
				</ActionButton>
			)}
			<ActionButton actions={agent.actions} name="delete" variant="danger-outline" onClick={() => open("delete")}>
				{t("common.delete")}
			</ActionButton>
		</>
	);
}

function Content({ agent }: { agent: Agent }) {
	const { t } = useTranslation();
	const format = useFormat();
	const offset = agent.clock_offset_seconds;
	const clock =
		offset === null || offset === undefined
			? t("common.unknown")
			: Math.abs(offset) < 2
				? t("agents.clockRight")
				: t(offset > 0 ? "agents.clockAhead" : "agents.clockBehind", { time: format.duration(Math.abs(offset)) });
	return (
		<>
			{agent.cloned ? (
				<Notice tone="bad" title={t("alert.agent_cloned", { name: agent.name })}>
					{t("agents.cloned")}
				</Notice>
			) : null}
			<Columns
				main={
					<>
						<Section
							title={t("agents.jobs")}
							count={agent.jobs.length}
							more={
								<ButtonLink to={paths.newJob("place", { agent: agent.id })} size="xs">
									{t("agents.protect")}
								</ButtonLink>
							}
						>
							{agent.jobs.length === 0 ? <p className="muted">{t("agents.jobsNone")}</p> : null}
							<ul className="link-list">
								{agent.jobs.map((job) => (
									<li key={job.id}>
										<Link {...paths.job(job.id)}>{job.name}</Link>
									</li>
								))}
							</ul>
						</Section>
						<Section title={t("agents.volumes")}>
							{agent.volumes.length === 0 ? (
								<p className="muted">{t("agents.volumesNone")}</p>
							) : (
								<Table
									label={t("agents.volumes")}
									dense
									head={[
										{ name: t("agents.volume"), wide: true },
										{ name: t("agents.fileSystem") },
										{ name: t("agents.free"), align: "right" },
									]}
								>
									{agent.volumes.map((volume) => (
										<tr key={volume.path}>
											<Cell>
												<PathText path={volume.unc_path ?? volume.path} /> <span className="faint">{volume.label}</span>
											</Cell>
											<Cell>{volume.filesystem ?? t("common.unknown")}</Cell>
											<Cell align="right">
												{t("agents.volumeUse", {
													free: format.size(volume.free_bytes),
													size: format.size(volume.size_bytes),
												})}
											</Cell>
										</tr>
									))}
								</Table>
							)}
						</Section>
					</>
				}
				side={
					<Section title={t("agents.about")}>
						<KeyValues
							rows={[
								[t("agents.host"), agent.host],
								[t("agents.system"), systemName(agent.os) ?? t("common.unknown")],
								[t("agents.version"), agent.agent_version ?? t("common.unknown")],
								[t("agents.enrolled"), format.moment(agent.enrolled_at)],
								[t("agents.lastSeen"), agent.last_seen_at ? format.age(agent.last_seen_at) : t("common.never")],
								[t("agents.clock"), clock],
								[t("agents.canDo"), <Capabilities key="can" agent={agent} />],
							]}
						/>
						{agent.on_server_host ? <p className="faint small">{t("agents.onServer")}</p> : null}
					</Section>
				}
			/>
		</>
	);
}

function Dialogs({ agent, dialog, close }: { agent: Agent; dialog: Dialog; close: () => void }) {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const navigate = useNavigate();
	const [name, setName] = useState(agent.name);
	const changed = (present: Agent) => {
		queries.setQueryData(keys.agent(agent.id), present);
		close();
	};
	const rename = useMutation({ mutationFn: () => renameAgent(agent, name.trim()), onSuccess: changed });
	const disable = useMutation({ mutationFn: () => disableAgent(agent.id), onSuccess: changed });
	const remove = useMutation({
		mutationFn: () => deleteAgent(agent),
		onSuccess: async () => {
			await navigate(paths.agents());
			queries.removeQueries({ queryKey: keys.agent(agent.id) });
			await queries.invalidateQueries({ queryKey: keys.agents() });
		},
	});
	const send = (event: FormEvent) => {
		event.preventDefault();
		rename.mutate();
	};
	return (
		<>
			<Modal
				opened={dialog === "rename"}
				onClose={close}
				title={t("agents.renameTitle", { name: agent.name })}
				size={480}
				closeButtonProps={{ "aria-label": t("common.close") }}
			>
				<form onSubmit={send}>
					<TextInput
						data-autofocus
						label={t("common.name")}
						required
						withAsterisk={false}
						maxLength={100}
						value={name}
						onChange={(event) => setName(event.currentTarget.value)}
					/>
					{rename.error === null ? null : <ErrorText words={words(rename.error)} />}
					<Group justify="flex-end" gap="xs" mt="md">
						<Button onClick={close}>{t("common.cancel")}</Button>
						<Button type="submit" variant="filled" loading={rename.isPending}>
							{t("agents.renameSubmit")}
						</Button>
					</Group>
				</form>
			</Modal>
			<ConfirmDialog
				opened={dialog === "disable"}
				onClose={close}
				title={t("agents.disableTitle", { name: agent.name })}
				text={t("agents.disableText")}
				points={[
					{ icon: "cancelled", text: t("agents.disablePoint1") },
					{ icon: "success", text: t("agents.disablePoint2") },
					{ icon: "success", text: t("agents.disablePoint3") },
				]}
				keep={t("agents.keep")}
				confirm={t("agents.disableSubmit")}
				onConfirm={() => disable.mutate()}
				busy={disable.isPending}
				error={disable.error === null ? null : <ErrorText words={words(disable.error)} />}
			/>
			<ConfirmDialog
				opened={dialog === "delete"}
				onClose={close}
				title={t("agents.deleteTitle", { name: agent.name })}
				points={[
					{ icon: "cancelled", text: t("agents.deletePoint1") },
					{ icon: "success", text: t("agents.deletePoint2") },
				]}
				keep={t("agents.keep")}
				confirm={t("agents.deleteSubmit")}
				onConfirm={() => remove.mutate()}
				busy={remove.isPending}
				error={remove.error === null ? null : <ErrorText words={words(remove.error)} />}
			/>
		</>
	);
}
