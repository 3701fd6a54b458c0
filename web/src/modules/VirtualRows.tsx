import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useRef } from "react";
import css from "./virtual-rows.module.css";

/** A long list of rows of equal height (px) of which only the visible ones exist in the page. */
export function VirtualRows<T>({
	items,
	keyOf,
	rowHeight,
	label,
	children,
}: {
	items: readonly T[];
	keyOf: (item: T) => string;
	rowHeight: number;
	label: string;
	children: (item: T) => ReactNode;
}) {
	const box = useRef<HTMLDivElement>(null);
	const virtual = useVirtualizer({
		count: items.length,
		getScrollElement: () => box.current,
		estimateSize: () => rowHeight,
		overscan: 12,
		initialRect: { width: 800, height: 480 },
	});
	return (
		<div ref={box} className={css["box"]}>
			<ul className={css["rows"]} style={{ height: virtual.getTotalSize() }} aria-label={label}>
				{virtual.getVirtualItems().map((row) => {
					const item = items[row.index];
					if (item === undefined) return null;
					return (
						<li
							key={keyOf(item)}
							className={css["row"]}
							style={{ height: rowHeight, transform: `translateY(${row.start}px)` }}
							aria-setsize={items.length}
							aria-posinset={row.index + 1}
						>
							{children(item)}
						</li>
					);
				})}
			</ul>
		</div>
	);
}
