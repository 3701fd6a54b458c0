import type { Plugin } from "vite";

/** Fails the build when a bundled Mantine component has no style sheet: such a component would silently be unstyled. */
export function mantineStyles(): Plugin {
	return {
		name: "holdfast:mantine-styles",
		apply: "build",
		generateBundle(_options, bundle) {
			const used = new Set<string>();
			for (const chunk of Object.values(bundle)) {
				if (chunk.type !== "chunk") continue;
				for (const id of Object.keys(chunk.modules)) {
					const found = /@mantine\/core\/esm\/.*\/(\w+)\.module\.mjs/.exec(id);
					if (found?.[1] !== undefined) used.add(found[1]);
				}
			}
			const styled = new Set<string>();
			for (const id of this.getModuleIds()) {
				const found = /@mantine\/core\/styles\/(\w+)\.css/.exec(id);
				if (found?.[1] !== undefined) styled.add(found[1]);
			}
			const missing = [...used].filter((name) => !styled.has(name)).sort();
			if (missing.length > 0) {
				this.error(`src/ui/mantine.ts lacks the style sheets of: ${missing.join(", ")}`);
			}
		},
	};
}
