import { expect, it } from "vitest";
import type { EstimateRequest, EstimateResult } from "../api/types.ts";
import { leftOutByRule, otherCauses, sums, takenByRule } from "./rule-counts.ts";

const request: EstimateRequest = {
	paths: ["/srv"],
	policy: { ignore_rules: ["*.tmp", "cache/", "*.tmp"], include_rules: ["*.doc", "*.xls"] },
};
const left = (
	by: EstimateResult["left_out"][number]["by"],
	rule: number | null,
	files: number,
	examples: string[] = [],
) => ({
	by,
	rule,
	files,
	bytes: files * 10,
	dirs: 0,
	examples,
});
const counts: EstimateResult = {
	sources: [
		{ path: "/srv", files: 3, bytes: 30, dirs: 1 },
		{ path: "/home", files: 4, bytes: 40, dirs: 1 },
	],
	left_out: [
		left("rule", 0, 1, ["/srv/a.tmp"]),
		left("rule", 1, 0),
		left("rule", 2, 2, ["/srv/b.tmp"]),
		left("ignore_file", null, 5),
	],
	taken: [
		{ files: 7, bytes: 70 },
		{ files: 0, bytes: 0 },
	],
	unreadable: 0,
	unreadable_examples: [],
	complete: true,
};

it("knows what each rule does by its text", () => {
	const found = leftOutByRule(request, counts);
	expect(found.get("*.tmp")).toEqual({ files: 3, bytes: 30, dirs: 0, example: "/srv/a.tmp" });
	expect(found.get("cache/")?.files).toBe(0);
	expect(found.get("typed since")).toBeUndefined();
	expect(takenByRule(request, counts).get("*.doc")?.files).toBe(7);
	expect(takenByRule(request, counts).get("*.xls")?.files).toBe(0);
});

it("adds up what is taken and what is left out, by whatever", () => {
	expect(sums(counts)).toEqual({ files: 7, bytes: 70, leftFiles: 8, leftBytes: 80 });
	expect(otherCauses(counts).map(({ by }) => by)).toEqual(["ignore_file"]);
});
