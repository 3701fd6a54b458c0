import type { ChannelTarget, NotificationChannel, NotificationRules, RunResult, Severity } from "../api/types.ts";

/** What a channel's form holds; texts as they are typed. */
export interface ChannelForm {
	name: string;
	kind: "email" | "webhook";
	host: string;
	port: string;
	encryption: "starttls" | "tls" | "none";
	user: string;
	from: string;
	to: string;
	url: string;
	secret: string;
	language: "en" | "de";
	/** The least severity, or none at all. */
	alerts: Severity | "none";
	runs: readonly RunResult[];
	jobs: readonly string[];
}

export const runResults: readonly RunResult[] = ["failed", "partial_success", "success", "cancelled"];

export function emptyChannel(language: "en" | "de"): ChannelForm {
	return {
		name: "",
		kind: "email",
		host: "",
		port: "587",
		encryption: "starttls",
		user: "",
		from: "",
		to: "",
		url: "",
		secret: "",
		language,
		alerts: "warning",
		runs: ["failed", "partial_success"],
		jobs: [],
	};
}

export function channelForm(channel: NotificationChannel): ChannelForm {
	const form: ChannelForm = {
		...emptyChannel(channel.language),
		name: channel.name,
		kind: channel.target.kind,
		alerts: channel.rules.alerts ?? "none",
		runs: channel.rules.runs ?? [],
		jobs: channel.rules.job_ids ?? [],
	};
	const target = channel.target;
	if (target.kind === "webhook") return { ...form, url: target.url };
	const { host, port, encryption, user, from, to } = target;
	return { ...form, host, port: String(port), encryption, user, from, to: to.join(", ") };
}

/** The usual port of an encryption. */
export const usualPort = { starttls: "587", tls: "465", none: "25" } as const;

export function channelTarget(form: ChannelForm): ChannelTarget {
	if (form.kind === "webhook") return { kind: "webhook", url: form.url.trim() };
	return {
		kind: "email",
		host: form.host.trim(),
		port: Number(form.port) || 0,
		encryption: form.encryption,
		user: form.user.trim(),
		from: form.from.trim(),
		to: form.to
			.split(/[\s,;]+/)
			.map((address) => address.trim())
			.filter((address) => address !== ""),
	};
}

export function channelRules(form: ChannelForm): NotificationRules {
	return {
		...(form.alerts === "none" ? {} : { alerts: form.alerts }),
		runs: [...form.runs],
		job_ids: [...form.jobs],
	};
}

export function channelSecret(form: ChannelForm): { secret?: string } {
	return form.secret === "" ? {} : { secret: form.secret };
}
