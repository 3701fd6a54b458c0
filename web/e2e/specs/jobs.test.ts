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

function office() {
	const job = server.store.jobs[0];
	if (job === undefined) throw new Error("the mock has no job");
	return job;
}

/** Signs in again where the page asks for it. */
async function signIn(visitor: Visitor): Promise<void> {
	const { page } = visitor;
	await visitor.expectVisible(heading(page, "Sign in"));
	await page.getByLabel("E-mail address").fill("ops@harbour.example");
	await page.getByRole("textbox", { name: "Password" }).fill("right horse battery");
	await page.getByRole("button", { name: "Sign in" }).click();
}

// Requirements: UI-7, UI-16
it("changes a job in the steps in which it was made, and sends only what was changed", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	const job = office();
	const before = structuredClone(job);
	await page.goto(`/jobs/${job.id}`);
	await page.getByRole("button", { name: "Edit", exact: true }).click();
	await visitor.expectVisible(heading(page, "What should change?"));
	const save = page.getByRole("button", { name: "Save changes" });
	expect(await save.getAttribute("aria-disabled")).toBe("true");
	await visitor.expectVisible(page.getByText("Nothing is changed yet."));
	await page.getByLabel("Name of the job").fill("Head office");
	await page.getByRole("link", { name: "Edit Source" }).click();
	await visitor.expectVisible(heading(page, "What should be protected?"));
	await page.getByLabel("Type a path").fill("/srv/extra");
	await page.getByRole("button", { name: "Add path" }).click();
	await page.getByRole("link", { name: "Retention and policy" }).click();
	await page.getByRole("combobox", { name: "Compression" }).click();
	await page.getByRole("option", { name: "S2, fastest" }).click();
	await page.getByLabel(/^Files read at once/).fill("65");
	await visitor.expectVisible(page.getByText("Enter a whole number from 1 to 64, or leave it empty."));
	expect(await page.getByRole("button", { name: "Continue to Review" }).getAttribute("aria-disabled")).toBe("true");
	await page.getByLabel(/^Files read at once/).fill("8");
	await page.getByLabel(/^Limit the upload/).fill("2,5");
	await page.getByRole("button", { name: "Continue to Review" }).click();
	await visitor.expectVisible(page.getByText("was", { exact: true }));
	await visitor.checkAccessible("edit review");
	await visitor.picture("jobs-edit-review");
	await save.click();
	await visitor.expectVisible(heading(page, "Head office"));
	expect(job).toMatchObject({
		name: "Head office",
		paths: [...before.paths, "/srv/extra"],
		policy: { ...before.policy, compression: "s2", parallelism: 8 },
		upload_limit_bytes_per_second: 2_500_000,
		schedule: before.schedule,
		max_age_seconds: before.max_age_seconds,
		version: 2,
	});
	// What was saved is the beginning of the next change.
	await page.getByRole("button", { name: "Edit", exact: true }).click();
	expect(await page.getByLabel("Name of the job").inputValue()).toBe("Head office");
	await visitor.expectVisible(page.getByText("Nothing is changed yet."));
	await visitor.close();
});

// Requirements: UI-7
it("tells what somebody else changed meanwhile, and keeps what was typed", async () => {
	const visitor = await Visitor.open(browser, server.base);
	visitor.allow(/status of 412/);
	const { page } = visitor;
	const job = office();
	await page.goto(`/jobs/${job.id}/edit/options`);
	await page.getByLabel(/^Limit the upload/).fill("7");
	await page.getByRole("button", { name: "Continue to Review" }).click();
	await page.getByLabel("Name of the job").fill("Bureau");
	job.name = "Kontor";
	job.policy = { ...job.policy, compression: "none" };
	job.version += 1;
	await page.getByRole("button", { name: "Save changes" }).click();
	const notice = page.getByRole("alert");
	await visitor.expectVisible(notice.getByText(/somebody else changed this job/));
	await visitor.expectVisible(notice.getByText("Kontor"));
	await visitor.expectVisible(notice.getByText("taken over"));
	expect(await page.getByLabel("Name of the job").inputValue()).toBe("Bureau");
	expect(job.name).toBe("Kontor");
	await visitor.checkAccessible("changed meanwhile");
	await visitor.picture("jobs-edit-conflict");
	await notice.getByRole("button", { name: "Take theirs" }).click();
	expect(await page.getByLabel("Name of the job").inputValue()).toBe("Kontor");
	await page.getByRole("button", { name: "Save changes" }).click();
	await visitor.expectVisible(heading(page, "Kontor"));
	expect(job).toMatchObject({
		name: "Kontor",
		policy: { compression: "none" },
		upload_limit_bytes_per_second: 7_000_000,
	});
	await visitor.close();
});

// Requirements: UI-18
it("loses nothing when the server refuses, the page is loaded again or the session ends", async () => {
	const visitor = await Visitor.open(browser, server.base);
	visitor.allow(/status of (401|422)/);
	const { page } = visitor;
	const job = office();
	await page.goto(`/jobs/${job.id}/edit/options`);
	await page.getByLabel(/^Limit the upload/).fill("9");
	await page.getByRole("button", { name: "Continue to Review" }).click();
	const name = page.getByLabel("Name of the job");
	await name.fill("error name");
	await page.getByRole("button", { name: "Save changes" }).click();
	await visitor.expectVisible(page.getByText("The name is used by another job."));
	await page.reload();
	expect(await name.inputValue()).toBe("error name");
	await name.fill("After the session");
	server.store.signedIn = false;
	await page.getByRole("button", { name: "Save changes" }).click();
	await signIn(visitor);
	await visitor.expectVisible(heading(page, "What should change?"));
	expect(await name.inputValue()).toBe("After the session");
	await page.getByRole("button", { name: "Save changes" }).click();
	await visitor.expectVisible(heading(page, "After the session"));
	expect(job).toMatchObject({ name: "After the session", upload_limit_bytes_per_second: 9_000_000, version: 2 });
	await visitor.close();
});

it("copies a job, disables it and says what stays when it is deleted", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	const job = office();
	const { jobs } = server.store;
	await page.goto(`/jobs/${job.id}`);
	const more = page.getByRole("button", { name: "More actions for Office documents" });
	await more.click();
	await visitor.checkAccessible("menu of a job");
	await page.getByRole("menuitem", { name: "Duplicate" }).click();
	await visitor.expectVisible(heading(page, "Which machine, and where to?"));
	for (const step of ["Source", "Schedule", "Retention and policy", "Review"]) {
		await page.getByRole("button", { name: `Continue to ${step}` }).click();
	}
	expect(await page.getByLabel("Name of the job").inputValue()).toBe("Copy of Office documents");
	await page.getByRole("button", { name: "Create job", exact: true }).click();
	await visitor.expectVisible(heading(page, "Copy of Office documents"));
	expect(jobs.at(-1)).toMatchObject({ paths: job.paths, policy: job.policy, schedule: job.schedule, vault: job.vault });

	await page.goto(`/jobs/${job.id}`);
	await more.click();
	await page.getByRole("menuitem", { name: "Disable" }).click();
	await visitor.expectVisible(page.getByText("This job is disabled"));
	expect(job.enabled).toBe(false);
	await visitor.picture("jobs-disabled");
	await page.getByRole("button", { name: "Enable" }).click();
	await expect.poll(() => job.enabled).toBe(true);

	await more.click();
	await page.getByRole("menuitem", { name: "Delete" }).click();
	const dialog = page.getByRole("dialog", { name: "Delete the job Office documents?" });
	await visitor.expectVisible(dialog.getByText("Its 3 restore points stay in the vault offsite-ceph."));
	await visitor.checkAccessible("delete dialog");
	await visitor.picture("jobs-delete");
	await dialog.getByRole("button", { name: "Delete job" }).click();
	await visitor.expectVisible(heading(page, "Jobs"));
	expect(jobs.some((entry) => entry.id === job.id)).toBe(false);
	await visitor.close();
});

// Requirements: UI-10
it("shows what each rule matches, marks what cannot be read as one, and says which rule decides", async () => {
	const visitor = await Visitor.open(browser, server.base);
	visitor.allow(/status of 422/);
	const { page } = visitor;
	const job = office();
	await page.goto(`/jobs/${job.id}/edit/source`);
	const count = page.getByRole("region", { name: "This job will protect" });
	await visitor.expectVisible(count.getByText("by an ignore file in the folder"));
	const rules = page.getByRole("region", { name: "Rules" });
	const add = rules.getByRole("textbox", { name: "Add a rule that leaves out" });
	await visitor.expectVisible(rules.getByText("8,412 files, 9.10 GB"));
	await add.fill("*.none");
	await add.press("Enter");
	await visitor.expectVisible(rules.getByText("matches nothing"));
	await page.getByRole("textbox", { name: "Check a path" }).fill("/srv/office/a.tmp");
	await page.getByRole("button", { name: "Check", exact: true }).click();
	await visitor.expectVisible(page.getByText("by rule 1"));
	await page.getByLabel("Stay on the file system of each path").check();
	await visitor.expectVisible(count.getByText("on another file system"));
	await visitor.checkAccessible("rules");
	await visitor.picture("jobs-rules");
	await add.fill("a[b");
	await add.press("Enter");
	await visitor.expectVisible(rules.getByText("has a [ without its ]"));
	await visitor.checkAccessible("a rule that cannot be read");
	await rules.getByRole("button", { name: "Remove the rule a[b" }).click();
	await page.getByText("Only take 0").click();
	await rules.getByRole("textbox", { name: "Add a rule that takes" }).fill("*.docx");
	await rules.getByRole("button", { name: "Add" }).click();
	await visitor.expectVisible(rules.getByText("1,206 files, 3.40 GB"));
	await visitor.expectVisible(count.getByText("no rule takes it"));
	await page.getByLabel(/^Leave out larger files/).fill("4000");
	await page.getByRole("button", { name: "Continue to Review" }).click();
	await page.getByRole("button", { name: "Save changes" }).click();
	await visitor.expectVisible(heading(page, "Office documents"));
	expect(job.policy).toMatchObject({
		ignore_rules: ["*.tmp", "node_modules/", "*.none"],
		include_rules: ["*.docx"],
		one_file_system: true,
		max_file_size_bytes: 4_000_000_000,
	});
	await visitor.expectVisible(page.getByText("Only taken"));
	await visitor.close();
});
