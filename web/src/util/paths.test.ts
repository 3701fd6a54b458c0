import { QueryClient } from "@tanstack/react-query";
import { createMemoryHistory } from "@tanstack/react-router";
import { expect, it } from "vitest";
import { makeRouter } from "../routes.tsx";
import { paths, type Target } from "./paths.ts";

it("builds every address of the page", () => {
	const queries = new QueryClient();
	const router = makeRouter(queries);
	router.update({ history: createMemoryHistory(), context: { queries } });
	const href = (target: Target) => router.buildLocation(target as ReturnType<typeof paths.overview>).href;
	expect(
		[
			paths.overview(),
			paths.alerts(),
			paths.alerts({ state: "closed", severity: "bad" }),
			paths.setUp(),
			paths.signIn(),
			paths.signIn("/runs/1?a=b"),
			paths.runs(),
			paths.runs({ status: "failed", job: "j" }),
			paths.run("r"),
			paths.jobs({ q: "123" }),
			paths.job("j"),
			paths.newJob(),
			paths.newJob("source", { agent: "a" }),
			paths.editJob("j"),
			paths.duplicateJob("j", "source"),
			paths.notifications(),
			paths.agents({ panel: "add" }),
			paths.agent("a"),
			paths.vaults(),
			paths.newVault(),
			paths.vault("v"),
			paths.snapshots({ source: "j", point: "p", path: "a b/ü" }),
			paths.restore({ source: "j" }),
			paths.newRestore("what", "p"),
		].map(href),
	).toMatchInlineSnapshot(`
		[
		  "/",
		  "/alerts",
		  "/alerts?state=closed&severity=bad",
		  "/set-up",
		  "/sign-in",
		  "/sign-in?next=%2Fruns%2F1%3Fa%3Db",
		  "/runs",
		  "/runs?status=failed&job=j",
		  "/runs/r",
		  "/jobs?q=123",
		  "/jobs/j",
		  "/jobs/new/place",
		  "/jobs/new/source?agent=a",
		  "/jobs/j/edit/review",
		  "/jobs/j/duplicate/source",
		  "/notifications",
		  "/agents?panel=add",
		  "/agents/a",
		  "/vaults",
		  "/vaults/new",
		  "/vaults/v",
		  "/snapshots?source=j&point=p&path=a+b%2F%C3%BC",
		  "/restore?source=j",
		  "/restore/new/what?point=p",
		]
	`);
});
