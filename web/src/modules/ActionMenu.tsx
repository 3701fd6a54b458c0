import { ActionIcon, Menu } from "@mantine/core";
import type { Action } from "../api/types.ts";
import { Icon } from "../ui/Icon.tsx";

export interface MenuEntry {
	/** The action of the object that permits it. */
	name: string;
	label: string;
	danger?: boolean;
	run: () => void;
}

/** What else an object permits. Entries that the role never may are absent; others say why not now. */
export function ActionMenu({
	label,
	actions,
	entries,
}: {
	label: string;
	actions: readonly Action[];
	entries: readonly MenuEntry[];
}) {
	const shown = entries.flatMap((entry) => {
		const action = actions.find(({ name }) => name === entry.name);
		return action === undefined ? [] : [{ ...entry, action }];
	});
	if (shown.length === 0) return null;
	return (
		<Menu position="bottom-end" width={220} withInitialFocusPlaceholder={false}>
			<Menu.Target>
				<ActionIcon variant="default" size={32} aria-label={label}>
					<Icon name="more" />
				</ActionIcon>
			</Menu.Target>
			<Menu.Dropdown>
				{shown.map(({ label: words, action, danger, run }) => (
					<Menu.Item key={words} disabled={!action.allowed} onClick={run} {...(danger ? { color: "var(--bad)" } : {})}>
						{words}
						{action.allowed || !action.reason ? null : <span className="muted small"> {action.reason}</span>}
					</Menu.Item>
				))}
			</Menu.Dropdown>
		</Menu>
	);
}
