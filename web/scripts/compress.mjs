// Writes .br and .gz beside each compressible file of the build, so that the server only chooses one.
// index.html is left out: the server writes a nonce into it for each answer.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

// The fonts are not in the bundler's list of notices.
const root = new URL("..", import.meta.url).pathname;
const notices = join(root, "dist/licenses.md");
const fonts = ["INTER-OFL.txt", "IBM-PLEX-MONO-OFL.txt"].map((name) =>
	readFileSync(join(root, "src/fonts", name), "utf8"),
);
writeFileSync(notices, [readFileSync(notices, "utf8"), ...fonts].join("\n\n---\n\n"));

const dist = new URL("../dist", import.meta.url).pathname;
const compressible = /\.(js|css|svg|json|txt|md)$/;

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
	if (!entry.isFile() || !compressible.test(entry.name)) continue;
	const file = join(entry.parentPath, entry.name);
	const content = readFileSync(file);
	writeFileSync(
		`${file}.br`,
		brotliCompressSync(content, {
			params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
		}),
	);
	writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
}
