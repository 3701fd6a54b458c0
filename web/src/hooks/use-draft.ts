import { useCallback, useState } from "react";

function read<T extends object>(key: string, initial: T): T {
	try {
		const stored = sessionStorage.getItem(key);
		if (stored !== null) return { ...initial, ...(JSON.parse(stored) as Partial<T>) };
	} catch {
		// Blocked storage or a draft of another version: begin anew.
	}
	return initial;
}

/** A wizard's input, kept in this tab so that reload, Back and an ended session lose nothing. Never holds secrets. */
export function useDraft<T extends object>(
	key: string,
	initial: T,
): { draft: T; change: (part: Partial<T>) => void; clear: () => void } {
	const [draft, setDraft] = useState(() => read(key, initial));
	const change = useCallback(
		(part: Partial<T>) => {
			setDraft((present) => {
				const next = { ...present, ...part };
				try {
					sessionStorage.setItem(key, JSON.stringify(next));
				} catch {
					// The draft then lives as long as the page.
				}
				return next;
			});
		},
		[key],
	);
	const clear = useCallback(() => {
		try {
			sessionStorage.removeItem(key);
		} catch {
			// Nothing was stored.
		}
	}, [key]);
	return { draft, change, clear };
}
