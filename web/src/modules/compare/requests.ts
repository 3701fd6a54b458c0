import type { ComparedEntry, ComparisonRequest } from "../../api/types.ts";

/** What is compared: two points and a source path that both have. */
export interface Sides {
	before: string;
	after: string;
	sourcePath: string;
}

export const kinds = ["all", "added", "changed", "deleted"] as const;
export type Kind = (typeof kinds)[number];

export const kindOf = (text: string | undefined): Kind => kinds.find((kind) => kind === text) ?? "all";

const sidesOf = (sides: Sides) => ({
	before_point_id: sides.before,
	after_point_id: sides.after,
	source_path: sides.sourcePath,
});

/** What lies right in a folder. */
export const childrenOf = (sides: Sides, path: string): ComparisonRequest => ({ ...sidesOf(sides), path });

/** All files below a folder that changed in one way, or whose names have a text in them. */
export const filesOf = (sides: Sides, path: string, kind: Kind, name: string): ComparisonRequest => ({
	...sidesOf(sides),
	path,
	list: "files",
	changes: kind === "all" ? [] : [kind],
	...(name === "" ? {} : { name }),
});

/** All that brings back what is missing. */
export const missingOf = (sides: Sides, path: string): ComparisonRequest => ({
	...sidesOf(sides),
	path,
	list: "missing",
});

export const joined = (folder: string, name: string): string => (folder === "" ? name : `${folder}/${name}`);

/** By how many bytes an entry grew, or shrank below 0. */
export function growth(entry: ComparedEntry): number {
	if (entry.kind === "directory" && entry.below) {
		return entry.below.added_bytes - entry.below.deleted_bytes + entry.below.changed_bytes;
	}
	return (entry.after?.size ?? 0) - (entry.before?.size ?? 0);
}

/** Whether the earlier point has something of an entry that could be brought back. */
export const canComeBack = (entry: ComparedEntry): boolean =>
	entry.before !== null && entry.before !== undefined && entry.change !== "inside";
