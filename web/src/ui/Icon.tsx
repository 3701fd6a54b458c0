import type { SVGProps } from "react";

/** Line icons on a 16 px grid, drawn with the text's colour. Decorative: the word beside them carries the meaning. */
const drawings = {
	overview: "M2.5 2.5h4.2v5H2.5zM9.3 2.5h4.2v3H9.3zM9.3 8h4.2v5.5H9.3zM2.5 10h4.2v3.5H2.5z",
	runs: "M2.6 8a5.4 5.4 0 1 0 1.7-3.9M2.4 2.6v2.6H5M8 5v3.2l2.2 1.3",
	jobs: "M13.5 7V4.6c0-.6-.5-1.1-1.1-1.1H3.6c-.6 0-1.1.5-1.1 1.1v7.3c0 .6.5 1.1 1.1 1.1h4M2.5 6.5h11M5.2 2v2.6M10.8 2v2.6M9.5 11.5h4.2M12 9.5l2 2-2 2",
	agents: "M2.5 3h11v4.2h-11zM2.5 9h11v4.2h-11zM5 5.1h.01M5 11.1h.01M7.5 5.1h3.5M7.5 11.1h3.5",
	snapshots: "M8 2.2l6 2.9-6 2.9-6-2.9zM2.4 8L8 10.7 13.6 8M2.4 10.9L8 13.6l5.6-2.7",
	restore: "M2.6 8a5.4 5.4 0 1 0 1.7-3.9M2.4 2.6v2.6H5M8 7.9h.01",
	vaults:
		"M2.8 4c0-1 2.3-1.8 5.2-1.8s5.2.8 5.2 1.8-2.3 1.8-5.2 1.8S2.8 5 2.8 4zM2.8 4v8c0 1 2.3 1.8 5.2 1.8s5.2-.8 5.2-1.8V4M2.8 8c0 1 2.3 1.8 5.2 1.8s5.2-.8 5.2-1.8",
	bell: "M8 2.2a3.8 3.8 0 0 0-3.8 3.8c0 3.4-1.4 4.6-1.4 4.6h10.4S11.8 9.4 11.8 6A3.8 3.8 0 0 0 8 2.2M6.6 12.8a1.5 1.5 0 0 0 2.8 0",
	users:
		"M6 7.5a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4M2.2 13c0-2.2 1.7-3.6 3.8-3.6s3.8 1.4 3.8 3.6M10.4 3.3a2.2 2.2 0 0 1 0 4M11.5 9.6c1.4.5 2.3 1.7 2.3 3.4",
	audit: "M4 2.2h8v11.6H4zM6.2 5.4h3.6M6.2 8h3.6M6.2 10.6h2",
	settings: "M2.5 4.5h5M10.5 4.5h3M7.5 3v3M2.5 8H5M8 8h5.5M5 6.5v3M2.5 11.5h6M11.5 11.5h2M8.5 10v3",
	plus: "M8 3v10M3 8h10",
	close: "M4 4l8 8M12 4l-8 8",
	check: "M3 8.5l3.2 3.2L13 5",
	copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
	file: "M4 2h5l3.2 3.2V14H4zM9 2v3.2h3.2",
	folder: "M2 4.2c0-.4.3-.7.7-.7h3.6l1.5 1.7h5.5c.4 0 .7.3.7.7v6.4c0 .4-.3.7-.7.7H2.7a.7.7 0 0 1-.7-.7z",
	link: "M6.5 3.5H4A1.5 1.5 0 0 0 2.5 5v7A1.5 1.5 0 0 0 4 13.5h7a1.5 1.5 0 0 0 1.5-1.5V9.5M9 2.5h4.5V7M13.2 2.8L7.5 8.5",
	download: "M8 2.5v7.6M4.6 7L8 10.4 11.4 7M2.5 13.5h11",
	up: "M8 13V3.4M4 7.2L8 3.2l4 4",
	left: "M13 8H3.4M7.2 4l-4 4 4 4",
	right: "M3 8h9.6M8.8 4l4 4-4 4",
	chevron: "M6 3.5L10.5 8 6 12.5",
	pin: "M9.6 2.4l4 4-1.7.5-2.4 2.4-.3 2.9-5.4-5.4 2.9-.3 2.4-2.4zM6.5 9.5l-3.7 3.7",
	swap: "M2.5 5.5h10M9.5 2.5l3 3-3 3M13.5 10.5h-10M6.5 7.5l-3 3 3 3",
	compare: "M2.5 5h8.5M8.5 2.5L11 5 8.5 7.5M13.5 11H5M7.5 8.5L5 11l2.5 2.5",
	more: "M3.2 8h.01M8 8h.01M12.8 8h.01",
	menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
	sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M3.4 12.6l1.1-1.1M11.5 4.5l1.1-1.1",
	moon: "M13.4 9.7A5.6 5.6 0 0 1 6.3 2.6a5.6 5.6 0 1 0 7.1 7.1z",
	search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.4 10.4l3.4 3.4",
	play: "M4.5 2.8l8 5.2-8 5.2z",
	retry: "M13.4 6.5A5.6 5.6 0 0 0 3.6 5M2.6 9.5A5.6 5.6 0 0 0 12.4 11M3.2 2.4V5h2.6M12.8 13.6V11h-2.6",
	signOut: "M6 2.5H3.5v11H6M6.5 8h7M10.8 5.2L13.6 8l-2.8 2.8",
	server: "M2.5 3h11v7h-11zM5.5 13.2h5M8 10v3.2",
	lock: "M3.5 7h9v6.5h-9zM5.3 7V5a2.7 2.7 0 0 1 5.4 0v2",
	unplug: "M6 10l-2.5 2.5M10 6l2.5-2.5M5.2 6.8l4 4-1 1a2.8 2.8 0 0 1-4-4zM6.8 5.2l1-1a2.8 2.8 0 0 1 4 4l-1 1z",
	tux: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M9.8 11.4C6 12.2 4.6 9.8 5.4 7.6c.8-2 4-2.2 4.8-.4.6 1.6-1 3-2.2 2.2",
	windows: "M2.8 4l4.6-.7v4.2H2.8zM8.6 3.1l4.6-.7v5.1H8.6zM2.8 8.6h4.6v4.2l-4.6-.7zM8.6 8.6h4.6v5l-4.6-.7z",
} as const;

export type IconName = keyof typeof drawings;

export function Icon({ name, size = 16, ...rest }: { name: IconName; size?: number } & SVGProps<SVGSVGElement>) {
	return (
		<svg
			width={size}
			height={size}
			viewBox="0 0 16 16"
			fill="none"
			stroke="currentColor"
			strokeWidth={name === "more" ? 2 : 1.3}
			strokeLinecap="round"
			strokeLinejoin="round"
			aria-hidden="true"
			focusable="false"
			{...rest}
		>
			<path d={drawings[name]} />
		</svg>
	);
}
