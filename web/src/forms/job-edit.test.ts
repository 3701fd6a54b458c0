import { describe, expect, it } from "vitest";
import type { Job } from "../api/types.ts";
import { beginEdit, editedFields, jobPatch, rebase } from "./job-edit.ts";

const job = {
	id: "j",
	name: "Office",
	kind: "files",
	enabled: true,
	agent: { id: "a", name: "web-01", online: true },
	vault: { id: "v", name: "offsite" },
	paths: ["/srv/office"],
	policy: {
		compression: "s2",
		ignore_rules: ["*.tmp", "cache/"],
		include_rules: [],
		one_file_system: false,
		parallelism: 4,
	},
	schedule: { type: "daily", time: "22:00", not_between: [], catch_up: true },
	offline_start: true,
	retention: { keep_latest: 3, hourly: 0, daily: 7, weekly: 4, monthly: 0, annual: 0 },
	upload_limit_bytes_per_second: 2_500_000,
	max_age_seconds: 172_800,
	version: 3,
} as unknown as Job;

const edited = (part: Partial<ReturnType<typeof beginEdit>["draft"]>) => {
	const edit = beginEdit(job);
	return { ...edit, draft: { ...edit.draft, ...part } };
};

describe("a change of a job", () => {
	it("begins with everything that the job has", () => {
		const { draft, version } = beginEdit(job);
		expect(version).toBe(3);
		expect(draft).toMatchObject({
			name: "Office",
			agent: "a",
			vault: "v",
			paths: ["/srv/office"],
			compression: "s2",
			rules: "*.tmp\ncache/",
			parallelism: "4",
			limit: "2.5",
			maxAge: "48",
		});
		expect(draft.schedule).toMatchObject({ type: "daily", time: "22:00", offlineStart: true });
	});

	it("is none when nothing was typed, or the same in other words", () => {
		expect(jobPatch(beginEdit(job))).toEqual({});
		expect(editedFields(edited({ limit: "2,5", rules: "*.tmp\n\ncache/", name: " Office " }))).toEqual([]);
	});

	it.each([
		["name", { name: "Bureau" }, { name: "Bureau" }],
		["paths", { paths: ["/srv"] }, { paths: ["/srv"] }],
		["rules", { rules: "*.tmp" }, { policy: { ...job.policy, ignore_rules: ["*.tmp"] } }],
		["parallelism", { parallelism: "" }, { policy: { ...job.policy, parallelism: undefined } }],
		["what alone is taken", { only: "*.doc" }, { policy: { ...job.policy, include_rules: ["*.doc"] } }],
		["the largest file", { maxFileSize: "0,5" }, { policy: { ...job.policy, max_file_size_bytes: 500_000 } }],
		["one file system", { oneFileSystem: true }, { policy: { ...job.policy, one_file_system: true } }],
		["a lifted limit", { limit: "" }, { upload_limit_bytes_per_second: 0 }],
		["a lifted age", { maxAge: "" }, { max_age_seconds: 0 }],
	] as const)("sends only %s", (_name, part, patch) => {
		expect(jobPatch(edited(part as never))).toEqual(patch);
	});

	it("sends a retention whole", () => {
		const { retention } = beginEdit(job).draft;
		expect(retention.preset).toBe("short");
		expect(jobPatch(edited({ retention: { ...retention, preset: "everything" } }))).toEqual({
			retention: { keep_latest: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, annual: 0 },
		});
	});

	it("sends a schedule with its switch for starts without the server", () => {
		const schedule = { ...beginEdit(job).draft.schedule, type: "manual" as const };
		expect(jobPatch(edited({ schedule }))).toEqual({ schedule: { type: "manual" }, offline_start: false });
	});
});

describe("somebody else's change", () => {
	const theirs: Job = {
		...job,
		name: "Head office",
		policy: { ...job.policy, ignore_rules: ["*.bak"] },
		version: 7,
	};

	// Requirements: UI-7
	it("is taken over where nothing was typed", () => {
		const merged = rebase(edited({ paths: ["/srv"] }), theirs);
		expect(merged.edit.version).toBe(7);
		expect(merged.edit.draft).toMatchObject({ name: "Head office", rules: "*.bak", paths: ["/srv"] });
		expect(merged.theirs).toEqual([
			{ field: "name", kept: false },
			{ field: "rules", kept: false },
		]);
		expect(jobPatch(merged.edit)).toEqual({ paths: ["/srv"] });
	});

	it("never replaces what was typed", () => {
		const merged = rebase(edited({ name: "Bureau", compression: "none" }), theirs);
		expect(merged.edit.draft).toMatchObject({ name: "Bureau", rules: "*.bak", compression: "none" });
		expect(merged.theirs).toEqual([
			{ field: "name", kept: true },
			{ field: "rules", kept: false },
		]);
		// The policy goes whole, with their rules in it.
		expect(jobPatch(merged.edit)).toEqual({
			name: "Bureau",
			policy: { ...job.policy, compression: "none", ignore_rules: ["*.bak"] },
		});
	});

	it("that is the same leaves nothing to send", () => {
		const merged = rebase(edited({ name: "Head office" }), theirs);
		expect(merged.theirs).toContainEqual({ field: "name", kept: false });
		expect(jobPatch(merged.edit)).toEqual({});
	});
});
