/** Plain, mailable addresses: `?q=123` is the text "123" and stays as it is. */
export function parseSearch(text: string): Record<string, string> {
	return Object.fromEntries(new URLSearchParams(text));
}

/** Leaves empty values out. */
export function stringifySearch(search: Record<string, unknown>): string {
	const parameters = new URLSearchParams();
	for (const [key, value] of Object.entries(search)) {
		if (value !== undefined && value !== null && value !== "") parameters.set(key, String(value));
	}
	const text = parameters.toString();
	return text === "" ? "" : `?${text}`;
}

/** Picks the named texts of an address; anything else in it is dropped. */
export function texts<K extends string>(...names: readonly K[]) {
	return (search: Record<string, unknown>): { [P in K]?: string } => {
		const result: { [P in K]?: string } = {};
		for (const name of names) {
			const value = search[name];
			if (typeof value === "string" && value !== "") result[name] = value;
		}
		return result;
	};
}
