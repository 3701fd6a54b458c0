import { Link } from "@tanstack/react-router";
import type { ComponentProps, ReactNode } from "react";
import type { paths, Target } from "../util/paths.ts";

/** A link to any address of the path builder; the router's own link wants to know at compile time which one. */
export function TargetLink({ to, ...rest }: { to: Target; children?: ReactNode } & Omit<ComponentProps<"a">, "href">) {
	return <Link {...(rest as object)} {...(to as ReturnType<typeof paths.overview>)} />;
}
