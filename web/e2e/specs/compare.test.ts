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

const inAddress = (page: Page, name: string) => new URL(page.url()).searchParams.get(name);

/** The points of the first job, the newest first. */
function points() {
	const job = server.store.jobs[0]?.id;
	return server.store.points
		.filter((point) => point.job?.id === job)
		.sort((one, other) => other.time.localeCompare(one.time));
}

async function open(visitor: Visitor, search = ""): Promise<void> {
	const [b, a] = points();
	await visitor.page.goto(`/snapshots/compare?source=${server.store.jobs[0]?.id}&a=${a?.id}&b=${b?.id}${search}`);
	await visitor.expectVisible(visitor.page.getByRole("heading", { name: "Compare", level: 1 }));
}

// Requirements: TM-8
it("is reached from the explorer and opened folder by folder, by keyboard", async () => {
	const visitor = await Visitor.open(browser, server.base, { theme: "dark" });
	const { page } = visitor;
	await page.goto(`/snapshots?source=${server.store.jobs[0]?.id}`);
	await page.getByRole("link", { name: "Compare" }).focus();
	await page.keyboard.press("Enter");
	await visitor.expectVisible(page.getByRole("heading", { name: "Compare", level: 1 }));
	const [b, a] = points();
	expect([inAddress(page, "a"), inAddress(page, "b")]).toEqual([a?.id, b?.id]);
	await visitor.expectVisible(page.getByText("1,281,656"));
	await visitor.expectVisible(page.getByText("3 files"));
	const finance = page.getByRole("button", { name: "Finance" });
	await finance.focus();
	await page.keyboard.press("Enter");
	expect(await finance.getAttribute("aria-expanded")).toBe("true");
	const file = page.getByRole("button", { name: "budget-2027.xlsx" });
	await visitor.expectVisible(file);
	await file.focus();
	await page.keyboard.press("Enter");
	const panel = page.getByRole("complementary", { name: "File" });
	await visitor.expectVisible(panel.getByText("4,112,384 B"));
	await visitor.expectVisible(panel.getByText("4,198,400 B"));
	await visitor.checkAccessible("compare with a file (dark)");
	await visitor.picture("compare-dark");

	// Swapped: what was new is gone then.
	await page.getByRole("button", { name: "Swap the two points" }).click();
	await expect.poll(() => [inAddress(page, "a"), inAddress(page, "b")]).toEqual([b?.id, a?.id]);
	await visitor.close();
});

// Requirements: TM-8
it("filters by change and name, and restores the earlier version", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	const [, a] = points();
	await open(visitor);
	await page.getByRole("radiogroup", { name: "Which changes" }).getByText("Deleted").click();
	await expect.poll(() => inAddress(page, "kind")).toBe("deleted");
	await visitor.expectVisible(page.getByRole("button", { name: "CAD/library/bolt.dwg" }));
	expect(await page.getByRole("button", { name: /budget-2027/ }).count()).toBe(0);
	await page.getByRole("textbox", { name: "Filter by name" }).fill("none such");
	await visitor.expectVisible(page.getByText("No file matches"));
	await visitor.checkAccessible("compare without a match");
	await page.getByRole("button", { name: "Clear filters" }).click();
	await page.getByRole("button", { name: "Finance" }).click();
	await page.getByRole("checkbox", { name: "Bring back quarter-3.xlsx" }).check();
	await page.getByRole("checkbox", { name: "Bring back budget-2027.xlsx" }).check();
	await visitor.picture("compare-ticked-light");
	await page.getByRole("button", { name: "Restore 2 selected items" }).click();
	await visitor.expectVisible(page.getByRole("heading", { name: "Where should it go?" }));
	expect(inAddress(page, "point")).toBe(a?.id);
	await page.getByLabel("Target folder").fill("/restore");
	await page.getByRole("button", { name: "Continue to Rules" }).click();
	await page.getByRole("button", { name: "Continue to Review" }).click();
	// Paths keep their ends and are cut in the middle.
	await visitor.expectVisible(page.getByText("quarter-3.xlsx"));
	await visitor.expectVisible(page.getByText("budget-2027.xlsx"));

	// Everything that is gone, at one stroke.
	await open(visitor);
	await page.getByRole("button", { name: "Restore 3 deleted files" }).click();
	await visitor.expectVisible(page.getByRole("heading", { name: "Where should it go?" }));
	await visitor.close();
});

it.each<Theme>(["light", "dark"])("says that nothing differs, and fits a phone in %s", async (theme) => {
	const visitor = await Visitor.open(browser, server.base, { theme, width: 390, height: 844 });
	const { page } = visitor;
	const [, a] = points();
	await open(visitor);
	await page.getByRole("button", { name: "Finance" }).click();
	await visitor.expectVisible(page.getByRole("button", { name: "budget-2027.xlsx" }));
	await visitor.checkAccessible(`compare on a phone (${theme})`);
	await visitor.expectNoSidewaysScroll("compare");
	await visitor.picture(`compare-phone-${theme}`);
	if (a !== undefined) a.pin_note = "same";
	await open(visitor, "&q=");
	await visitor.expectVisible(page.getByText("No difference"));
	await visitor.expectVisible(page.getByText("1,283,560 files are the same."));
	await visitor.checkAccessible(`no difference (${theme})`);
	if (a !== undefined) a.pin_note = null;
	await visitor.close();
});
