/** A typed number above 0; `undefined` when empty, `null` when it is none. */
export function typedNumber(text: string): number | undefined | null {
	if (text.trim() === "") return undefined;
	const value = Number(text.trim().replace(",", "."));
	return Number.isFinite(value) && value > 0 ? value : null;
}
