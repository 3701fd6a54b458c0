import type { Retention, RetentionRule } from "../api/types.ts";

export const presets = ["short", "standard", "long", "everything", "own"] as const;
export type Preset = (typeof presets)[number];

/** What somebody chose so far for a retention. Numbers are texts as typed; an empty one is 0. */
export interface RetentionDraft {
	preset: Preset;
	counts: Record<RetentionRule, string>;
}

/** The rules in the order of the form: from the one whose points go first. */
export const rules: readonly RetentionRule[] = ["latest", "hourly", "daily", "weekly", "monthly", "annual"];

/** Most points that one rule may keep. */
const most = 1000;

function counts(
	latest: number,
	hourly: number,
	daily: number,
	weekly: number,
	monthly: number,
	annual: number,
): Record<RetentionRule, string> {
	return {
		latest: String(latest),
		hourly: String(hourly),
		daily: String(daily),
		weekly: String(weekly),
		monthly: String(monthly),
		annual: String(annual),
	};
}

const numbers: Record<"short" | "standard" | "long", Record<RetentionRule, string>> = {
	short: counts(3, 0, 7, 4, 0, 0),
	standard: counts(10, 48, 7, 4, 24, 3),
	long: counts(10, 48, 30, 12, 60, 10),
};

/** A new job keeps what the server would keep by itself. */
export const newRetention: RetentionDraft = { preset: "standard", counts: numbers.standard };

/** A typed number of points; `undefined` when it is none. */
function typedCount(text: string): number | undefined {
	if (text.trim() === "") return 0;
	return /^\d{1,4}$/.test(text.trim()) && Number(text) <= most ? Number(text) : undefined;
}

export const isCount = (text: string) => typedCount(text) !== undefined;

/** Whether some point is kept, or everything; the server judges the rest. */
export function isRetentionComplete(draft: RetentionDraft): boolean {
	if (draft.preset === "everything") return true;
	const typed = rules.map((rule) => typedCount(draft.counts[rule]));
	return typed.every((count) => count !== undefined) && typed.some((count) => count !== 0);
}

/** The retention as the API takes it. */
export function retentionRequest(draft: RetentionDraft): Retention {
	const count = (rule: RetentionRule) => (draft.preset === "everything" ? 0 : (typedCount(draft.counts[rule]) ?? 0));
	return {
		keep_latest: count("latest"),
		hourly: count("hourly"),
		daily: count("daily"),
		weekly: count("weekly"),
		monthly: count("monthly"),
		annual: count("annual"),
	};
}

/** How many points a rule of a retention keeps. */
export function countOf(retention: Retention, rule: RetentionRule): number {
	return (rule === "latest" ? retention.keep_latest : retention[rule]) ?? 0;
}

/** The choice that stands for these numbers. */
function presetOf(typed: Record<RetentionRule, string>): Preset {
	const isSame = (other: Record<RetentionRule, string>) => rules.every((rule) => other[rule] === typed[rule]);
	for (const preset of ["short", "standard", "long"] as const) if (isSame(numbers[preset])) return preset;
	return "own";
}

/** What the form shows of a stored retention. */
export function retentionDraft(retention: Retention): RetentionDraft {
	const typed = Object.fromEntries(rules.map((rule) => [rule, String(countOf(retention, rule))])) as Record<
		RetentionRule,
		string
	>;
	if (rules.every((rule) => typed[rule] === "0")) return { preset: "everything", counts: numbers.standard };
	return { preset: presetOf(typed), counts: typed };
}

/** The form after another choice; the numbers of an own one begin with those that were there. */
export function withPreset(draft: RetentionDraft, preset: Preset): RetentionDraft {
	return {
		preset,
		counts: preset === "short" || preset === "standard" || preset === "long" ? numbers[preset] : draft.counts,
	};
}

/** The form after a number was typed. */
export function withCount(draft: RetentionDraft, rule: RetentionRule, text: string): RetentionDraft {
	const typed = { ...draft.counts, [rule]: text };
	return { preset: presetOf(typed), counts: typed };
}
