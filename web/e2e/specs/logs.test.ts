import type { Browser } from "playwright-core";
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

const run = (status: string) => server.store.runs.find((entry) => entry.status === status)?.id ?? "";

// Requirements: UI-24
it.each<Theme>(["light", "dark"])("shows the full log as text, searches it and leads back, in %s", async (theme) => {
	const visitor = await Visitor.open(browser, server.base, { theme });
	const { page } = visitor;
	await page.goto(`/runs/${run("partial_success")}`);
	await page.getByText("Full log", { exact: true }).click();
	const lines = page.getByRole("list", { name: "Full log" }).getByRole("listitem");
	await expect.poll(() => lines.count()).toBe(500);
	// Newest first, and nothing that an agent says becomes a part of the page.
	expect(await lines.first().textContent()).toContain("Finished.");
	expect(await lines.nth(10).textContent()).toContain("<img src=x onerror=alert(1)>");
	expect(await lines.nth(10).textContent()).toContain("<b>no</b> &amp; no");
	expect(await lines.locator("img, b").count()).toBe(0);
	await visitor.checkAccessible(`full log (${theme})`);
	await visitor.picture(`logs-full-${theme}`);
	await page.getByRole("button", { name: "Look at older lines" }).click();
	await expect.poll(() => lines.count()).toBe(1_000);
	await page.getByRole("combobox", { name: "Which lines" }).click();
	await page.getByRole("option", { name: "Warnings and errors" }).click();
	await expect.poll(() => lines.count()).toBe(13);
	await page.getByRole("textbox", { name: "Search the log" }).fill("SCAN-970");
	await expect.poll(() => lines.count()).toBe(1);
	await page.getByRole("textbox", { name: "Search the log" }).fill("nowhere");
	await visitor.expectVisible(page.getByText("No line matches."));
	const download = page.getByRole("link", { name: "Download log" });
	expect(await download.getAttribute("href")).toBe(`/api/v1/runs/${run("partial_success")}/log/download`);
	await page.getByRole("textbox", { name: "Search the log" }).fill("");
	await page.getByText("All", { exact: true }).click();
	await visitor.expectVisible(page.getByText("Started by hand."));
	await visitor.close();
});

it("fits a phone", async () => {
	const visitor = await Visitor.open(browser, server.base, { width: 390, height: 844 });
	const { page } = visitor;
	for (const status of ["running", "failed"]) {
		await page.goto(`/runs/${run(status)}`);
		await page.getByText("Full log", { exact: true }).click();
		await visitor.expectVisible(page.getByRole("list", { name: "Full log" }));
		await visitor.expectNoSidewaysScroll(`log of the ${status} run`);
		await visitor.picture(`phone-log-${status}`);
	}
	await visitor.close();
});
