import { expect, it } from "vitest";
import { parseSearch, stringifySearch, texts } from "./search.ts";

it("keeps texts that look like numbers", () => {
	expect(parseSearch("?q=123&x=true")).toEqual({ q: "123", x: "true" });
	expect(stringifySearch({ q: "123" })).toBe("?q=123");
});

it("leaves empty values out", () => {
	expect(stringifySearch({ a: "", b: undefined, c: null })).toBe("");
});

it("picks only what a page knows", () => {
	expect(texts("a", "b")({ a: "1", c: "2", b: "" })).toEqual({ a: "1" });
});
