import type { Plugin } from "vite";

/** Adds a preload link for the one font that every page shows. */
export function preloadFont(name: string): Plugin {
	return {
		name: "holdfast:preload-font",
		apply: "build",
		transformIndexHtml: {
			order: "post",
			handler(_html, context) {
				const file = Object.keys(context.bundle ?? {}).find(
					(path) => path.includes(`/${name}-`) && path.endsWith(".woff2"),
				);
				if (file === undefined) throw new Error(`the bundle has no font ${name}`);
				return [
					{
						tag: "link",
						attrs: { rel: "preload", as: "font", type: "font/woff2", href: `/${file}`, crossorigin: "" },
						injectTo: "head",
					},
				];
			},
		},
	};
}
