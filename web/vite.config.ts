import react from "@vitejs/plugin-react";
import { defineConfig, type PluginOption } from "vite";
import { mantineStyles } from "./plugins/mantine-styles.ts";
import { preloadFont } from "./plugins/preload-font.ts";

export default defineConfig(async () => {
	const plugins: PluginOption[] = [react(), mantineStyles(), preloadFont("inter-latin")];
	const mocked = process.env["HOLDFAST_MOCK"] === "1";
	if (mocked) plugins.push((await import("./mock-api/plugin.ts")).mockApi());
	return {
		plugins,
		html: { cspNonce: "HOLDFAST_NONCE" },
		build: {
			target: "es2022",
			assetsInlineLimit: 0,
			modulePreload: { polyfill: false },
			license: { fileName: "licenses.md" },
			sourcemap: false,
			reportCompressedSize: false,
		},
		server: {
			host: "127.0.0.1",
			port: 5173,
			strictPort: true,
			...(mocked ? {} : { proxy: { "/api": { target: "http://127.0.0.1:8440", changeOrigin: false } } }),
		},
	};
});
