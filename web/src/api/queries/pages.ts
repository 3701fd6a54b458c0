import type { Page } from "../types.ts";

const pageLimit = 25;

/** All pages of a list, up to 5,000 objects, in one answer. For lists that a page shows whole. */
export async function allPages<T>(fetchPage: (cursor: { cursor?: string }) => Promise<Page<T>>): Promise<Page<T>> {
	const first = await fetchPage({});
	const items = [...first.items];
	let next = first.next_cursor ?? undefined;
	for (let page = 1; page < pageLimit && next !== undefined; page += 1) {
		const more = await fetchPage({ cursor: next });
		items.push(...more.items);
		next = more.next_cursor ?? undefined;
	}
	return { ...first, items, next_cursor: next ?? null };
}
