import type { Overwrite, RestoreCreate } from "../api/types.ts";

/** One ticked file or folder. */
export interface RestoreItem {
	snapshot: string;
	path: string;
	name: string;
}

/** What somebody chose so far in the restore wizard. */
export interface RestoreDraft {
	everything: boolean;
	items: RestoreItem[];
	/** Empty: the machine that the point came from. */
	agent: string;
	target: string;
	overwrite: Overwrite;
}

export const emptyRestore: RestoreDraft = { everything: true, items: [], agent: "", target: "", overwrite: "never" };

export const restoreDraftKey = (point: string): string => `holdfast-restore-${point}`;

/** The restore as the API takes it. */
export function restoreRequest(draft: RestoreDraft, point: string): RestoreCreate {
	return {
		point_id: point,
		items: draft.everything ? [] : draft.items.map((item) => ({ snapshot_id: item.snapshot, path: item.path })),
		...(draft.agent === "" ? {} : { agent_id: draft.agent }),
		target_path: draft.target.trim(),
		overwrite: draft.overwrite,
	};
}
