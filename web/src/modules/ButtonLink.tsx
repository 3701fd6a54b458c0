import { Button, type ButtonProps } from "@mantine/core";
import type { ReactNode } from "react";
import type { Target } from "../util/paths.ts";
import { TargetLink } from "./TargetLink.tsx";

/** A link that looks like a button. */
export function ButtonLink({ to, children, ...rest }: { to: Target; children: ReactNode } & ButtonProps) {
	return (
		<Button {...rest} renderRoot={(props) => <TargetLink {...props} to={to} />}>
			{children}
		</Button>
	);
}
