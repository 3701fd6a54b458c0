import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launch, type Theme, Visitor } from "../harness/browser.ts";
import { type MockServer, startMockServer } from "../harness/mock-server.ts";

let browser: Browser;
let server: MockServer;

beforeAll(async () => {
	[browser, server] = await Promise.all([launch(), startMockServer()]);
});

afterAll(async () => {
	await browser.close();
	await server.close();
});

const slider = (page: Page) => page.getByRole("slider", { name: "Time" });
const inAddress = (page: Page, name: string) => new URL(page.url()).searchParams.get(name);

/** The points of the first job, the oldest first. */
function times(): string[] {
	const job = server.store.jobs[0]?.id;
	return server.store.points
		.filter((point) => point.job?.id === job && point.state !== "gone")
		.map((point) => point.time)
		.sort();
}

async function open(visitor: Visitor, search = ""): Promise<void> {
	await visitor.page.goto(`/snapshots?source=${server.store.jobs[0]?.id}${search}`);
	await visitor.expectVisible(slider(visitor.page));
	await visitor.expectVisible(visitor.page.getByRole("button", { name: "Open Board" }));
}

// Requirements: TM-3, TM-4
it("moves in time by keyboard and keeps the folder", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	const all = times();
	await open(visitor);
	await page.getByRole("button", { name: "Open Board" }).click();
	await expect.poll(() => inAddress(page, "path")).toBe("Board");
	await slider(page).focus();
	const value = async () => Number(await slider(page).getAttribute("aria-valuenow"));
	expect(await value()).toBe(all.length - 1);
	for (const [key, index] of [
		["ArrowLeft", all.length - 2],
		["Home", 0],
		["ArrowRight", 1],
		["End", all.length - 1],
	] as const) {
		await page.keyboard.press(key);
		expect(await value()).toBe(index);
		await expect.poll(() => inAddress(page, "at")).toBe(all[index]);
	}
	await page.keyboard.press("PageDown");
	const week = Date.parse(all.at(-1) ?? "") - Date.parse(all[await value()] ?? "");
	expect(week).toBeGreaterThanOrEqual(7 * 86_400_000 - 3_600_000);
	const words = (await slider(page).getAttribute("aria-valuetext")) ?? "";
	expect(words).toMatch(/\d{4}, \d\d:\d\d, [\d,]+ files, \d+ GB, [\d.]+ GB new/);
	await expect.poll(() => inAddress(page, "at")).toBe(all[await value()]);
	expect(inAddress(page, "path")).toBe("Board");
	expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("slider");

	// The address alone brings everything back; a time between two points means the one before.
	const at = new Date(Date.parse(all[5] ?? "") + 60_000).toISOString();
	await page.goto(`/snapshots?source=${server.store.jobs[0]?.id}&at=${at}&path=Board`);
	await visitor.expectVisible(slider(page));
	expect(await value()).toBe(5);
	await visitor.expectVisible(page.getByRole("button", { name: "Board", exact: true }));
	await visitor.close();
});

// Requirements: TM-4
it("chooses a point on the line, in the calendar and by the zoom", async () => {
	const visitor = await Visitor.open(browser, server.base, { theme: "dark" });
	const { page } = visitor;
	const all = times();
	await open(visitor);
	const box = await slider(page).boundingBox();
	if (box === null) throw new Error("the slider has no place");
	await page.mouse.click(box.x + 2, box.y + 20);
	await expect.poll(() => inAddress(page, "at")).toBe(all[0]);
	await page.mouse.click(box.x + box.width - 2, box.y + 20);
	await expect.poll(() => inAddress(page, "at")).toBe(all.at(-1));

	const calendar = page.getByRole("grid", { name: "Calendar" });
	await calendar.locator("button[tabindex='0']").focus();
	await page.keyboard.press("ArrowLeft");
	await page.keyboard.press("Enter");
	await expect.poll(async () => Number(await slider(page).getAttribute("aria-valuenow"))).toBeLessThan(all.length - 1);
	await page.keyboard.press("Home");
	await page.keyboard.press("Enter");
	await expect.poll(() => inAddress(page, "at")).toBe(all[0]);

	await page.getByRole("radiogroup", { name: "Part of the timeline" }).getByText("Month").click();
	await expect.poll(() => inAddress(page, "zoom")).toBe("month");
	await visitor.checkAccessible("month (dark)");
	await visitor.picture("explorer-month-dark");
	await visitor.close();
});

it("says when a folder came into being and leads there", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	const all = times();
	await open(visitor);
	await page.getByRole("button", { name: "Open Contracts" }).click();
	await expect.poll(() => inAddress(page, "path")).toBe("Contracts");
	await slider(page).focus();
	await page.keyboard.press("Home");
	await visitor.expectVisible(page.getByText(/^This folder did not exist on/));
	await visitor.expectVisible(page.getByText(/^It appears on/));
	await visitor.checkAccessible("a folder that did not exist");
	await visitor.picture("explorer-no-folder-light");
	await page.getByRole("button", { name: /^Go to/ }).click();
	await visitor.expectVisible(page.getByRole("button", { name: "Open Board" }));
	const at = inAddress(page, "at") ?? "";
	expect(all).toContain(at);
	expect(Date.now() - Date.parse(at)).toBeLessThan(40 * 86_400_000);
	expect(inAddress(page, "path")).toBe("Contracts");
	await visitor.close();
});

it.each<Theme>(["light", "dark"])("is used on a phone in %s", async (theme) => {
	const visitor = await Visitor.open(browser, server.base, { theme, width: 390, height: 844 });
	const { page } = visitor;
	await open(visitor);
	await visitor.expectNoSidewaysScroll("explorer");
	await visitor.picture(`explorer-phone-${theme}`);
	await page.getByText("Calendar", { exact: true }).click();
	const day = page.getByRole("grid", { name: "Calendar" }).getByRole("button").first();
	await visitor.expectVisible(day);
	await visitor.checkAccessible(`explorer on a phone (${theme})`);
	await visitor.expectNoSidewaysScroll("explorer with calendar");
	await visitor.picture(`explorer-phone-calendar-${theme}`);
	await day.click();
	await expect.poll(() => inAddress(page, "at")).not.toBeNull();
	await visitor.close();
});

// Requirements: TM-4
it("takes a job with a thousand points", async () => {
	const many = await startMockServer();
	const model = many.store.points[0];
	if (model === undefined) throw new Error("there is a point");
	for (let day = 500; day < 1_500; day += 1) {
		const time = new Date(Date.now() - day * 86_400_000).toISOString();
		many.store.points.push({ ...model, id: `many-${day}`, time, bytes_uploaded: (day % 97) * 1e8 });
	}
	const visitor = await Visitor.open(browser, many.base);
	const { page } = visitor;
	await page.goto(`/snapshots?source=${model.job?.id}`);
	await visitor.expectVisible(slider(page));
	const most = Number(await slider(page).getAttribute("aria-valuemax"));
	expect(most).toBeGreaterThanOrEqual(1_000);
	await slider(page).focus();
	await page.keyboard.press("Home");
	await expect.poll(() => inAddress(page, "at")).toBe(many.store.points.map((point) => point.time).sort()[0]);
	expect(await page.locator("svg rect").count()).toBeLessThan(300);
	await visitor.checkAccessible("a thousand points");
	await visitor.picture("explorer-thousand-light");
	await visitor.close();
	await many.close();
});

it("pins a point with a note and unpins it, by keyboard", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	await open(visitor);
	const more = page.getByRole("button", { name: /^More for the point of/ });
	await more.focus();
	await page.keyboard.press("Enter");
	await visitor.expectVisible(page.getByRole("menuitem", { name: "Pin" }));
	await visitor.checkAccessible("menu of a point");
	await page.getByRole("menuitem", { name: "Pin" }).press("Enter");
	const dialog = page.getByRole("dialog", { name: "Pin this point" });
	await visitor.expectVisible(dialog);
	await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe("INPUT");
	await visitor.checkAccessible("pin dialog");
	await page.keyboard.type("Before the move");
	await page.keyboard.press("Enter");
	await visitor.expectVisible(page.getByText("Pinned: Before the move"));
	await visitor.picture("explorer-pinned-light");
	await more.click();
	const remove = page.getByRole("menuitem", { name: /^Delete point/ });
	expect(await remove.isDisabled()).toBe(true);
	await page.getByRole("menuitem", { name: "Unpin", exact: true }).click();
	await expect.poll(() => page.getByText("Pinned: Before the move").count()).toBe(0);
	await visitor.close();
});

it("says what a deletion frees and when, and deletes only when told to", async () => {
	const visitor = await Visitor.open(browser, server.base, { theme: "dark" });
	visitor.allow(/status of 409/);
	const { page } = visitor;
	const all = times();
	const point = server.store.points.find((other) => other.time === all[3]);
	if (point === undefined) throw new Error("there is a point");
	await open(visitor, `&at=${all[3]}`);
	const ask = async () => {
		await page.getByRole("button", { name: /^More for the point of/ }).click();
		await page.getByRole("menuitem", { name: "Delete point" }).click();
		await visitor.expectVisible(page.getByRole("dialog", { name: /^Delete the point of/ }));
	};
	await ask();
	await visitor.expectVisible(page.getByText(/^Frees about 38.0 GB at most/));
	await visitor.expectVisible(page.getByText(/its lock of 30 days has ended/));
	await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe("Keep it");
	await visitor.checkAccessible("delete dialog");
	await visitor.picture("explorer-delete-dark");
	await page.keyboard.press("Escape");
	await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
	expect(point.state).toBe("present");

	// Somebody else is at it: words, and nothing happens.
	const source = point.source;
	point.source = "error";
	await ask();
	await page.getByRole("button", { name: "Delete point", exact: true }).click();
	await visitor.expectVisible(page.getByText("Something else is being done with the restore point"));
	await page.keyboard.press("Escape");
	point.source = source;

	await ask();
	await page.getByRole("button", { name: "Delete point", exact: true }).click();
	await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
	expect(point.state).toBe("gone");
	// The one before it is shown then.
	await expect.poll(async () => Number(await slider(page).getAttribute("aria-valuenow"))).toBe(2);
	await visitor.close();
});
