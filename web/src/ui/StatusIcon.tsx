import css from "./status.module.css";

/** Everything that has a status: runs, days without one, agents and proofs. */
export type StatusName =
	| "queued"
	| "starting"
	| "running"
	| "success"
	| "partial_success"
	| "failed"
	| "cancelled"
	| "cancel_requested"
	| "missed"
	| "nothing_due"
	| "disabled"
	| "online"
	| "unreachable"
	| "proven"
	| "overdue";

const ring = (fraction: number) => {
	const length = 2 * Math.PI * 5.2;
	return { strokeDasharray: `${Math.max(0.02, fraction) * length} ${length}` };
};

function drawing(status: StatusName, percent: number | undefined) {
	switch (status) {
		case "queued":
			return (
				<>
					<circle cx="8" cy="8" r="5.7" className={css["line"]} />
					<path d="M5.4 8h.01M8 8h.01M10.6 8h.01" className={css["dots"]} />
				</>
			);
		case "starting":
		case "cancel_requested":
			return (
				<>
					<circle cx="8" cy="8" r="5.2" className={css["track"]} />
					<circle cx="8" cy="8" r="5.2" className={css["arcTurning"]} {...ring(0.25)} />
				</>
			);
		case "running":
			return (
				<>
					<circle cx="8" cy="8" r="5.2" className={css["track"]} />
					<circle
						cx="8"
						cy="8"
						r="5.2"
						className={css["arc"]}
						{...ring(percent === undefined ? 0.75 : percent / 100)}
					/>
				</>
			);
		case "success":
			return (
				<>
					<circle cx="8" cy="8" r="6.7" className={css["solid"]} />
					<path d="M5 8.2l2.1 2.1L11 6.2" className={css["cut"]} />
				</>
			);
		case "partial_success":
			return (
				<>
					<path d="M8 1.6l6.8 12.3H1.2z" className={css["solid"]} strokeLinejoin="round" />
					<path d="M8 6.2v3.6M8 11.9h.01" className={css["cut"]} />
				</>
			);
		case "failed":
			return (
				<>
					<path d="M5.2 1.4h5.6l3.8 3.8v5.6l-3.8 3.8H5.2l-3.8-3.8V5.2z" className={css["solid"]} />
					<path d="M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6" className={css["cut"]} />
				</>
			);
		case "cancelled":
			return (
				<>
					<circle cx="8" cy="8" r="5.7" className={css["line"]} />
					<path d="M4.1 11.9l7.8-7.8" className={css["line"]} />
				</>
			);
		case "missed":
			return (
				<>
					<circle cx="8" cy="8" r="5.9" className={css["dashed"]} />
					<path d="M8 5v3.2l2 1.2" className={css["line"]} />
				</>
			);
		case "disabled":
			return (
				<>
					<rect x="2.2" y="2.2" width="11.6" height="11.6" rx="2" className={css["line"]} />
					<path d="M6.2 5.4v5.2M9.8 5.4v5.2" className={css["line"]} />
				</>
			);
		case "online":
			return <circle cx="8" cy="8" r="4" className={css["solid"]} />;
		case "unreachable":
			return (
				<>
					<circle cx="8" cy="8" r="4.2" className={css["line"]} />
					<path d="M3.2 12.8l9.6-9.6" className={css["line"]} />
				</>
			);
		case "proven":
			return (
				<>
					<path d="M8 1.2l5.8 2v4.6c0 3.4-2.4 5.9-5.8 7-3.4-1.1-5.8-3.6-5.8-7V3.2z" className={css["solid"]} />
					<path d="M5.2 8l2 2L11 6.2" className={css["cut"]} />
				</>
			);
		case "overdue":
			return (
				<>
					<path d="M8 1.8l5.3 1.9v4.2c0 3-2.1 5.2-5.3 6.3-3.2-1.1-5.3-3.3-5.3-6.3V3.7z" className={css["line"]} />
					<path d="M8 5.2v3.6M8 11h.01" className={css["line"]} />
				</>
			);
		case "nothing_due":
			return <circle cx="8" cy="8" r="1.6" className={css["solid"]} />;
	}
}

/** The silhouette of a status; each differs without colour. `percent` (0 to 100) fills the ring of a running one. */
export function StatusIcon({
	status,
	percent,
	size = 16,
	label,
}: {
	status: StatusName;
	percent?: number | undefined;
	size?: number;
	/** Read by screen readers when no word stands beside the icon. */
	label?: string;
}) {
	const named = label === undefined ? { "aria-hidden": true as const } : { role: "img", "aria-label": label };
	return (
		// biome-ignore lint/a11y/noSvgWithoutTitle: named by aria-label, or hidden because the word stands beside it
		<svg width={size} height={size} viewBox="0 0 16 16" className={`${css["icon"]} ${css[status]}`} {...named}>
			{drawing(status, percent)}
		</svg>
	);
}
