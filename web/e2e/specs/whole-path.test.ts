import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it, onTestFailed } from "vitest";
import { launch, type Theme, Visitor } from "../harness/browser.ts";
import { Stack } from "../harness/stack.ts";
import { describeTree, makeOffice, makeRandom } from "../harness/trees.ts";

const email = "ops@harbour.example";
const password = "right horse battery staple";

let browser: Browser;
const stack = new Stack();
let failed = false;

beforeAll(async () => {
	browser = await launch();
});

afterAll(async () => {
	await browser.close();
	await stack.stop(failed);
});

/** Shows the same page in both themes. */
async function both(visitor: Visitor, name: string): Promise<void> {
	for (const theme of ["dark", "light"] as const satisfies readonly Theme[]) {
		await visitor.page.emulateMedia({ colorScheme: theme });
		await visitor.checkAccessible(`${name} (${theme})`);
		await visitor.picture(`path-${name}-${theme}`);
	}
}

const heading = (page: Page, name: string | RegExp) => page.getByRole("heading", { name, level: 1 });

// Requirements: PLT-5, PRG-15, RST-2, RST-6, BRW-1, TM-7, API-C-33, UI-5, UI-11, UI-14, UI-25, LIVE-14, LIVE-15
it("goes from an empty server to a restored folder", { timeout: 600_000 }, async () => {
	onTestFailed(() => {
		failed = true;
	});
	const source = stack.path("source", "office");
	mkdirSync(source, { recursive: true });
	makeOffice(source);
	makeRandom(join(source, "Raw footage", "hall-7.mov"), 6_000_000);
	const { base, setUp } = await stack.startServer();
	const visitor = await Visitor.open(browser, base);
	visitor.allow(/status of 401/);
	const { page } = visitor;

	// Set-up: the first account.
	await page.goto(setUp);
	await visitor.expectVisible(heading(page, "Set up this server"));
	await both(visitor, "set-up");
	await page.getByLabel("Name of your organisation").fill("Harbour Logistics");
	await page.getByLabel("E-mail address").fill(email);
	await page.getByRole("textbox", { name: "Password" }).fill(password);
	await page.getByRole("button", { name: "Create account" }).click();
	await visitor.expectVisible(page.getByText("Nothing is protected yet"));
	await both(visitor, "first-steps");

	// Enrol: the page's own command, and the machine appears by itself.
	await page.getByRole("link", { name: "Add machine" }).click();
	const command = page.locator("pre").first();
	await visitor.expectVisible(command);
	await stack.enrol((await command.textContent()) ?? "");
	const protect = page.getByRole("link", { name: "Protect it" });
	await visitor.expectVisible(protect, 30_000);
	await both(visitor, "enrol");

	// Vault: a folder on that machine, tested before it is made.
	await page.goto("/vaults/new");
	await page.getByLabel("Name").fill("local-disk");
	await page.getByRole("radio", { name: /Folder on a machine/ }).check();
	await page.getByLabel("Path of the folder").fill(stack.path("vault"));
	await page.getByRole("button", { name: "Test connection" }).click();
	await visitor.expectVisible(page.getByText("Everything works"), 40_000);
	await both(visitor, "vault-new");
	await page.getByRole("button", { name: "Create vault" }).click();
	await visitor.expectVisible(heading(page, "local-disk"));
	await visitor.expectVisible(page.getByText("Ready", { exact: true }), 40_000);
	await both(visitor, "vault");

	// Recovery kit: only after the password was asked again.
	await page.getByRole("button", { name: "Show kit" }).click();
	const kit = page.getByRole("dialog");
	await kit.getByRole("textbox", { name: "Your password" }).fill(password);
	await kit.getByRole("button", { name: "Show kit" }).click();
	await visitor.expectVisible(kit.getByText("Password of the vault"));
	await page.keyboard.press("Escape");

	// Job: the source is browsed on the machine.
	await page.goto("/jobs");
	await page.getByRole("link", { name: "New job" }).first().click();
	await visitor.expectVisible(heading(page, "Which machine, and where to?"));
	await choose(page, "Machine", 0);
	await choose(page, "Vault", 0);
	await both(visitor, "wizard-place");
	await page.getByRole("button", { name: "Continue to Source" }).click();
	await visitor.expectVisible(heading(page, "What should be protected?"));
	await browseTo(page, source);
	const folder = page.getByRole("checkbox", { name: `Protect ${source}`, exact: true });
	await reveal(page, folder);
	await folder.check();

	// Rules: the machine counts what they leave out, and says which one decides about a path.
	const rules = page.getByRole("region", { name: "Rules" });
	await rules.getByRole("textbox", { name: "Add a rule that leaves out" }).fill("Finance/*.csv");
	await rules.getByRole("button", { name: "Add" }).click();
	await rules.getByRole("textbox", { name: "Add a rule that leaves out" }).fill("*.none");
	await rules.getByRole("button", { name: "Add" }).click();
	await visitor.expectVisible(rules.getByText(/^1 file,/));
	await visitor.expectVisible(rules.getByText(`${source}/Finance/budget-2027.csv`));
	await visitor.expectVisible(rules.getByText("matches nothing"));
	await page.getByRole("textbox", { name: "Check a path" }).fill(`${source}/Finance/budget-2027.csv`);
	await page.getByRole("button", { name: "Check", exact: true }).click();
	await visitor.expectVisible(page.getByText("by rule 1"));
	await both(visitor, "wizard-source");
	await rules.getByRole("button", { name: "Remove the rule Finance/*.csv" }).click();
	await expect.poll(() => rules.getByText(/^1 file,/).count()).toBe(0);
	await page.getByRole("button", { name: "Continue to Schedule" }).click();

	// Schedule: the server tells the next ten runs, and words say what was chosen.
	await visitor.expectVisible(heading(page, "When should it run?"));
	const next = page.getByRole("list", { name: "Next runs" });
	await expect.poll(() => next.getByRole("listitem").count()).toBe(10);
	await visitor.expectVisible(page.getByText("Daily 22:00").first());
	await page.getByRole("combobox", { name: "Starts" }).click();
	await page.getByRole("option", { name: "On days of the week" }).click();
	await page.getByLabel("Time", { exact: true }).fill("03:30");
	await page.getByLabel(/^At most until/).fill("06:00");
	await page.getByRole("button", { name: "Add window" }).click();
	await expect.poll(() => next.getByRole("listitem").first().textContent()).toMatch(/03:30/);
	await both(visitor, "wizard-schedule");
	await page.getByRole("button", { name: "Continue to Retention and policy" }).click();

	// Retention: the calendar is the server's own reckoning, and follows the numbers.
	await visitor.expectVisible(heading(page, "How long are restore points kept?"));
	const kept = page.getByRole("region", { name: "What would be kept" });
	await visitor.expectVisible(kept.getByText("Monthly").first());
	await page.getByLabel("Daily", { exact: true }).fill("14");
	await page.getByLabel("Monthly", { exact: true }).fill("0");
	await expect.poll(() => page.getByRole("combobox", { name: "How long" }).inputValue()).toBe("Own numbers");
	await expect.poll(() => kept.getByText("Monthly").count()).toBe(0);
	await page.getByLabel(/Limit the upload/).fill("1");
	await both(visitor, "wizard-options");
	await page.getByRole("button", { name: "Continue to Review" }).click();
	await page.getByLabel("Name of the job").fill("Office documents");
	await visitor.expectVisible(page.getByText("Mon to Fri 03:30").first());
	await visitor.expectVisible(page.getByText(/^Keeps 10 newest, 48 hourly, 14 daily, 4 weekly/));
	await both(visitor, "wizard-review");
	await page.getByRole("button", { name: "Create job and start it" }).click();

	// Live: it moves, and turns into the finished run by itself.
	await visitor.expectVisible(page.getByRole("button", { name: "Cancel run" }), 30_000);
	const percent = page.getByTestId("percent");
	await expect.poll(async () => (await percent.textContent()) ?? "", { timeout: 60_000 }).toMatch(/^\d/);
	await both(visitor, "run-live");
	await visitor.expectVisible(page.getByText("A restore point was made."), 120_000);
	await both(visitor, "run-finished");

	// The full log came with the run, and is downloaded as it is shown.
	await page.getByText("Full log", { exact: true }).click();
	const lines = page.getByRole("list", { name: "Full log" });
	await visitor.expectVisible(lines.getByText("The backup has begun."));
	await visitor.expectVisible(lines.getByText(`Source: ${source}`));
	await both(visitor, "run-log");
	const [download] = await Promise.all([
		page.waitForEvent("download"),
		page.getByRole("link", { name: "Download log" }).click(),
	]);
	const file = readFileSync(await download.path(), "utf8");
	expect(file).toContain("The backup has begun.");
	expect(file.trimEnd().split("\n").length).toBe(await lines.getByRole("listitem").count());

	// The job says when it runs next, and the schedule is changed where it stands.
	await page.goto("/jobs");
	await visitor.expectVisible(page.getByText("Mon to Fri 03:30"));
	await visitor.expectVisible(page.getByText(/^next /));
	await page.getByRole("link", { name: "Office documents" }).click();
	await visitor.expectVisible(page.getByText("Not between 08:00 and 18:00"));
	await expect.poll(() => next.getByRole("listitem").count()).toBe(10);
	await both(visitor, "job-schedule");
	await page.getByRole("button", { name: "Edit schedule" }).click();
	const dialog = page.getByRole("dialog", { name: "Schedule of Office documents" });
	await dialog.getByRole("combobox", { name: "Starts" }).click();
	await page.getByRole("option", { name: "By a cron expression" }).click();
	visitor.allow(/status of 422/);
	await dialog.getByLabel("Cron expression").fill("61 4 * * *");
	await visitor.expectVisible(dialog.getByText(/cannot be read as a cron expression/));
	await dialog.getByLabel("Cron expression").fill("15 4 * * *");
	await visitor.expectVisible(dialog.getByText("Daily 04:15"));
	await both(visitor, "schedule-dialog");
	await dialog.getByRole("button", { name: "Save schedule" }).click();
	await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
	await visitor.expectVisible(page.getByText("Daily 04:15"));

	// Retention is changed where it stands, after a look at what would go.
	await page.getByRole("button", { name: "Edit retention" }).click();
	const retention = page.getByRole("dialog", { name: "Retention of Office documents" });
	await visitor.expectVisible(retention.getByText("Applied now: 1 kept, 0 deleted."));
	await retention.getByRole("combobox", { name: "How long" }).click();
	await page.getByRole("option", { name: "Short: a month" }).click();
	await expect.poll(() => retention.getByLabel("Weekly", { exact: true }).inputValue()).toBe("4");
	await both(visitor, "retention-dialog");
	await retention.getByRole("button", { name: "Save retention" }).click();
	await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
	await visitor.expectVisible(page.getByText("Keeps 3 newest, 7 daily and 4 weekly restore points"));
	await visitor.expectVisible(page.getByText("Daily 04:15"));
	// Everything else is changed in the steps of the wizard.
	await page.getByRole("button", { name: "Edit", exact: true }).click();
	await visitor.expectVisible(heading(page, "What should change?"));
	await page.getByRole("link", { name: "Edit Source" }).click();
	await page.getByRole("button", { name: "Edit as text" }).click();
	await page.getByRole("textbox", { name: "Leave out", exact: true }).fill('*.bak\n"quoted" & \\back');
	await page.getByRole("link", { name: "Retention and policy" }).click();
	await page.getByLabel(/^Files read at once/).fill("2");
	await page.getByRole("button", { name: "Continue to Review" }).click();
	await both(visitor, "job-edit");
	await page.getByRole("button", { name: "Save changes" }).click();
	await visitor.expectVisible(page.getByText('"quoted" & \\back'));

	// A second run is cancelled through the page's own question.
	makeRandom(join(source, "Raw footage", "hall-8.mov"), 30_000_000);
	await page.goto("/jobs");
	await page.getByRole("button", { name: "Run Office documents now" }).click();
	await visitor.expectVisible(page.getByRole("button", { name: "Cancel run" }), 30_000);
	await expect.poll(async () => (await percent.textContent()) ?? "", { timeout: 60_000 }).toMatch(/^\d/);
	await page.getByRole("button", { name: "Cancel run" }).click();
	await visitor.expectVisible(page.getByRole("dialog", { name: /Cancel this run of Office documents/ }));
	await both(visitor, "run-cancel");
	await page.getByRole("button", { name: "Cancel the run" }).click();
	await visitor.expectVisible(page.getByText(/No restore point was made; what was uploaded is kept/), 30_000);
	await both(visitor, "run-cancelled");

	// Snapshots: one file is ticked and brought back beside.
	await page.goto("/snapshots");
	await page.getByRole("button", { name: "Open Finance" }).click();
	await page.getByRole("checkbox", { name: "Select budget-2027.csv" }).check();
	await both(visitor, "snapshots");
	await page.getByRole("button", { name: "Restore selection" }).click();
	const one = stack.path("restored-file");
	await restoreTo(visitor, one);
	await page.getByRole("button", { name: /^Restore 1 item to/ }).click();
	await visitor.expectVisible(page.getByText("Everything was restored."), 60_000);
	expect(readdirSync(one)).toEqual(["budget-2027.csv"]);
	expect(readFileSync(join(one, "budget-2027.csv"))).toEqual(readFileSync(join(source, "Finance", "budget-2027.csv")));

	// A file is found in all points, and comes into the browser as it was; a folder comes as an archive.
	await page.goto("/search");
	await page.getByRole("textbox", { name: "Which file or folder?" }).fill("BUDGET");
	await page.keyboard.press("Enter");
	await visitor.expectVisible(page.getByText("1 file or folder found."), 60_000);
	await page.getByRole("button", { name: "1 version of budget-2027.csv" }).click();
	await both(visitor, "search");
	const [file27] = await Promise.all([
		page.waitForEvent("download"),
		page.getByRole("button", { name: /^Download budget-2027\.csv/ }).click(),
	]);
	expect(file27.suggestedFilename()).toBe("budget-2027.csv");
	expect(readFileSync(await file27.path())).toEqual(readFileSync(join(source, "Finance", "budget-2027.csv")));
	await page.getByRole("link", { name: "Open budget-2027.csv in Snapshots" }).click();
	await page.getByRole("button", { name: "Versions of budget-2027.csv" }).click();
	const versions = page.getByRole("complementary", { name: "Versions of budget-2027.csv" });
	await visitor.expectVisible(versions.getByText("1 version"), 60_000);
	await both(visitor, "snapshots-versions");
	const [archive] = await Promise.all([
		page.waitForEvent("download"),
		page.getByRole("button", { name: "Download the folder Finance as ZIP" }).click(),
	]);
	expect(archive.suggestedFilename()).toBe("Finance.zip");
	expect(
		readFileSync(await archive.path())
			.subarray(0, 2)
			.toString(),
	).toBe("PK");

	// Everything: the restored folder equals the source as it was, byte for byte.
	await page.goto("/restore");
	await visitor.expectVisible(heading(page, "Restore"));
	await both(visitor, "restore");
	await page
		.getByRole("link", { name: /^Restore Office documents/ })
		.first()
		.click();
	await visitor.expectVisible(heading(page, "What should come back?"));
	await page.getByRole("button", { name: "Continue to Where" }).click();
	const all = stack.path("restored-all");
	await restoreTo(visitor, all);
	await page.getByRole("button", { name: /^Restore .* files to/ }).click();
	await visitor.expectVisible(page.getByText("Everything was restored."), 60_000);
	await both(visitor, "restore-finished");
	const numbers = page.getByRole("table", { name: "Numbers" });
	await visitor.expectVisible(numbers.getByRole("cell", { name: "Written", exact: true }));
	expect(await numbers.getByRole("cell", { name: "Uploaded" }).count()).toBe(0);
	const expected = describeTree(source).filter((line) => !line.startsWith("Raw footage/hall-8"));
	expect(describeTree(all)).toEqual(expected);
	expect(readFileSync(join(all, "Finance", "empty.txt")).length).toBe(0);

	// The start page tells it all, and the session ends on request.
	await page.goto("/");
	await visitor.expectVisible(page.getByText("Your job has a restore point inside its limit"));
	await both(visitor, "overview");
	await page.getByRole("button", { name: /Account of/ }).click();
	await page.getByRole("menuitem", { name: "Sign out" }).click();
	await visitor.expectVisible(heading(page, "Sign in"));
	await visitor.close();
});

/** Picks the n-th entry of a list that opens below its field. */
async function choose(page: Page, label: string, index: number): Promise<void> {
	const field = page.getByRole("combobox", { name: label });
	if (((await field.inputValue()) ?? "") !== "") return;
	await field.click();
	await page.getByRole("option").nth(index).click();
}

/** Opens folder after folder until the parent of `path` is listed. */
async function browseTo(page: Page, path: string): Promise<void> {
	const parts = path.split("/").filter((part) => part !== "");
	let folder = "";
	for (const part of parts.slice(0, -1)) {
		folder += `/${part}`;
		const entry = page.getByRole("button", { name: `Open ${folder}`, exact: true });
		await reveal(page, entry);
		await entry.click();
	}
}

/** Scrolls the virtual list until a row exists. */
async function reveal(page: Page, row: Locator): Promise<void> {
	await page.getByRole("list", { name: /^Folders and files on/ }).waitFor();
	await expect
		.poll(async () => {
			if ((await row.count()) > 0) return true;
			await page.getByRole("list", { name: /^Folders and files on/ }).evaluate((list) => {
				const box = list.parentElement;
				if (box !== null) box.scrollTop += box.clientHeight / 2;
			});
			return false;
		})
		.toBe(true);
}

/** Steps Where, Rules and Review of the restore wizard. */
async function restoreTo(visitor: Visitor, target: string): Promise<void> {
	const { page } = visitor;
	await visitor.expectVisible(heading(page, "Where should it go?"));
	await page.getByLabel("Target folder").fill(target);
	await page.getByRole("button", { name: "Continue to Rules" }).click();
	await visitor.expectVisible(heading(page, "What if a file is there already?"));
	await page.getByRole("button", { name: "Continue to Review" }).click();
	await visitor.expectVisible(heading(page, "This is what will happen"));
	await both(visitor, "restore-review");
}
