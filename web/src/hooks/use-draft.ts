import { useCallback, useRef, useState } from "react";

function read<T extends object>(key: string, initial: T, wanted: (stored: T) => boolean): T {
	try {
		const text = sessionStorage.getItem(key);
		const stored = text === null ? initial : { ...initial, ...(JSON.parse(text) as Partial<T>) };
		if (wanted(stored)) return stored;
	} catch {
		// Blocked storage or a draft of another version: begin anew.
	}
	return initial;
}

/** A wizard's input, kept in this tab so that reload, Back and an ended session lose nothing. Never holds secrets. What is stored but not `wanted` is left. */
export function useDraft<T extends object>(
	key: string,
	initial: T,
	wanted: (stored: T) => boolean = () => true,
): { draft: T; change: (part: Partial<T>) => void; clear: () => void } {
	const [draft, setDraft] = useState(() => read(key, initial, wanted));
	const present = useRef(draft);
	const change = useCallback(
		(part: Partial<T>) => {
			// Stored at once and not with the next painting: the page that is gone to reads it.
			const next = { ...present.current, ...part };
			present.current = next;
			try {
				sessionStorage.setItem(key, JSON.stringify(next));
			} catch {
				// The draft then lives as long as the page.
			}
			setDraft(next);
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
