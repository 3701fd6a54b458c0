import { expect, it } from "vitest";
import type { NotificationChannel } from "../api/types.ts";
import { channelForm, channelRules, channelSecret, channelTarget, emptyChannel } from "./channel.ts";

it("sends what was typed, each recipient by itself", () => {
	const form = {
		...emptyChannel("en"),
		host: " mail.example.org ",
		from: "backup@example.org",
		to: "it@example.org; ops@example.org,\n boss@example.org ",
	};
	expect(channelTarget(form)).toEqual({
		kind: "email",
		host: "mail.example.org",
		port: 587,
		encryption: "starttls",
		user: "",
		from: "backup@example.org",
		to: ["it@example.org", "ops@example.org", "boss@example.org"],
	});
	expect(channelRules(form)).toEqual({ alerts: "warning", runs: ["failed", "partial_success"], job_ids: [] });
	expect(channelRules({ ...form, alerts: "none" })).not.toHaveProperty("alerts");
	expect(channelSecret(form)).toEqual({});
	expect(channelTarget({ ...form, kind: "webhook", url: " https://x.example/hook " })).toEqual({
		kind: "webhook",
		url: "https://x.example/hook",
	});
});

it("begins with what is stored", () => {
	const channel = {
		name: "Team",
		language: "de",
		target: { kind: "webhook", url: "https://x.example/hook" },
		rules: { alerts: null, runs: ["failed"], job_ids: ["j"] },
	} as unknown as NotificationChannel;
	const form = channelForm(channel);
	expect(channelTarget(form)).toEqual(channel.target);
	expect(channelRules(form)).toEqual({ runs: ["failed"], job_ids: ["j"] });
});
