import { expect, it } from "vitest";
import { show } from "../test/render.tsx";
import { en } from "../text/en.ts";
import { Status } from "./Status.tsx";
import type { StatusName } from "./StatusIcon.tsx";

const names = Object.keys(en.status) as StatusName[];

// Requirements: UI-4
it("gives every status its word and a silhouette of its own", async () => {
	const shapes = new Map<string, StatusName>();
	for (const status of names) {
		const { container, unmount } = await show(<Status status={status} />);
		expect(container.querySelector("[data-status]")?.textContent).toBe(en.status[status]);
		// Without classes only the shape is left, as for somebody who sees no colour.
		const shape = (container.querySelector("svg")?.innerHTML ?? "").replace(/ class="[^"]*"/g, "");
		const same = shapes.get(shape);
		// Starting and a requested cancel are the same quarter ring by design.
		if (same !== undefined) expect([same, status].sort()).toEqual(["cancel_requested", "starting"]);
		shapes.set(shape, status);
		unmount();
	}
	expect(names.length).toBe(15);
});

it("fills the ring of a running one to its percentage", async () => {
	const dash = async (percent: number) => {
		const { container, unmount } = await show(<Status status="running" percent={percent} />);
		const value = Number.parseFloat(container.querySelectorAll("circle")[1]?.getAttribute("stroke-dasharray") ?? "0");
		unmount();
		return value;
	};
	expect(await dash(80)).toBeCloseTo(2 * (await dash(40)));
});
