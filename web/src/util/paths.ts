import { linkOptions } from "@tanstack/react-router";
import type { JobStep } from "../forms/job-steps.ts";
import type { Section } from "../forms/settings.ts";

/** What the explorer shows: `at` is a time, of which the newest point that is not later is shown; `point` names one. */
export interface SnapshotsSearch {
	source?: string;
	at?: string;
	point?: string;
	snapshot?: string;
	path?: string;
	/** The file whose versions are shown. */
	file?: string;
	zoom?: string;
}

/** Two points, the source path in both, the folder below which is compared, and which changes are listed. */
export interface CompareSearch {
	source?: string;
	a?: string;
	b?: string;
	snapshot?: string;
	path?: string;
	kind?: string;
	q?: string;
}

/** Every address of the page. Links and redirects are made here and nowhere else. */
export const paths = {
	overview: (search: { agent?: string } = {}) => linkOptions({ to: "/", search }),
	alerts: (search: { state?: string; severity?: string } = {}) => linkOptions({ to: "/alerts", search }),
	setUp: () => linkOptions({ to: "/set-up" }),
	signIn: (next?: string) => linkOptions({ to: "/sign-in", search: next === undefined ? {} : { next } }),
	runs: (search: { status?: string; job?: string; from?: string; to?: string } = {}) =>
		linkOptions({ to: "/runs", search }),
	run: (run: string) => linkOptions({ to: "/runs/$run", params: { run } }),
	jobs: (search: { q?: string } = {}) => linkOptions({ to: "/jobs", search }),
	job: (job: string) => linkOptions({ to: "/jobs/$job", params: { job } }),
	newJob: (step: JobStep = "place", search: { agent?: string } = {}) =>
		linkOptions({ to: "/jobs/new/$step", params: { step }, search }),
	editJob: (job: string, step: JobStep = "review") =>
		linkOptions({ to: "/jobs/$job/edit/$step", params: { job, step } }),
	duplicateJob: (job: string, step: JobStep = "place") =>
		linkOptions({ to: "/jobs/$job/duplicate/$step", params: { job, step } }),
	notifications: () => linkOptions({ to: "/notifications" }),
	users: () => linkOptions({ to: "/access/users" }),
	audit: () => linkOptions({ to: "/audit" }),
	settings: (section: Section = "runs") => linkOptions({ to: "/settings/$section", params: { section } }),
	agents: (search: { panel?: "add"; q?: string } = {}) => linkOptions({ to: "/agents", search }),
	agent: (agent: string) => linkOptions({ to: "/agents/$agent", params: { agent } }),
	vaults: () => linkOptions({ to: "/vaults" }),
	newVault: () => linkOptions({ to: "/vaults/new" }),
	vault: (vault: string) => linkOptions({ to: "/vaults/$vault", params: { vault } }),
	snapshots: (search: SnapshotsSearch = {}) => linkOptions({ to: "/snapshots", search }),
	compare: (search: CompareSearch) => linkOptions({ to: "/snapshots/compare", search }),
	search: (search: { q?: string; agent?: string; from?: string; to?: string; deleted?: string } = {}) =>
		linkOptions({ to: "/search", search }),
	restore: (search: { source?: string } = {}) => linkOptions({ to: "/restore", search }),
	newRestore: (step: "what" | "where" | "rules" | "review", point: string) =>
		linkOptions({ to: "/restore/new/$step", params: { step }, search: { point } }),
};

/** Any address that a link may lead to. */
export type Target = ReturnType<(typeof paths)[keyof typeof paths]>;

/** The bytes of a download, once. */
export const downloadContent = (id: string) => `/api/v1/downloads/${id}/content`;

/** The whole log of a run, as a file. */
export const runLogFile = (run: string) => `/api/v1/runs/${run}/log/download`;
