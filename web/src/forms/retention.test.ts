import { describe, expect, it } from "vitest";
import {
	isRetentionComplete,
	newRetention,
	retentionDraft,
	retentionRequest,
	rules,
	withCount,
	withPreset,
} from "./retention.ts";

describe("retention", () => {
	it("begins with what the server would keep by itself", () => {
		expect(retentionRequest(newRetention)).toEqual({
			keep_latest: 10,
			hourly: 48,
			daily: 7,
			weekly: 4,
			monthly: 24,
			annual: 3,
		});
	});

	it("reads back what it sends", () => {
		for (const preset of ["short", "standard", "long", "everything"] as const) {
			const draft = withPreset(newRetention, preset);
			expect(retentionDraft(retentionRequest(draft)).preset).toBe(preset);
			expect(isRetentionComplete(draft)).toBe(true);
		}
	});

	it("keeps everything by numbers that are all 0", () => {
		const request = retentionRequest(withPreset(newRetention, "everything"));
		expect(Object.values(request)).toEqual([0, 0, 0, 0, 0, 0]);
	});

	it("becomes an own one with the first number that is typed", () => {
		const draft = withCount(newRetention, "daily", "14");
		expect(draft.preset).toBe("own");
		expect(retentionRequest(draft)).toMatchObject({ daily: 14, weekly: 4 });
		expect(withCount(draft, "daily", "7").preset).toBe("standard");
	});

	it("is not complete while nothing is kept or a number is none", () => {
		const none = rules.reduce((draft, rule) => withCount(draft, rule, ""), newRetention);
		expect(isRetentionComplete(none)).toBe(false);
		expect(isRetentionComplete(withCount(none, "weekly", "4"))).toBe(true);
		for (const text of ["x", "-1", "1.5", "1001"]) {
			expect(isRetentionComplete(withCount(newRetention, "weekly", text))).toBe(false);
		}
	});
});
