import { renderHook } from "@testing-library/react";
import { beforeAll, expect, it } from "vitest";
import { changeLanguage, startTexts } from "../text/texts.ts";
import { useKnownFields } from "./use-field-problems.ts";

function words(pointer: string, code: string): string | undefined {
	return renderHook(() => useKnownFields()).result.current(pointer, code);
}

beforeAll(() => startTexts("en"));

it("has words of its own for the fields of a schedule", async () => {
	await changeLanguage("en");
	expect(words("/schedule/minute", "out_of_range")).toBe("Enter 0 to 59.");
	expect(words("/schedule/not_between/3/to", "empty_window")).toMatch(/another time/);
	// The server's English says more than the kind of the mistake.
	expect(words("/max_age_seconds", "out_of_range")).toBeUndefined();
});

it("says in German at least what kind of mistake it is", async () => {
	await changeLanguage("de");
	expect(words("/schedule/cron", "never")).toMatch(/Tag/);
	expect(words("/max_age_seconds", "out_of_range")).toBe("Liegt außerhalb des Erlaubten.");
	expect(words("/name", "name_taken")).toBe("Ist schon vergeben.");
	expect(words("/name", "something_new")).toBeUndefined();
});
