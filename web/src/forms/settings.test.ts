import { expect, it } from "vitest";
import type { Settings } from "../api/types.ts";
import { isChanged, settingProblems, settingsPatch } from "./settings.ts";

const settings: Settings = {
	reclaim_grace_seconds: { value: 180, default: 180 },
	watchdog_timeout_seconds: { value: 900, default: 720 },
	public_url: { value: "" },
	private_targets: { value: false },
	run_log_days: { value: 90, default: 90 },
	run_event_days: { value: 365, default: 365 },
	version: 3,
	actions: [],
};

// Requirements: ADM-6
it("judges watchdog and grace together", () => {
	expect(settingProblems(settings, {}).size).toBe(0);
	expect([...settingProblems(settings, { reclaim_grace_seconds: "900" })]).toEqual([
		["watchdog_timeout_seconds", "watchdog"],
	]);
	expect(settingProblems(settings, { reclaim_grace_seconds: "900", watchdog_timeout_seconds: "901" }).size).toBe(0);
	expect(settingProblems(settings, { watchdog_timeout_seconds: "180" }).get("watchdog_timeout_seconds")).toBe(
		"watchdog",
	);
});

it("takes whole numbers inside their ranges only", () => {
	for (const typed of ["", "x", "9", "86401", "1.5", "-20"]) {
		expect(settingProblems(settings, { reclaim_grace_seconds: typed }).get("reclaim_grace_seconds"), typed).toBe(
			"range",
		);
	}
	expect(settingProblems(settings, { run_log_days: " 3650 " }).size).toBe(0);
	expect(settingProblems(settings, { run_log_days: "0" }).get("run_log_days")).toBe("range");
});

it("sends what differs, and marks what is not the default", () => {
	expect(settingsPatch(settings, { run_log_days: " 30 ", run_event_days: "365", private_targets: false })).toEqual({
		run_log_days: 30,
	});
	expect(settingsPatch(settings, { public_url: " https://b.example ", private_targets: true })).toEqual({
		public_url: "https://b.example",
		private_targets: true,
	});
	expect(isChanged(settings, "watchdog_timeout_seconds")).toBe(true);
	expect(isChanged(settings, "run_log_days")).toBe(false);
	expect(isChanged(settings, "public_url")).toBe(false);
});
