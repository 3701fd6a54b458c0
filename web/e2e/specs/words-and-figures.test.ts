import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { addFinishedRun, event, newRun, type Run, seed } from "../../mock-api/data.ts";
import { launch, Visitor } from "../harness/browser.ts";
import { type MockServer, startMockServer } from "../harness/mock-server.ts";

let browser: Browser;
let server: MockServer;

beforeAll(async () => {
	[browser, server] = await Promise.all([launch(), startMockServer()]);
});

beforeEach(() => {
	Object.assign(server.store, seed());
});

afterAll(async () => {
	await browser.close();
	await server.close();
});

/** The run that is at work. */
function live(change: Partial<Run> = {}): Run {
	const run = server.store.runs.find((entry) => entry.status === "running");
	if (run === undefined) throw new Error("a run is at work");
	return Object.assign(run, change);
}

async function open(visitor: Visitor, path: string): Promise<Page> {
	await visitor.page.goto(path);
	await visitor.expectVisible(visitor.page.locator("h1"));
	await expect.poll(() => visitor.page.locator("[aria-busy=true]").count()).toBe(0);
	return visitor.page;
}

/** The text of the page's main part. */
const text = async (page: Page): Promise<string> =>
	((await page.locator("main").textContent()) ?? "").replaceAll(/\s+/g, " ");

// Requirements: LIVE-1, LIVE-8, LIVE-9
it("shows a run at work in figures for people", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const run = live();
	const page = await open(visitor, `/runs/${run.id}`);
	expect(await page.getByTestId("percent").textContent()).toBe("63.4%");
	const bar = page.getByRole("progressbar", { name: "Progress" });
	expect(await bar.getAttribute("aria-valuenow")).toBe("63.4");
	const shown = await text(page);
	for (const words of [
		"Running",
		"558 GB",
		"of 880 GB",
		"46.8 GB",
		"212 MB/s",
		"22 to 30 min left",
		"91.6% saved",
		"812,440",
		"hall-7-walkthrough",
		"Reached 63%",
	]) {
		expect(shown).toContain(words);
	}
	await visitor.expectVisible(page.getByRole("button", { name: "Cancel run" }));
	// Nothing is known of the total, and nothing is sent yet.
	live({ progress: { bytes_processed: 4_000_000, bytes_transferred: 0, objects_transferred: 12 } });
	await page.reload();
	await visitor.expectVisible(page.getByText("Counting files"));
	expect(await bar.getAttribute("aria-valuenow")).toBeNull();
	await visitor.expectVisible(page.getByText("Scanning\u2026"));
	await visitor.expectVisible(page.getByText("12 files so far"));
	expect(await text(page)).not.toMatch(/% saved|\bNaN\b|undefined|null/);
	// What is unknown is said to be, and is not 0.
	live({ progress: {} });
	await page.reload();
	await visitor.expectVisible(page.getByText("Counting files"));
	const read = page.getByText("Read", { exact: true }).locator("xpath=following-sibling::strong");
	expect(await read.textContent()).toBe("unknown");
	// Savings up to half a percent are not worth a word.
	live({ progress: { percent: 50, bytes_processed: 1_000_000, bytes_transferred: 995_500, savings_percent: 0.45 } });
	await page.reload();
	await expect.poll(() => page.getByTestId("percent").textContent()).toBe("50.0%");
	expect(await text(page)).not.toContain("saved");
	await visitor.close();
});

// Requirements: LIVE-11
it("labels a restore as one", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const run = live({
		type: "restore",
		target_path: "/srv/back",
		progress: {
			percent: 40,
			bytes_transferred: 40e9,
			bytes_total: 100e9,
			objects_transferred: 5,
			speed_bytes_per_second: 125e6,
			eta_seconds: 480,
			eta_low_seconds: 480,
			eta_high_seconds: 480,
			current_item: "/srv/back/letter.docx",
			reported_at: new Date().toISOString(),
		},
	});
	const page = await open(visitor, `/runs/${run.id}`);
	const shown = await text(page);
	for (const words of [
		"40.0%",
		"Written",
		"40.0 GB",
		"of 100 GB",
		"Files written",
		"Writing now",
		"letter.docx",
		"8 min left",
	]) {
		expect(shown).toContain(words);
	}
	expect(shown).not.toMatch(/Uploaded|saved|Scanning/);
	await visitor.close();
});

it("does not follow a finished run", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const { page } = visitor;
	const run = server.store.runs.find((entry) => entry.status === "success");
	const asked: string[] = [];
	page.on("request", (request) => {
		if (request.url().includes(`/api/v1/runs/${run?.id}`)) asked.push(new URL(request.url()).pathname);
	});
	await open(visitor, `/runs/${run?.id}`);
	await visitor.expectVisible(page.getByText("A restore point was made."));
	// Once when it is opened, and once more when the stream has begun.
	await page.waitForTimeout(1_500);
	const before = asked.length;
	expect(before).toBeLessThanOrEqual(4);
	// Longer than the pace of a run that is followed.
	await page.waitForTimeout(4_500);
	expect(asked.length).toBe(before);
	await visitor.close();
});

// Requirements: LIVE-16, LIVE-18, CAN-13
it.each(["queued", "starting", "running"] as const)(
	"cancels a run that is %s, and says that it was asked for",
	async (status) => {
		const visitor = await Visitor.open(browser, server.base);
		const run = live({ status });
		const page = await open(visitor, `/runs/${run.id}`);
		const button = page.getByRole("button", { name: "Cancel run" });
		await button.click();
		const dialog = page.getByRole("dialog", { name: /Cancel this run of/ });
		await dialog.getByRole("button", { name: "Keep running" }).click();
		expect(run.cancel_requested).toBe(false);
		await button.click();
		await dialog.getByRole("button", { name: "Cancel the run" }).click();
		const asked = page.getByRole("button", { name: "Cancel requested\u2026" });
		await visitor.expectVisible(asked);
		expect(await asked.getAttribute("aria-disabled")).toBe("true");
		expect(run.cancel_requested).toBe(true);
		// The state follows.
		await expect.poll(() => run.status, { timeout: 10_000 }).toBe("cancelled");
		await page.reload();
		await visitor.expectVisible(page.getByText("Cancelled", { exact: true }));
		expect(await page.getByRole("button", { name: /Cancel/ }).count()).toBe(0);
		await visitor.close();
	},
);

// Requirements: SEC-11
it("shows markup from agents and people as text", async () => {
	const planted = `<img src=x onerror="document.title='broken in'"><b>bold</b> &amp; &lt;i&gt;`;
	const { store } = server;
	const run = live({ paths: [`/srv/${planted}`] });
	run.progress.current_item = `/srv/${planted}`;
	for (const job of store.jobs) job.name = planted;
	for (const entry of store.runs) if (entry.job) entry.job.name = planted;
	for (const agent of store.agents) {
		agent.name = planted;
		agent.host = planted;
	}
	store.events.get(run.id)?.push(event(7, 1, "error", `Failed: ${planted}`));
	const failed = store.runs.find((entry) => entry.status === "failed");
	if (failed?.failure) failed.failure.detail = planted;
	const partial = store.runs.find((entry) => entry.status === "partial_success");
	for (const group of partial?.problem_groups ?? []) group.examples = [`/srv/${planted}`];
	const visitor = await Visitor.open(browser, server.base);
	for (const path of [
		"/",
		"/runs",
		`/runs/${run.id}`,
		`/runs/${failed?.id}`,
		`/runs/${partial?.id}`,
		"/jobs",
		`/jobs/${store.jobs[0]?.id}`,
		"/agents",
		`/agents/${store.agents[0]?.id}`,
	]) {
		const page = await open(visitor, path);
		await visitor.expectVisible(page.getByText("<b>bold</b> &amp; &lt;i&gt;").filter({ visible: true }));
		expect(await page.locator("img[src=x]").count()).toBe(0);
		expect(await page.title()).not.toBe("broken in");
	}
	await visitor.close();
});

it("lists runs with state, times and bytes, and shows the events of one", async () => {
	const { store } = server;
	const job = store.jobs[0];
	if (job === undefined) throw new Error("a job");
	const cancelled = newRun(store, job);
	Object.assign(cancelled, { status: "cancelled", started_at: null });
	store.runs.unshift(cancelled);
	addFinishedRun(store, job, 7_200, "success");
	const visitor = await Visitor.open(browser, server.base);
	const page = await open(visitor, "/runs");
	const shown = await text(page);
	for (const words of ["Running", "Succeeded", "Failed", "Partial", "Cancelled", "35.4 GB", "874 GB", job.name]) {
		expect(shown).toContain(words);
	}
	const failed = store.runs.find((entry) => entry.status === "failed");
	await page.locator(`a[href="/runs/${failed?.id}"]`).first().click();
	await visitor.expectVisible(page.getByText("The storage refused the key."));
	await visitor.expectVisible(page.getByText("Scan finished: 1,283,574 files, 874 GB."));
	await page.getByText("Errors 1", { exact: true }).click();
	await visitor.expectVisible(page.getByText("Finished: failed."));
	expect(await page.getByText("Scan finished").count()).toBe(0);
	await visitor.close();
});

// Requirements: UI-26
it("lists machines with state and contact, and disables and deletes after a question", async () => {
	const { store } = server;
	const visitor = await Visitor.open(browser, server.base);
	const page = await open(visitor, "/agents");
	const shown = await text(page);
	for (const words of ["fileserver-01", "Online", "build-node", "Unreachable", "Linux", "Windows"]) {
		expect(shown).toContain(words);
	}
	await page.getByRole("link", { name: "db-01" }).click();
	await visitor.expectVisible(page.getByText("Last contact"));
	await page.getByRole("button", { name: "Disable" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Disable machine" }).click();
	await visitor.expectVisible(page.getByText("Disabled", { exact: true }));
	expect(store.agents.find((agent) => agent.name === "db-01")?.state).toBe("disabled");
	await page.getByRole("button", { name: "Delete" }).click();
	await page.getByRole("dialog").getByRole("button", { name: /Keep/ }).click();
	expect(store.agents.length).toBe(3);
	await page.getByRole("button", { name: "Delete" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Delete machine" }).click();
	await visitor.expectVisible(page.getByRole("heading", { name: "Agents", level: 1 }));
	await expect.poll(() => page.getByRole("link", { name: "db-01" }).count()).toBe(0);
	await visitor.close();
});

// Requirements: UI-9, UI-16, UI-18, UI-20
it("chooses several folders and a typed path, a compression, and shows refusals where they belong", async () => {
	const { store } = server;
	const visitor = await Visitor.open(browser, server.base);
	visitor.allow(/status of 422/);
	const page = await open(visitor, "/jobs/new/place");
	const machine = page.getByRole("combobox", { name: "Machine" });
	await machine.click();
	await page.getByRole("option", { name: /build-node.*unreachable since/ }).click();
	await page.getByRole("combobox", { name: "Vault" }).click();
	await page.getByRole("option", { name: "offsite-ceph" }).click();
	await page.getByRole("button", { name: "Continue to Source" }).click();
	await visitor.expectVisible(page.getByText("Browsing works when it is back. Paths can be typed."));
	await page.getByRole("button", { name: "Back" }).click();
	await machine.click();
	await page.getByRole("option", { name: "fileserver-01" }).click();
	await page.getByRole("combobox", { name: "Vault" }).click();
	await page.getByRole("option", { name: "offsite-ceph" }).click();
	await page.getByRole("button", { name: "Continue to Source" }).click();
	await page.getByRole("button", { name: "Open /srv" }).click();
	await page.getByRole("checkbox", { name: "Protect /srv/Contracts" }).check();
	await page.getByRole("checkbox", { name: "Protect /srv/Templates" }).check();
	const typed = page.getByLabel("Type a path");
	await typed.fill("relative");
	await page.getByRole("button", { name: "Add path" }).click();
	await visitor.expectVisible(page.getByText("The path must be absolute"));
	await typed.fill(`/opt/R&D "x"`);
	await page.getByRole("button", { name: "Add path" }).click();
	await visitor.expectVisible(page.getByRole("heading", { name: "Selected 3" }));
	await page.getByRole("button", { name: "Continue to Schedule" }).click();
	await page.getByRole("button", { name: "Continue to Retention and policy" }).click();
	await page.getByRole("combobox", { name: "Compression" }).click();
	const choices = page.getByRole("option");
	await expect
		.poll(() => choices.allTextContents())
		.toEqual(["zstd, the usual choice", "S2, fastest", "gzip, for old tools", "none"]);
	await page.getByRole("option", { name: "gzip, for old tools" }).click();
	await page.getByRole("button", { name: "Continue to Review" }).click();
	const review = await text(page);
	for (const words of ["fileserver-01", "offsite-ceph", "/srv/Contracts", "/srv/Templates", `/opt/R&D "x"`, "gzip"]) {
		expect(review).toContain(words);
	}
	const name = page.getByLabel("Name of the job");
	await name.fill("error taken");
	await page
		.getByRole("button", { name: /^Create job/ })
		.first()
		.click();
	await visitor.expectVisible(page.getByText("The name is used by another job."));
	expect(await name.getAttribute("aria-invalid")).toBe("true");
	await name.fill("Contracts");
	const [request] = await Promise.all([
		page.waitForRequest((sent) => sent.method() === "POST" && sent.url().endsWith("/api/v1/jobs")),
		page
			.getByRole("button", { name: /^Create job/ })
			.first()
			.click(),
	]);
	const body = request.postDataJSON() as { paths: string[]; policy: { compression: string } };
	expect(body.paths).toEqual(["/srv/Contracts", "/srv/Templates", `/opt/R&D "x"`]);
	expect(body.policy.compression).toBe("pgzip");
	await expect.poll(() => store.jobs.some((job) => job.name === "Contracts")).toBe(true);
	await visitor.close();
});

it("says that an agent cannot start a job by itself although it may", async () => {
	const visitor = await Visitor.open(browser, server.base);
	const job = server.store.jobs[0];
	const page = await open(visitor, `/jobs/${job?.id}`);
	const words = page.getByText("The agent cannot start it while the server is away");
	expect(await words.count()).toBe(0);
	if (job) Object.assign(job, { offline_start: true, offline_start_refused: true });
	await page.reload();
	await visitor.expectVisible(words);
	await visitor.checkAccessible("job that its agent cannot start");
	await visitor.close();
});
