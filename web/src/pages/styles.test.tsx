import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { show } from "../test/render.tsx";
import Styles from "./styles.tsx";

it("shows every component", async () => {
	await show(<Styles />);
	expect(screen.getByRole("heading", { name: "Styles" })).toBeTruthy();
	const source = readFileSync(join(process.cwd(), "src/pages/styles.tsx"), "utf8");
	const components = readdirSync(join(process.cwd(), "src/ui")).filter((name) => /^[A-Z]\w+\.tsx$/.test(name));
	const forgotten = components.filter((name) => !name.includes(".test.") && !source.includes(`/ui/${name}`));
	expect(forgotten).toEqual([]);
});
