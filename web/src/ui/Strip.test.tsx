import { fireEvent, screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { show } from "../test/render.tsx";
import { Strip, type StripDay } from "./Strip.tsx";

const days: StripDay[] = [
	{ date: "2026-11-20", kind: "success", label: "20 Nov: Succeeded" },
	{ date: "2026-11-21", kind: "failed", label: "21 Nov: Failed" },
	{ date: "2026-11-22", kind: "missed", label: "22 Nov: Missed" },
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
