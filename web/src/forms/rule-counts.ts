import type { EstimateRequest, EstimateResult, LeftOutCount } from "../api/types.ts";

/** What a rule is known to do. */
export interface RuleCount {
	files: number;
	bytes: number;
	dirs: number;
	example?: string | undefined;
}

/** What each rule that leaves out has left out, by its text: rules that were typed since have no count. */
export function leftOutByRule(request: EstimateRequest, counts: EstimateResult): ReadonlyMap<string, RuleCount> {
	const result = new Map<string, RuleCount>();
	for (const [index, rule] of (request.policy?.ignore_rules ?? []).entries()) {
		const found = counts.left_out.find((count) => count.by === "rule" && count.rule === index);
		if (found === undefined) continue;
		const before = result.get(rule);
		// A rule that stands there twice decides once, whichever of the two it was.
		result.set(rule, {
			files: found.files + (before?.files ?? 0),
			bytes: found.bytes + (before?.bytes ?? 0),
			dirs: found.dirs + (before?.dirs ?? 0),
			example: before?.example ?? found.examples[0],
		});
	}
	return result;
}

/** What each rule that takes has taken, by its text. */
export function takenByRule(request: EstimateRequest, counts: EstimateResult): ReadonlyMap<string, RuleCount> {
	const result = new Map<string, RuleCount>();
	for (const [index, rule] of (request.policy?.include_rules ?? []).entries()) {
		const amount = counts.taken[index];
		if (amount !== undefined && !result.has(rule)) result.set(rule, { ...amount, dirs: 0 });
	}
	return result;
}

type OtherCause = LeftOutCount & { by: Exclude<LeftOutCount["by"], "rule"> };

/** What is left out for other reasons than a rule. */
export const otherCauses = (counts: EstimateResult): OtherCause[] =>
	counts.left_out.filter((count): count is OtherCause => count.by !== "rule");

export interface Sums {
	files: number;
	bytes: number;
	leftFiles: number;
	leftBytes: number;
}

export function sums(counts: EstimateResult): Sums {
	const add = (items: readonly { files: number; bytes: number }[], part: "files" | "bytes") =>
		items.reduce((sum, item) => sum + item[part], 0);
	return {
		files: add(counts.sources, "files"),
		bytes: add(counts.sources, "bytes"),
		leftFiles: add(counts.left_out, "files"),
		leftBytes: add(counts.left_out, "bytes"),
	};
}
