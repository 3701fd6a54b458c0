// @vitest-environment node
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = process.cwd();

const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
	.filter((name) => /\.tsx?$/.test(name) && !name.includes(".test.") && !name.endsWith(".gen.ts"))
	.map((name) => ({ name, text: readFileSync(join(root, "src", name), "utf8") }));

describe("sources", () => {
	it("name colours by token only", () => {
		// The ramp of the component library is the one place that needs values.
		const offenders = sources.filter(({ name, text }) => name !== "ui/theme.ts" && /#[0-9a-fA-F]{3,8}\b/.test(text));
		expect(offenders.map(({ name }) => name)).toEqual([]);
	});

	it("make addresses only in the path builder", () => {
		const offenders = sources.filter(
			({ name, text }) =>
				!["util/paths.ts", "routes.tsx"].includes(name) && /(?:\bto|\bhref)[=:] ?["'`{"]*\/[a-z]/.test(text),
		);
		expect(offenders.map(({ name }) => name)).toEqual([]);
	});
});

const allowed =
	/^(MIT|ISC|BSD-2-Clause|BSD-3-Clause|0BSD|Apache-2\.0|OFL-1\.1|Unlicense|CC0-1\.0|MPL-2\.0|CC-BY-4\.0|Python-2\.0|BlueOak-1\.0\.0|MIT OR Apache-2\.0|\(?MIT OR CC0-1\.0\)?|\(MIT AND Zlib\))$/;
/** Of development tools only; they never reach the page. */
const developmentOnly = /^(MPL-2\.0|CC-BY-4\.0|Python-2\.0|BlueOak-1\.0\.0)$/;

interface Locked {
	license?: string;
	dev?: boolean;
	link?: boolean;
	resolved?: string;
}

describe("the lock file", () => {
	const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
		packages: Record<string, Locked>;
	};
	const packages = Object.entries(lock.packages).filter(([path]) => path !== "");

	it("holds permissive licences only", () => {
		const offenders = packages.filter(([, entry]) => {
			const licence = entry.license ?? "none";
			return !allowed.test(licence) || (developmentOnly.test(licence) && entry.dev !== true);
		});
		expect(offenders.map(([path, entry]) => `${path}: ${entry.license}`)).toEqual([]);
	});

	it("names no download host", () => {
		expect(packages.filter(([, entry]) => entry.resolved !== undefined)).toEqual([]);
	});
});
