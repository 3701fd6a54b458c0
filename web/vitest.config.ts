import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
	test: {
		maxWorkers: 2,
		expect: { poll: { timeout: 10_000 } },
		projects: [
			{
				plugins: [react()],
				test: {
					name: "unit",
					environment: "happy-dom",
					include: ["src/**/*.test.{ts,tsx}", "tests/**/*.test.ts"],
					setupFiles: ["src/test/setup.ts"],
					testTimeout: 30_000,
				},
			},
			{
				test: {
					name: "e2e",
					environment: "node",
					include: ["e2e/specs/**/*.test.ts"],
					// On a busy machine the walk through all pages takes minutes; in peace it takes half of one.
					testTimeout: 600_000,
					hookTimeout: 120_000,
				},
			},
		],
	},
});
