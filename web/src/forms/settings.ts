import type { Settings, SettingsPatch } from "../api/types.ts";

export const settingSections = ["runs", "address", "history", "notifications"] as const;

export type Section = (typeof settingSections)[number];

type NumberSetting = "reclaim_grace_seconds" | "watchdog_timeout_seconds" | "run_log_days" | "run_event_days";
export type SettingKey = NumberSetting | "public_url" | "private_targets";

/** The settings in the order of their page. */
export const settingsOf: Readonly<Record<Section, readonly SettingKey[]>> = {
	runs: ["reclaim_grace_seconds", "watchdog_timeout_seconds"],
	address: ["public_url"],
	history: ["run_log_days", "run_event_days"],
	notifications: ["private_targets"],
};

/** Smallest and largest value of each number. */
const ranges: Readonly<Record<NumberSetting, readonly [number, number]>> = {
	reclaim_grace_seconds: [10, 86_400],
	watchdog_timeout_seconds: [11, 604_800],
	run_log_days: [1, 3_650],
	run_event_days: [1, 3_650],
};

/** What somebody typed and did not save yet. */
export type SettingEdits = Partial<Record<SettingKey, string | boolean>>;

export const isNumber = (key: SettingKey): key is NumberSetting => key in ranges;

export const rangeOf = (key: NumberSetting) => ranges[key];

/** The value as a field shows it. */
export function shownSetting(settings: Settings, edits: SettingEdits, key: SettingKey): string | boolean {
	const typed = edits[key];
	if (typed !== undefined) return typed;
	return key === "private_targets" ? settings.private_targets.value : String(settings[key].value);
}

/** The value that holds when nobody changes it. */
function defaultOf(settings: Settings, key: SettingKey): string | boolean {
	if (isNumber(key)) return String(settings[key].default);
	return key === "private_targets" ? false : "";
}

export const isChanged = (settings: Settings, key: SettingKey): boolean =>
	String(settings[key].value) !== String(defaultOf(settings, key));

function numberOf(text: string | boolean): number {
	return typeof text === "string" && /^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN;
}

/** What is wrong with what was typed, by setting. */
export function settingProblems(
	settings: Settings,
	edits: SettingEdits,
): ReadonlyMap<SettingKey, "range" | "watchdog"> {
	const wrong = new Map<SettingKey, "range" | "watchdog">();
	for (const key of Object.keys(ranges) as NumberSetting[]) {
		if (edits[key] === undefined) continue;
		const value = numberOf(edits[key]);
		const [least, most] = ranges[key];
		if (!(value >= least && value <= most)) wrong.set(key, "range");
	}
	const grace = numberOf(shownSetting(settings, edits, "reclaim_grace_seconds"));
	const watchdog = numberOf(shownSetting(settings, edits, "watchdog_timeout_seconds"));
	if (wrong.size === 0 && watchdog <= grace) wrong.set("watchdog_timeout_seconds", "watchdog");
	return wrong;
}

/** What is to be sent: only what differs from what is in force. */
export function settingsPatch(settings: Settings, edits: SettingEdits): SettingsPatch {
	const changed = (Object.keys(edits) as SettingKey[])
		.map((key) => {
			const typed = edits[key] ?? "";
			if (isNumber(key)) return [key, numberOf(typed)] as const;
			return [key, typeof typed === "string" ? typed.trim() : typed] as const;
		})
		.filter(([key, value]) => value !== settings[key].value);
	return Object.fromEntries(changed) as SettingsPatch;
}
