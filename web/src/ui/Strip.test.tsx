import { fireEvent, screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { show } from "../test/render.tsx";
import { Strip, type StripDay, StripHead } from "./Strip.tsx";

const days: StripDay[] = [
	{ date: "2026-11-20", kind: "success", label: "20 Nov: Succeeded", tip: ["20 Nov: Succeeded"] },
	{ date: "2026-11-21", kind: "failed", label: "21 Nov: Failed", tip: ["21 Nov: Failed", "2 failed"] },
	{ date: "2026-11-22", kind: "missed", label: "22 Nov: Missed", tip: ["22 Nov: Missed", "Due 22:00"] },
];

it("is one Tab stop whose days are reached by arrow keys", async () => {
	const open = vi.fn();
	await show(<Strip days={days} label="3 days: 1 succeeded, 1 failed, 1 missed" onOpen={open} />);
	const stops = () => screen.getAllByRole("button").map((day) => day.tabIndex);
	expect(stops()).toEqual([-1, -1, 0]);
	fireEvent.keyDown(screen.getByRole("group"), { key: "ArrowLeft" });
	expect(document.activeElement?.getAttribute("aria-label")).toBe("21 Nov: Failed");
	expect(stops()).toEqual([-1, 0, -1]);
	fireEvent.keyDown(screen.getByRole("group"), { key: "Home" });
	expect(document.activeElement?.getAttribute("aria-label")).toBe("20 Nov: Succeeded");
	fireEvent.click(screen.getByRole("button", { name: "22 Nov: Missed" }));
	expect(open).toHaveBeenCalledWith(days[2]);
});

it("says its summary", async () => {
	await show(<Strip days={days} label="3 days: 1 succeeded, 1 failed, 1 missed" />);
	expect(screen.getByRole("group", { name: "3 days: 1 succeeded, 1 failed, 1 missed" })).toBeTruthy();
});

it("shows the tip of a day on focus and on hover, and hides it on Escape", async () => {
	await show(<Strip days={days} label="3 days" />);
	const last = screen.getByRole("button", { name: "22 Nov: Missed" });
	fireEvent.focus(last);
	expect(screen.getByText("Due 22:00")).toBeTruthy();
	fireEvent.keyDown(last, { key: "Escape" });
	expect(screen.queryByText("Due 22:00")).toBeNull();
	fireEvent.mouseEnter(screen.getByRole("button", { name: "21 Nov: Failed" }));
	expect(screen.getByText("2 failed")).toBeTruthy();
	fireEvent.mouseLeave(screen.getByRole("button", { name: "21 Nov: Failed" }));
	expect(screen.queryByText("2 failed")).toBeNull();
});

it("keeps its Tab stop when fewer days are shown", async () => {
	const { rerender } = await show(<Strip days={days} label="3 days" />);
	fireEvent.focus(screen.getByRole("button", { name: "22 Nov: Missed" }));
	rerender(<Strip days={days.slice(1)} label="2 days" />);
	expect(screen.getAllByRole("button").map((day) => day.tabIndex)).toEqual([-1, 0]);
});

it("names every second day above, the last one always", async () => {
	const { container } = await show(<StripHead days={["2026-10-31", "2026-11-01", "2026-11-02", "2026-11-03"]} />);
	const head = container.querySelector("[aria-hidden]");
	expect([...(head?.children ?? [])].map((day) => day.textContent)).toEqual(["", "1", "", "3"]);
});
