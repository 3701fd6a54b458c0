import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { launch, Visitor } from "../harness/browser.ts";
import { type MockServer, startMockServer } from "../harness/mock-server.ts";

let browser: Browser;
let server: MockServer;

beforeAll(async () => {
	browser = await launch();
});

beforeEach(async () => {
	server = await startMockServer();
	return () => server.close();
});

afterAll(async () => {
	await browser.close();
});

const heading = (page: Page, name: string) => page.getByRole("heading", { name, level: 1 });

// Requirements: ADM-6, SET-1c, SET-1d
it("changes settings: watchdog and grace together, each with its default, changed ones marked", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	await page.goto("/");
	await page.getByRole("link", { name: "Settings" }).click();
	await visitor.expectVisible(heading(page, "Settings"));
	await visitor.expectVisible(page.getByText("Default: 180 seconds, 3 min."));
	await visitor.expectVisible(page.getByText("Nothing is changed yet."));
	expect(await page.getByText("Changed", { exact: true }).count()).toBe(0);
	await page.getByLabel("Grace").fill("800");
	await visitor.expectVisible(page.getByText("Must be longer than the grace, or no run could be handed back."));
	expect(await page.getByRole("button", { name: "Save changes" }).isDisabled()).toBe(true);
	await page.getByLabel("Watchdog").fill("x");
	await visitor.expectVisible(page.getByText("Enter a whole number from 11 to 604,800."));
	await page.getByLabel("Watchdog").fill("1600");
	await visitor.checkAccessible("settings, changed");
	await page.getByRole("button", { name: "Save changes" }).click();
	await visitor.expectVisible(page.getByText("Saved. It holds from now on."));
	expect(await page.getByText("Changed", { exact: true }).count()).toBe(2);
	expect(server.store.settings.watchdog_timeout_seconds.value).toBe(1600);
	expect(server.store.settings.run_log_days.value).toBe(90);
	await page.getByLabel("Search in settings").fill("erased");
	await visitor.expectVisible(page.getByLabel("Full logs"));
	await visitor.expectVisible(page.getByLabel("Events"));
	expect(await page.getByLabel("Grace").count()).toBe(0);
	await page.getByLabel("Search in settings").fill("nothing has this");
	await visitor.expectVisible(page.getByText("No setting fits"));
	await page.getByRole("link", { name: "History" }).click();
	await visitor.expectVisible(page.getByLabel("Full logs"));
	await visitor.close();
});

it("shows what the environment fixes and does not let it be changed", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	server.store.settings.public_url.fixed_by = "HOLDFAST_PUBLIC_URL";
	await page.goto("/settings/address");
	await visitor.expectVisible(page.getByText(/Set by HOLDFAST_PUBLIC_URL/));
	expect(await page.getByLabel("Address of the server").getAttribute("readonly")).not.toBeNull();
	await visitor.close();
});

it("makes, changes and deletes accounts, and says why the last administrator stays", async () => {
	const visitor = await Visitor.open(browser, server.base);
	visitor.allow(/409/);
	const { page } = visitor;
	await page.goto("/access/users");
	await page.getByRole("button", { name: "New account" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel("E-mail address").fill("mara@harbour.example");
	await dialog.getByRole("textbox", { name: "First password" }).fill("long enough to be taken");
	await dialog.getByLabel("Operator").check();
	await dialog.getByRole("button", { name: "Create account" }).click();
	await visitor.expectVisible(dialog.getByText("The e-mail address has an account already."));
	await visitor.checkAccessible("new account");
	await dialog.getByLabel("E-mail address").fill("nils@harbour.example");
	await dialog.getByRole("button", { name: "Create account" }).click();
	await visitor.expectVisible(page.getByRole("row").filter({ hasText: "nils@harbour.example" }).getByText("Operator"));

	await page.getByRole("button", { name: "Edit Ops" }).click();
	await dialog.getByLabel("Viewer").check();
	await dialog.getByRole("button", { name: "Save" }).click();
	await visitor.expectVisible(dialog.getByText("The last administrator must stay."));
	await dialog.getByRole("button", { name: "Cancel" }).click();
	expect(await page.getByRole("button", { name: "Delete Ops" }).count()).toBe(0);
	await page.getByRole("button", { name: "Delete Auditor" }).click();
	await visitor.expectVisible(dialog.getByText("What this person did stays in the audit log."));
	await dialog.getByRole("button", { name: "Delete account" }).click();
	await expect.poll(() => server.store.users.some((user) => user.name === "Auditor")).toBe(false);
	await visitor.close();
});

it("tells who changed what, in words and with the raw word where there are none", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	await page.goto("/audit");
	const row = (name: string) => page.getByRole("row").filter({ hasText: name });
	await visitor.expectVisible(row("Recovery kit shown or written").getByText("192.0.2.17"));
	await visitor.expectVisible(row("Restore points deleted").getByText("server", { exact: true }));
	await visitor.expectVisible(row("a.thing_of_tomorrow").first());
	await visitor.close();
});

it("leaves pages out that the role may not open", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	server.store.me.actions = server.store.me.actions.filter((action) => action.name === "jobs.create");
	await page.goto("/");
	await visitor.expectVisible(page.getByRole("link", { name: "Vaults" }));
	for (const name of ["Settings", "Audit", "Users and access"]) {
		expect(await page.getByRole("link", { name, exact: true }).count(), name).toBe(0);
	}
	await visitor.close();
});
