const names: Readonly<Record<string, string>> = { linux: "Linux", windows: "Windows", macos: "macOS" };

/** An operating system's own name for the agent's word; `undefined` when it reported none. */
export function systemName(os: string | null | undefined): string | undefined {
	return os === null || os === undefined ? undefined : (names[os] ?? os);
}
