import { Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";

/** After navigation the focus goes to the page's heading, so that the keyboard and screen readers start there. */
export function Root() {
	const pathname = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
	const first = useRef(true);
	useEffect(() => {
		if (pathname === undefined) return;
		if (first.current) {
			first.current = false;
			return;
		}
		const heading = document.querySelector<HTMLElement>("h1");
		if (heading === null) return;
		heading.tabIndex = -1;
		heading.focus({ preventScroll: true });
	}, [pathname]);
	return <Outlet />;
}
