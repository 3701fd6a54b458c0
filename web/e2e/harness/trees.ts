import { createHash, randomBytes } from "node:crypto";
import {
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** A small office: folders, texts, an empty file, a name in Unicode, a link. */
export function makeOffice(root: string): void {
	const file = (path: string, content: string | Buffer, mode = 0o644) => {
		const full = join(root, path);
		mkdirSync(dirname(full), { recursive: true });
		writeFileSync(full, content, { mode });
		utimesSync(full, 1_700_000_000, 1_700_000_000 + path.length);
	};
	for (let month = 1; month <= 12; month += 1) {
		file(`Invoices 2026/R-${String(month).padStart(2, "0")}.txt`, `Invoice ${month}\n`.repeat(2_000));
	}
	file("Finance/budget-2027.csv", "item;amount\n".repeat(4_000));
	file("Finance/übergabe-protokoll.txt", "Übergabe am Montag\n");
	file("Finance/empty.txt", "");
	file("run.sh", "#!/bin/sh\n", 0o755);
	symlinkSync("Finance/budget-2027.csv", join(root, "latest"));
	mkdirSync(join(root, "Empty folder"));
}

/** A file that cannot be compressed or deduplicated. */
export function makeRandom(path: string, bytes: number): void {
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, randomBytes(bytes));
}

/** What a tree holds, one line an entry: kind, mode, hash or link. */
export function describeTree(root: string): string[] {
	const lines: string[] = [];
	const visit = (folder: string, prefix: string) => {
		for (const name of readdirSync(folder).sort()) {
			const path = join(folder, name);
			const shown = prefix + name;
			const info = lstatSync(path);
			const mode = (info.mode & 0o7777).toString(8);
			if (info.isSymbolicLink()) lines.push(`${shown} -> ${readlinkSync(path)}`);
			else if (info.isDirectory()) {
				lines.push(`${shown}/ ${mode}`);
				visit(path, `${shown}/`);
			} else {
				const hash = createHash("sha256").update(readFileSync(path)).digest("hex");
				lines.push(`${shown} ${mode} ${info.size} ${Math.floor(info.mtimeMs)} ${hash}`);
			}
		}
	};
	visit(root, "");
	return lines;
}
