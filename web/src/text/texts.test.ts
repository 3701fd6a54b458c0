// @vitest-environment node
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { de } from "./de.ts";
import { en } from "./en.ts";

function flat(texts: object, prefix = ""): Map<string, string> {
	const result = new Map<string, string>();
	for (const [key, value] of Object.entries(texts)) {
		if (typeof value === "string") result.set(prefix + key, value);
		else for (const [inner, text] of flat(value as object, `${prefix}${key}.`)) result.set(inner, text);
	}
	return result;
}

const english = flat(en);
const german = flat(de);
const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();

describe("texts", () => {
	it("have the same values in both languages", () => {
		for (const [key, text] of english) {
			expect(placeholders(german.get(key) ?? ""), key).toEqual(placeholders(text));
		}
	});

	it("have both plural forms", () => {
		for (const key of english.keys()) {
			if (key.endsWith("_one")) expect(english.has(key.replace(/_one$/, "_other")), key).toBe(true);
			if (key.endsWith("_other")) expect(english.has(key.replace(/_other$/, "_one")), key).toBe(true);
		}
	});

	// Requirements: LOG-9
	it("have no exclamation marks and name no engine", () => {
		for (const [key, text] of [...english, ...german]) {
			expect(text, key).not.toMatch(/!|kopia|rclone|\boops\b|\bplease\b|\bbitte\b/i);
		}
	});

	it("have German words for what agents fail with", () => {
		for (const code of ["maintenance_running", "clock_wrong", "storage_denied"]) {
			expect(german.get(`problems.${code}.title`), code).toMatch(/\.$/);
			expect(german.get(`problems.${code}.hint`), code).toMatch(/\.$/);
		}
	});

	it("are all used", () => {
		const root = join(process.cwd(), "src");
		const source = readdirSync(root, { recursive: true, encoding: "utf8" })
			.filter((name) => /\.tsx?$/.test(name) && !name.startsWith("text/") && !name.includes(".test."))
			.map((name) => readFileSync(join(root, name), "utf8"))
			.join("\n");
		const unused = [...english.keys()]
			.map((key) => key.replace(/_(one|other)$/, ""))
			.filter((key) => {
				if (source.includes(`"${key}"`)) return false;
				// Keys that end in a value, such as `status.${status}`.
				const parent = key.slice(0, key.lastIndexOf("."));
				return !source.includes(`\`${parent}.$`) && !key.startsWith("problems.");
			});
		expect([...new Set(unused)]).toEqual([]);
	});
});
