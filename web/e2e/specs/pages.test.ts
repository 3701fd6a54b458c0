import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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

/** Every page with made-up data: name and address. */
function pages(): [name: string, path: string][] {
	const { store } = server;
	const run = (status: string) => store.runs.find((entry) => entry.status === status)?.id ?? "";
	const agent = store.agents[0]?.id ?? "";
	const point = store.points[0]?.id ?? "";
	return [
		["overview", "/"],
		["alerts", "/alerts"],
		["alerts-over", "/alerts?state=closed"],
		["alerts-no-match", "/alerts?severity=info"],
		["notifications", "/notifications"],
		["users", "/access/users"],
		["audit", "/audit"],
		["settings", "/settings/runs"],
		["settings-history", "/settings/history"],
		["runs", "/runs"],
		["runs-no-match", "/runs?status=cancelled"],
		["run-live", `/runs/${run("running")}`],
		["run-partial", `/runs/${run("partial_success")}`],
		["run-failed", `/runs/${run("failed")}`],
		["run-success", `/runs/${run("success")}`],
		["jobs", "/jobs"],
		["jobs-no-match", "/jobs?q=exchange"],
		["job", `/jobs/${store.jobs[0]?.id}`],
		["wizard-place", "/jobs/new/place"],
		["wizard-source", `/jobs/new/source?agent=${agent}`],
		["wizard-schedule", `/jobs/new/schedule?agent=${agent}`],
		["wizard-options", `/jobs/new/options?agent=${agent}`],
		["wizard-review", `/jobs/new/review?agent=${agent}`],
		...["place", "source", "schedule", "options", "review"].map((step): [string, string] => [
			`edit-${step}`,
			`/jobs/${store.jobs[0]?.id}/edit/${step}`,
		]),
		["duplicate", `/jobs/${store.jobs[0]?.id}/duplicate/review`],
		["agents", "/agents"],
		["agents-enrol", "/agents?panel=add"],
		["agent", `/agents/${agent}`],
		["vaults", "/vaults"],
		["vault-new", "/vaults/new"],
		["vault", `/vaults/${store.vaults[0]?.id}`],
		["snapshots", "/snapshots"],
		["search", "/search"],
		["search-found", "/search?q=budget"],
		["search-more", "/search?q=*&deleted=include"],
		["search-no-match", "/search?q=exchange&from=2026-11-01"],
		["snapshots-file", `/snapshots?point=${point}&file=Finance%2Fbudget-2027.xlsx`],
		["compare", "/snapshots/compare"],
		["restore", "/restore"],
		["restore-what", `/restore/new/what?point=${point}`],
		["restore-where", `/restore/new/where?point=${point}`],
		["restore-rules", `/restore/new/rules?point=${point}`],
		["restore-review", `/restore/new/review?point=${point}`],
		["sign-in", "/sign-in"],
		["set-up", "/set-up?token=abc"],
	];
}

async function open(visitor: Visitor, path: string): Promise<void> {
	await visitor.page.goto(path);
	await visitor.expectVisible(visitor.page.locator("h1"));
	await visitor.page.waitForLoadState("load");
	await expect.poll(() => visitor.page.locator("[aria-busy=true]").count()).toBe(0);
}

describe.each<Theme>(["light", "dark"])("every page in %s", (theme) => {
	it("is accessible, keeps the policy and logs no error", async () => {
		const visitor = await Visitor.open(browser, server.base, { theme });
		for (const [name, path] of pages()) {
			await open(visitor, path);
			await visitor.checkAccessible(`${name} (${theme})`);
			await visitor.picture(`pages-${name}-${theme}`);
		}
		await visitor.close();
	});
});

it("fits a phone", async () => {
	const visitor = await Visitor.open(browser, server.base, { width: 390, height: 844 });
	for (const [name, path] of pages()) {
		await open(visitor, path);
		await visitor.expectNoSidewaysScroll(name);
		await visitor.picture(`phone-${name}`);
	}
	await visitor.page.goto("/");
	await visitor.page.getByRole("button", { name: "More" }).click();
	await visitor.page.getByRole("link", { name: "Vaults" }).first().click();
	await visitor.expectVisible(visitor.page.getByRole("heading", { name: "Vaults", level: 1 }));
	await visitor.close();
});

it("speaks German", async () => {
	const visitor = await Visitor.open(browser, server.base, { locale: "de-DE" });
	await open(visitor, "/");
	expect(await visitor.page.locator("html").getAttribute("lang")).toBe("de");
	await visitor.expectVisible(visitor.page.getByRole("heading", { name: "Übersicht", level: 1 }));
	for (const [name, path] of pages().slice(0, 21)) {
		await open(visitor, path);
		await visitor.picture(`german-${name}`);
	}
	await visitor.close();
});

it("is used by keyboard: skip link, focus on the heading, menu and dialog", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	await open(visitor, "/");
	await page.keyboard.press("Tab");
	expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to content");
	await page.getByRole("link", { name: "Jobs", exact: true }).focus();
	await page.keyboard.press("Enter");
	await visitor.expectVisible(page.getByRole("heading", { name: "Jobs", level: 1 }));
	await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe("H1");
	await page.getByRole("button", { name: /Account of/ }).focus();
	await page.keyboard.press("Enter");
	await visitor.expectVisible(page.getByRole("menuitem", { name: "Dark" }));
	await visitor.checkAccessible("account menu");
	await page.getByRole("menuitem", { name: "Dark" }).press("Enter");
	await expect.poll(() => page.locator("html").getAttribute("data-mantine-color-scheme")).toBe("dark");
	await visitor.close();
});

it("answers on the start page what is protected, what was missed and when the storage is full", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	await open(visitor, "/");
	await visitor.expectVisible(page.getByText(/3 jobs have a restore point inside their limit/));

	// The strip is read by keyboard: one Tab stop a row, a tip a day, Enter opens the runs of that day.
	const row = page.getByRole("group", { name: /^Nightly database dumps, 21 days: / });
	await row.getByRole("button").last().focus();
	await page.keyboard.press("ArrowLeft");
	await page.keyboard.press("ArrowLeft");
	expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toMatch(
		/Missed, due \d\d:\d\d/,
	);
	await visitor.checkAccessible("overview with a tip");
	await visitor.picture("overview-tip");
	await page.keyboard.press("Enter");
	await visitor.expectVisible(page.getByRole("heading", { name: "Runs", level: 1 }));
	await visitor.expectVisible(page.getByText(/of Nightly database dumps, \d+ \w+$/));
	await expect.poll(() => page.getByRole("row").count()).toBe(2);
	await visitor.checkAccessible("runs of one day");

	// One machine alone; the address says which.
	await open(visitor, "/");
	await page.getByRole("combobox", { name: "Only jobs of one machine" }).click();
	await page.getByRole("option", { name: "db-01" }).click();
	await expect.poll(() => page.getByRole("group", { name: /21 days: / }).count()).toBe(1);
	expect(new URL(page.url()).searchParams.get("agent")).toBe(server.store.agents[1]?.id);
	await visitor.checkAccessible("overview of one machine");

	// The forecast is a range; without a capacity it says so, and where to tell it.
	await visitor.expectVisible(page.getByText(/^Full in about \d+ days \(\d+ to \d+\)/));
	await visitor.expectVisible(page.getByRole("img", { name: "Used space of offsite-ceph on 90 days" }));
	await page.getByText("Show as table").click();
	await expect.poll(() => page.getByRole("row").count()).toBeGreaterThan(90);
	await visitor.checkAccessible("growth as a table");
	await page.getByRole("button", { name: "Change capacity" }).click();
	const dialog = page.getByRole("dialog", { name: "Capacity of offsite-ceph" });
	await dialog.getByLabel("Capacity in GB").fill("much");
	await visitor.expectVisible(dialog.getByText("Enter a number above 0, or nothing."));
	await visitor.checkAccessible("capacity");
	await visitor.picture("capacity");
	await dialog.getByLabel("Capacity in GB").fill("");
	await dialog.getByRole("button", { name: "Save capacity" }).click();
	await visitor.expectVisible(page.getByText(/How much it may hold is not known/));
	await page.getByRole("button", { name: "Set capacity" }).first().click();
	await dialog.getByLabel("Capacity in GB").fill("6000");
	await dialog.getByRole("button", { name: "Save capacity" }).click();
	await visitor.expectVisible(page.getByText(/^Full in about/));
	await visitor.close();
});

// Requirements: LIVE-17
it("asks in its own dialog before a run is cancelled, the safe answer in focus", async () => {
	const visitor = await Visitor.open(browser, server.base, { theme: "dark" });
	const { page } = visitor;
	const run = server.store.runs.find((entry) => entry.status === "running");
	await open(visitor, `/runs/${run?.id}`);
	await page.getByRole("button", { name: "Cancel run" }).click();
	await visitor.expectVisible(page.getByRole("dialog", { name: /Cancel this run of/ }));
	await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe("Keep running");
	await visitor.checkAccessible("cancel dialog");
	await visitor.picture("pages-run-cancel-dark");
	await page.keyboard.press("Escape");
	await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
	expect(run?.cancel_requested).toBe(false);
	await visitor.close();
});

// Requirements: ALR-1
it("takes note of an alert, which then is not counted any more", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	await open(visitor, "/");
	const badge = page.getByRole("link", { name: /Overview/ }).first();
	const counted = async () => Number.parseInt((await badge.locator(".visually-hidden").textContent()) ?? "", 10);
	const before = await counted();
	await page.getByRole("link", { name: "All alerts" }).click();
	await visitor.expectVisible(page.getByRole("heading", { name: "Alerts", level: 1 }));
	const row = page.getByRole("listitem").filter({ hasText: "is not reachable" });
	await row.getByRole("button", { name: "Take note" }).click();
	await visitor.expectVisible(row.getByText("took note"));
	await visitor.checkAccessible("alerts, one acknowledged");
	await expect.poll(counted).toBe(before - 1);
	await page.getByRole("button", { name: "Run now" }).focus();
	await page.keyboard.press("Enter");
	await expect.poll(() => new URL(page.url()).pathname).toMatch(/^\/runs\//);
	server.store.acknowledged.clear();
	await visitor.close();
});

// Requirements: NOTIF-2
it("makes a channel, tries it before it is saved, and shows its secret once", async () => {
	const visitor = await Visitor.open(browser, server.base);
	visitor.allow(/status of 422/);
	const { page } = visitor;
	await open(visitor, "/");
	await page.getByRole("link", { name: "Notifications" }).first().click();
	await visitor.expectVisible(page.getByText("Nothing arrives since"));
	await page.getByRole("listitem", { name: "IT department" }).getByRole("button", { name: "Send a test" }).click();
	await visitor.expectVisible(page.getByText("The test was delivered"));
	await page.getByRole("button", { name: "New channel" }).click();
	const dialog = page.getByRole("dialog", { name: "New channel" });
	await visitor.expectVisible(dialog.getByLabel("Mail server"));
	await visitor.checkAccessible("new mail channel");
	await visitor.picture("notifications-new-mail");
	await dialog.getByRole("radio", { name: /Signed request/ }).check();
	await dialog.getByLabel("Name").fill("error team");
	await dialog.getByLabel("Address", { exact: true }).fill("https://x.example/hook");
	await dialog.getByRole("button", { name: "Send a test" }).click();
	await visitor.expectVisible(dialog.getByText("The test was delivered"));
	await dialog.getByRole("button", { name: "Save channel" }).click();
	await visitor.expectVisible(dialog.getByText("is not an address"));
	await visitor.checkAccessible("refused channel");
	await dialog.getByLabel("Name").fill("Team");
	await dialog.getByRole("button", { name: "Save channel" }).click();
	const secret = page.getByRole("dialog", { name: "The signing secret" });
	await visitor.expectVisible(secret.getByText("It is not shown again"));
	await visitor.checkAccessible("signing secret");
	await visitor.picture("notifications-secret");
	await secret.getByRole("button", { name: "It is kept" }).click();
	const row = page.getByRole("listitem", { name: "Team" });
	await visitor.expectVisible(row.getByText("https://x.example/hook"));
	await row.getByRole("button", { name: "Delete" }).click();
	await visitor.checkAccessible("delete channel");
	await page.getByRole("button", { name: "Delete channel" }).click();
	await expect.poll(() => page.getByRole("listitem", { name: "Team" }).count()).toBe(0);
	await visitor.close();
});

it("changes a schedule where it stands, and shows its refusal at the field", async () => {
	const visitor = await Visitor.open(browser, server.base);
	visitor.allow(/status of 422/);
	const { page } = visitor;
	const job = server.store.jobs[0];
	await open(visitor, `/jobs/${job?.id}`);
	await page.getByRole("button", { name: "Edit schedule" }).click();
	const dialog = page.getByRole("dialog", { name: `Schedule of ${job?.name}` });
	const choose = async (type: string) => {
		await dialog.getByRole("combobox", { name: "Starts" }).click();
		await page.getByRole("option", { name: type }).click();
	};
	for (const [type, words] of [
		["By hand only", "Started by hand"],
		["Each hour", "Hourly"],
		["On days of the week", "Mon to Fri 22:00"],
		["Once a month", "Monthly on day 1, 22:00"],
	] as const) {
		await choose(type);
		await visitor.expectVisible(dialog.getByText(words, { exact: true }));
		await visitor.checkAccessible(`schedule: ${type}`);
		await visitor.picture(`schedule-${type.replaceAll(" ", "-").toLowerCase()}`);
	}
	await choose("By a cron expression");
	await dialog.getByLabel("Cron expression").fill("error");
	await visitor.expectVisible(dialog.getByText("cannot be read as a cron expression"));
	await dialog.getByLabel("Cron expression").fill("0 22 * * 1-5");
	await dialog.getByRole("button", { name: "Add window" }).click();
	await visitor.expectVisible(dialog.getByText("after the window"));
	await visitor.checkAccessible("schedule: cron");
	await visitor.picture("schedule-cron");
	await dialog.getByRole("button", { name: "Save schedule" }).click();
	await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
	await visitor.expectVisible(page.getByText("Mon to Fri 22:00"));
	await visitor.expectVisible(page.getByText("Not between 08:00 and 18:00"));
	await visitor.close();
});

it("changes a retention where it stands, and shows what would be kept", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	const job = server.store.jobs[0];
	await open(visitor, `/jobs/${job?.id}`);
	await page.getByRole("button", { name: "Edit retention" }).click();
	const dialog = page.getByRole("dialog", { name: `Retention of ${job?.name}` });
	await visitor.expectVisible(dialog.getByText("Applied now: 2 kept, 1 deleted."));
	await visitor.checkAccessible("retention");
	await visitor.picture("retention-standard");
	for (const rule of ["Latest", "Hourly", "Daily", "Weekly", "Monthly", "Yearly"]) {
		await dialog.getByLabel(rule, { exact: true }).fill("0");
	}
	await visitor.expectVisible(dialog.getByText(/Keep at least one restore point/));
	expect(await dialog.getByRole("button", { name: "Save retention" }).isDisabled()).toBe(true);
	await dialog.getByLabel("Daily", { exact: true }).fill("x");
	await visitor.expectVisible(dialog.getByText("Enter a number from 0 to 1,000."));
	await visitor.checkAccessible("retention refused");
	await dialog.getByRole("combobox", { name: "How long" }).click();
	await page.getByRole("option", { name: "Keep everything" }).click();
	await visitor.expectVisible(dialog.getByText(/No restore point is ever deleted/));
	await visitor.picture("retention-everything");
	await dialog.getByRole("combobox", { name: "How long" }).click();
	await page.getByRole("option", { name: "Long: ten years" }).click();
	await dialog.getByText("In 3 years").click();
	await visitor.expectVisible(dialog.getByText(/^Before that: /));
	await visitor.checkAccessible("retention in three years");
	await visitor.picture("retention-long");
	await dialog.getByRole("button", { name: "Save retention" }).click();
	await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
	await visitor.expectVisible(page.getByText(/^Keeps 10 newest, 48 hourly, 30 daily/));
	await visitor.close();
});

// Requirements: ENG-KOPIA-16
it("shows who keeps a vault in order, and has it done on request", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	const [vault, local] = server.store.vaults;
	await open(visitor, `/vaults/${vault?.id}`);
	await visitor.expectVisible(page.getByText(/freed 96.0 GB/));
	await visitor.expectVisible(page.getByText(/^112 GB from/));
	await page.getByRole("button", { name: "Run maintenance now" }).click();
	await visitor.expectVisible(page.getByText(/12 s, freed 3.20 GB/));
	await visitor.expectVisible(page.getByText("Everything is read again within 30 days.", { exact: false }));
	await visitor.expectVisible(page.getByText("67%, 322 GB"));
	await visitor.expectVisible(page.getByText("1 object is damaged or missing"));
	await visitor.checkAccessible("maintenance and what was read back");
	await visitor.picture("maintenance");
	await open(visitor, `/vaults/${local?.id}`);
	await visitor.expectVisible(page.getByText("Maintenance belongs to backup@old-server"));
	await visitor.expectVisible(page.getByText("Nothing was read back so far.", { exact: false }));
	await visitor.checkAccessible("maintenance of another program");
	await visitor.picture("maintenance-foreign");
	await visitor.close();
});

it("shows a refusal at its field and in words", async () => {
	const visitor = await Visitor.open(browser, server.base);
	visitor.allow(/status of 422/);
	const { page } = visitor;
	await open(visitor, "/vaults/new");
	await page.getByLabel("Name").fill("error one");
	await page.getByRole("radio", { name: /Folder on a machine/ }).check();
	await page.getByLabel("Path of the folder").fill("/srv/vault");
	await page.getByRole("button", { name: "Create vault" }).click();
	await visitor.expectVisible(page.getByText("The name is used by another vault."));
	await visitor.expectVisible(page.getByText("Some of the input is not valid"));
	await visitor.checkAccessible("refused form");
	await visitor.close();
});

it("says that something is not there without saying whose it is", async () => {
	const visitor = await Visitor.open(browser, server.base);
	visitor.allow(/status of 404/);
	await visitor.page.goto("/jobs/0190a000-0000-7000-8000-999999999999");
	await visitor.expectVisible(visitor.page.getByText("There is nothing here"));
	await visitor.close();
});

it("leads a signed-out visitor to sign-in and back", async () => {
	const visitor = await Visitor.open(browser, server.base);
	visitor.allow(/status of 401/);
	const { page } = visitor;
	server.store.signedIn = false;
	await page.goto("/vaults");
	await visitor.expectVisible(page.getByRole("heading", { name: "Sign in" }));
	await page.getByLabel("E-mail address").fill("ops@harbour.example");
	await page.getByRole("textbox", { name: "Password" }).fill("wrong");
	await page.getByRole("button", { name: "Sign in" }).click();
	await visitor.expectVisible(page.getByText("E-mail address or password is wrong"));
	await page.getByRole("textbox", { name: "Password" }).fill("right horse battery");
	await page.getByRole("button", { name: "Sign in" }).click();
	await visitor.expectVisible(page.getByRole("heading", { name: "Vaults", level: 1 }));
	await visitor.close();
});

it("finds a file, keeps what was found, and leads to its restore", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	await open(visitor, "/restore");
	await page.getByRole("textbox", { name: "Which file or folder?" }).fill("budget");
	await page.keyboard.press("Enter");
	await visitor.expectVisible(page.getByRole("heading", { name: "Find a file", level: 1 }));
	await visitor.expectVisible(page.getByText("1 file or folder found."));
	await visitor.expectVisible(page.getByText("1 vault was not searched"));
	const versions = page.getByRole("button", { name: "4 versions of budget-2027.xlsx" });
	await versions.press("Enter");
	const list = page.getByRole("list", { name: "Versions of budget-2027.xlsx" });
	await expect.poll(() => list.getByRole("listitem").count()).toBe(4);
	await visitor.checkAccessible("versions of a hit");
	await visitor.picture("pages-search-versions");
	// A download that is refused says why, where it was asked for.
	await list
		.getByRole("button", { name: /^Download budget-2027.xlsx/ })
		.first()
		.click();
	await visitor.expectVisible(list.getByText(/gone.txt/));
	// Whoever comes back by the menu finds it all again, without asking anew.
	const asked: string[] = [];
	page.on("request", (request) => {
		if (request.url().endsWith("/api/v1/searches")) asked.push(request.url());
	});
	await page.getByRole("link", { name: "Vaults", exact: true }).click();
	await visitor.expectVisible(page.getByRole("heading", { name: "Vaults", level: 1 }));
	await page.getByRole("link", { name: "Find a file", exact: true }).click();
	await visitor.expectVisible(page.getByText("1 file or folder found."));
	expect(asked).toEqual([]);
	await page
		.getByRole("button", { name: /^Restore budget-2027.xlsx of/ })
		.first()
		.click();
	await visitor.expectVisible(page.getByRole("heading", { name: "Where should it go?" }));
	await visitor.close();
});

it("goes on with a search that matches more than a page, and says when nothing matches", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	await open(visitor, "/search?q=*");
	await visitor.expectVisible(page.getByText("The first 5 files and folders are shown."));
	await page.getByRole("button", { name: "Load more" }).click();
	await visitor.expectVisible(page.getByText("10 files and folders found."));
	await page.getByRole("textbox", { name: "Which file or folder?" }).fill("exchange");
	await page.getByRole("button", { name: "Search", exact: true }).click();
	await visitor.expectVisible(page.getByText("Nothing is named “exchange”"));
	await visitor.close();
});
