// @vitest-environment node
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";

const dist = join(process.cwd(), "dist");
/** First load, compressed: page, its scripts, styles, the preloaded font and one catalogue. */
const budget = 300_000;

describe("the built page", () => {
	let html = "";

	beforeAll(() => {
		const page = join(dist, "index.html");
		expect(existsSync(page), `${page} is measured here: run \`npm run build\` first`).toBe(true);
		html = readFileSync(page, "utf8");
	});

	it("stays inside its first-load budget in gzip", () => {
		const files = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1] ?? "");
		const catalogue = readdirSync(join(dist, "assets")).filter((name) => /^de-.*\.js$/.test(name));
		const size = [...new Set(files), ...catalogue.map((name) => `/assets/${name}`)]
			.filter((file) => !file.endsWith(".svg"))
			.reduce((sum, file) => {
				const content = readFileSync(join(dist, file));
				return sum + (file.endsWith(".woff2") ? content.length : gzipSync(content, { level: 9 }).length);
			}, gzipSync(html).length);
		console.log(`first load: ${(size / 1000).toFixed(1)} kB gzip`);
		expect(files.some((file) => file.endsWith(".woff2"))).toBe(true);
		expect(size).toBeLessThan(budget);
	});

	it("has a nonce place for every script and style, and no inline script", () => {
		for (const tag of html.match(/<(script|link rel="(stylesheet|modulepreload)")[^>]*>/g) ?? []) {
			expect(tag).toContain('nonce="HOLDFAST_NONCE"');
		}
		expect(html).not.toMatch(/<script[^>]*>[^<]/);
		expect(html).toContain('property="csp-nonce"');
	});

	it("inlines no asset, which the content security policy would refuse", () => {
		for (const name of readdirSync(join(dist, "assets")).filter((entry) => /\.(js|css)$/.test(entry))) {
			expect(readFileSync(join(dist, "assets", name), "utf8"), name).not.toMatch(/url\(["']?data:/);
		}
	});

	it("carries the notices of everything bundled", () => {
		const notices = readFileSync(join(dist, "licenses.md"), "utf8");
		expect(notices).toContain("@mantine/core");
		expect(notices).toContain("SIL OPEN FONT LICENSE");
	});

	it("has a compressed twin beside each script and style", () => {
		for (const name of readdirSync(join(dist, "assets")).filter((entry) => /\.(js|css)$/.test(entry))) {
			expect(existsSync(join(dist, "assets", `${name}.br`)), name).toBe(true);
			expect(existsSync(join(dist, "assets", `${name}.gz`)), name).toBe(true);
		}
	});
});
