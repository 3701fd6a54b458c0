import { Button, type ButtonProps, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import type { Action } from "../api/types.ts";

/** A button for something an object permits: absent when the role never may, inert with the reason when not now. */
export function ActionButton({
	actions,
	name,
	onClick,
	children,
	...rest
}: {
	actions: readonly Action[];
	name: string;
	onClick: () => void;
	children: ReactNode;
} & ButtonProps) {
	const action = actions.find((entry) => entry.name === name);
	if (action === undefined) return null;
	if (action.allowed) {
		return (
			<Button {...rest} onClick={onClick}>
				{children}
			</Button>
		);
	}
	return (
		<Tooltip label={action.reason ?? ""} disabled={!action.reason} events={{ hover: true, focus: true, touch: true }}>
			<Button {...rest} data-disabled aria-disabled="true" onClick={(event) => event.preventDefault()}>
				{children}
			</Button>
		</Tooltip>
	);
}
