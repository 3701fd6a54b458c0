import { CloseButton, SegmentedControl } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { createEnrolmentToken } from "../api/queries/agents.ts";
import type { Agent } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { CommandBlock } from "../ui/CommandBlock.tsx";
import { CopyButton } from "../ui/CopyButton.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { StatusIcon } from "../ui/StatusIcon.tsx";
import { paths } from "../util/paths.ts";
import { ButtonLink } from "./ButtonLink.tsx";
import css from "./enrol-panel.module.css";
import { PageError } from "./PageError.tsx";
import { systemName } from "./system-name.ts";

/** Add machine: one command to copy; the machine then appears by itself. */
export function EnrolPanel({ agents, onClose }: { agents: readonly Agent[]; onClose: () => void }) {
	const { t } = useTranslation();
	const format = useFormat();
	const [system, setSystem] = useState<"linux" | "windows">("linux");
	const { mutate, data, error } = useMutation({ mutationFn: createEnrolmentToken });
	const asked = useRef(false);
	useEffect(() => {
		// The token is made once, also where development mounts effects twice.
		if (asked.current) return;
		asked.current = true;
		mutate();
	}, [mutate]);
	const before = useRef(new Set(agents.map((agent) => agent.id)));
	const arrived = agents.filter((agent) => !before.current.has(agent.id));
	const first = useRef<HTMLHeadingElement>(null);
	useEffect(() => {
		first.current?.focus();
	}, []);
	return (
		<section
			className={css["panel"]}
			aria-label={t("enrol.title")}
			onKeyDown={(event) => {
				if (event.key === "Escape") onClose();
			}}
		>
			<div className={css["head"]}>
				<h2 ref={first} tabIndex={-1} className={css["title"]}>
					{t("enrol.title")}
				</h2>
				<CloseButton aria-label={t("common.close")} onClick={onClose} />
			</div>
			<SegmentedControl
				fullWidth
				aria-label={t("enrol.system")}
				value={system}
				onChange={(value) => setSystem(value === "windows" ? "windows" : "linux")}
				data={[
					{ value: "linux", label: t("enrol.linux") },
					{ value: "windows", label: t("enrol.windows") },
				]}
			/>
			{error === null ? null : <PageError error={error} retry={() => mutate()} />}
			{data === undefined && error === null ? <Skeleton rows={2} /> : null}
			{data === undefined ? null : (
				<ol className={css["steps"]}>
					<li>
						<h3>{system === "linux" ? t("enrol.step1Linux") : t("enrol.step1Windows")}</h3>
						<CommandBlock command={system === "linux" ? data.linux_command : data.windows_command} />
						<div className={css["actions"]}>
							<CopyButton
								filled
								label={t("enrol.copyCommand")}
								text={system === "linux" ? data.linux_command : data.windows_command}
							/>
						</div>
						<p className="faint small">
							{t("enrol.worksOnce", { time: format.fullMoment(data.enrolment_token.expires_at) })}
						</p>
					</li>
					<li>
						<h3>{t("enrol.step2")}</h3>
						<ul className={css["arrivals"]}>
							{arrived.map((agent) => (
								<li key={agent.id}>
									<StatusIcon status="success" />
									<div className={css["machine"]}>
										<p>
											<strong>{agent.name}</strong>
										</p>
										<p className="faint small">
											{t("enrol.arrived", {
												system: systemName(agent.os) ?? t("common.unknown"),
												version: agent.agent_version ?? t("common.unknown"),
											})}
										</p>
									</div>
									<ButtonLink to={paths.newJob("place", { agent: agent.id })} variant="default">
										{t("enrol.protect")}
									</ButtonLink>
								</li>
							))}
							<li>
								<StatusIcon status="starting" />
								<span className="muted">{arrived.length === 0 ? t("enrol.waiting") : t("enrol.waitingNext")}</span>
							</li>
						</ul>
						<p className="visually-hidden" role="status">
							{arrived.map((agent) => t("enrol.announce", { name: agent.name })).join(" ")}
						</p>
					</li>
					<li>
						<h3>{t("enrol.help")}</h3>
						<p className="muted">{t("enrol.helpText", { url: data.server_url })}</p>
					</li>
				</ol>
			)}
		</section>
	);
}
