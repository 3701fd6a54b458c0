import { describe, expect, it } from "vitest";
import { addPath, cleanPath, emptyJob, isAbsolute, isInside, jobRequest, ruleLines, suggestedName } from "./job.ts";
import { typedNumber } from "./number.ts";
import { newSchedule } from "./schedule.ts";

describe("paths", () => {
	it.each([
		["/home", true],
		["D:\\Projects", true],
		["\\\\nas-02\\scans", true],
		["home", false],
		["C:", false],
	])("%s is absolute: %s", (path, expected) => {
		expect(isAbsolute(path)).toBe(expected);
	});

	it("lose separators at the end, but a root stays", () => {
		expect(cleanPath(" /home/ ")).toBe("/home");
		expect(cleanPath("/")).toBe("/");
		expect(cleanPath("D:\\")).toBe("D:\\");
		expect(cleanPath("D:")).toBe("D:\\");
		expect(cleanPath("D:\\Projects\\")).toBe("D:\\Projects");
	});

	it("know what lies inside what", () => {
		expect(isInside("/home/a", "/home")).toBe(true);
		expect(isInside("/homes", "/home")).toBe(false);
		expect(isInside("/home", "/")).toBe(true);
		expect(isInside("D:\\a\\b", "D:\\a")).toBe(true);
		expect(isInside("D:\\ab", "D:\\a")).toBe(false);
	});

	it("are dropped when a new one covers them", () => {
		expect(addPath(["/home/a", "/etc"], "/home")).toEqual(["/etc", "/home"]);
		expect(addPath(["/home"], "/home/a")).toEqual(["/home"]);
	});
});

describe("request", () => {
	it("turns MB/s and hours into bytes and seconds", () => {
		const request = jobRequest(
			{ ...emptyJob, agent: "a", vault: "v", paths: ["/srv"], limit: "2,5", maxAge: "48" },
			"n",
		);
		expect(request.upload_limit_bytes_per_second).toBe(2_500_000);
		expect(request.max_age_seconds).toBe(172_800);
	});

	it("carries the schedule", () => {
		const schedule = { ...newSchedule, time: "03:30" };
		expect(jobRequest({ ...emptyJob, schedule }, "n").schedule).toMatchObject({ type: "daily", time: "03:30" });
	});

	it("asks for starts without the server only where something starts by itself", () => {
		const request = (type: "manual" | "daily") =>
			jobRequest({ ...emptyJob, schedule: { ...newSchedule, type, offlineStart: true } }, "n");
		expect(request("daily").offline_start).toBe(true);
		expect(request("manual")).not.toHaveProperty("offline_start");
	});

	it("leaves empty limits out", () => {
		const request = jobRequest({ ...emptyJob, limit: "", maxAge: " " }, "n");
		expect(request).not.toHaveProperty("upload_limit_bytes_per_second");
		expect(request).not.toHaveProperty("max_age_seconds");
	});

	it("keeps rules as typed", () => {
		expect(ruleLines("*.tmp\n\n  leading\n")).toEqual(["*.tmp", "  leading"]);
	});

	it("tells nothing typed from nonsense", () => {
		expect(typedNumber("")).toBeUndefined();
		expect(typedNumber("x")).toBeNull();
		expect(typedNumber("-1")).toBeNull();
	});

	it("suggests a name", () => {
		expect(suggestedName({ ...emptyJob, paths: ["/srv/office"] }, "web-01")).toBe("office, web-01");
		expect(suggestedName({ ...emptyJob, paths: ["/"] }, "web-01")).toBe("web-01");
	});
});
