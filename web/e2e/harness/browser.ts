import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { expect } from "vitest";

export type Theme = "light" | "dark";

/** Pictures of the pages, to be looked at beside the design's. */
export const pictures = join(process.cwd(), "e2e/artifacts");
mkdirSync(pictures, { recursive: true });

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Debian's browser, or the one that `HOLDFAST_CHROMIUM` names. */
function executable(): string {
	const named = process.env["HOLDFAST_CHROMIUM"];
	if (named !== undefined && named !== "") return named;
	const found = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find((path) => existsSync(path));
	if (found === undefined) {
		throw new Error("no browser: install chromium-headless-shell, or name one in HOLDFAST_CHROMIUM");
	}
	return found;
}

export async function launch(): Promise<Browser> {
	return chromium.launch({ executablePath: executable(), args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** A window whose every console error, policy violation and accessibility finding fails the test when it is closed; `allowed` names those that a test provokes. */
export class Visitor {
	readonly page: Page;
	readonly findings: string[] = [];
	private readonly context: BrowserContext;
	private readonly allowed: RegExp[] = [];

	private constructor(context: BrowserContext, page: Page) {
		this.context = context;
		this.page = page;
	}

	static async open(
		browser: Browser,
		base: string,
		options: { theme?: Theme; width?: number; height?: number; locale?: string } = {},
	): Promise<Visitor> {
		const context = await browser.newContext({
			baseURL: base,
			colorScheme: options.theme ?? "light",
			viewport: { width: options.width ?? 1440, height: options.height ?? 900 },
			locale: options.locale ?? "en-GB",
			timezoneId: "Europe/Berlin",
			reducedMotion: "reduce",
		});
		const page = await context.newPage();
		page.setDefaultTimeout(30_000);
		const visitor = new Visitor(context, page);
		await page.exposeFunction("reportViolation", (text: string) => visitor.note(`policy violation: ${text}`));
		await page.addInitScript(() => {
			document.addEventListener("securitypolicyviolation", (event) => {
				const report = (globalThis as unknown as { reportViolation: (text: string) => void }).reportViolation;
				report(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ""}:${event.lineNumber}`);
			});
		});
		page.on("console", (message) => {
			if (message.type() === "error") visitor.note(`console: ${message.text()} (${message.location().url})`);
		});
		page.on("pageerror", (error) => visitor.note(`page error: ${error.message}`));
		return visitor;
	}

	private note(text: string): void {
		if (!this.allowed.some((pattern) => pattern.test(text))) this.findings.push(text);
	}

	/** A refusal that the test wants to see is also a console error. */
	allow(pattern: RegExp): void {
		this.allowed.push(pattern);
	}

	/** Adds each accessibility finding on what is shown now. */
	async checkAccessible(name: string): Promise<void> {
		await this.page.evaluate(axeSource);
		const violations = await this.page.evaluate(async () => {
			const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
			const result = await axe.run(document, {
				runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
			});
			return result.violations.map((violation) => ({
				rule: violation.id,
				nodes: violation.nodes.map((node) => `${node.html.slice(0, 160)} | ${node.failureSummary ?? ""}`),
			}));
		});
		for (const { rule, nodes } of violations) this.note(`accessibility of ${name}: ${rule}: ${nodes.join(" || ")}`);
	}

	/** Nothing sticks out to the right of the window. */
	async expectNoSidewaysScroll(name: string): Promise<void> {
		const over = await this.page.evaluate(
			() => document.documentElement.scrollWidth - document.documentElement.clientWidth,
		);
		expect(over, `${name} is wider than the window`).toBeLessThanOrEqual(0);
	}

	async picture(name: string): Promise<void> {
		await this.page.screenshot({ path: join(pictures, `${name}.png`) });
	}

	async expectVisible(locator: Locator, timeout = 30_000): Promise<void> {
		await locator.first().waitFor({ state: "visible", timeout });
	}

	async close(): Promise<void> {
		await this.context.close();
		expect(this.findings).toEqual([]);
	}
}
