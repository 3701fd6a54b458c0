import type { components } from "../src/api/schema.gen.ts";

type Schemas = components["schemas"];
export type Job = Schemas["Job"];
export type RetentionRule = Schemas["RetentionRule"];
export type Run = Schemas["Run"];
export type Vault = Schemas["Vault"];
export type Agent = Schemas["Agent"];
export type Point = Schemas["Point"];
export type Alert = Schemas["Alert"];
export type Channel = Schemas["NotificationChannel"];

/** Everything the mock server knows; seeded with a small organisation that has had a mixed week. */
export interface Store {
	signedIn: boolean;
	me: Schemas["Me"];
	agents: Agent[];
	vaults: Vault[];
	jobs: Job[];
	runs: Run[];
	points: Point[];
	events: Map<string, Schemas["RunEvent"][]>;
	channels: Channel[];
	settings: Schemas["Settings"];
	users: Schemas["User"][];
	audit: Schemas["AuditEntry"][];
	/** Alerts that somebody took note of. */
	acknowledged: Set<string>;
	nextId: number;
}

export function id(store: Store): string {
	store.nextId += 1;
	return `0190a000-0000-7000-8000-${String(store.nextId).padStart(12, "0")}`;
}

export const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();

export const may = (...names: string[]) => names.map((name) => ({ name, allowed: true }));

export const agentReference = (agent: Agent) => ({
	id: agent.id,
	name: agent.name,
	online: agent.state === "online",
	last_seen_at: agent.last_seen_at ?? null,
});

export function seed(full = true): Store {
	const store: Store = {
		signedIn: true,
		me: {
			id: "0190a000-0000-7000-8000-000000000001",
			email: "ops@harbour.example",
			name: "Ops",
			role: "admin",
			tenant: { id: "0190a000-0000-7000-8000-000000000002", name: "Harbour Logistics", zone: "Europe/Berlin" },
			actions: may(
				"jobs.create",
				"vaults.create",
				"agents.enrol",
				"notifications.manage",
				"users.manage",
				"audit.read",
				"settings.manage",
				"searches.create",
			),
			session_expires_at: ago(-86_400),
			local_agent: null,
			version: 1,
		},
		agents: [],
		vaults: [],
		jobs: [],
		runs: [],
		points: [],
		events: new Map(),
		acknowledged: new Set(),
		channels: [],
		settings: {
			reclaim_grace_seconds: { value: 180, default: 180, fixed_by: null },
			watchdog_timeout_seconds: { value: 720, default: 720, fixed_by: null },
			public_url: { value: "https://backup.example.com", fixed_by: null },
			run_log_days: { value: 90, default: 90, fixed_by: null },
			run_event_days: { value: 365, default: 365, fixed_by: null },
			private_targets: { value: false, fixed_by: null },
			version: 0,
			actions: may("update"),
		},
		users: [],
		audit: [],
		nextId: 100,
	};
	if (!full) return store;
	store.users.push(
		addUser(store, "Ops", store.me.email, "admin", { id: store.me.id, last_sign_in_at: ago(240) }),
		addUser(store, "Mara Lindqvist", "mara@harbour.example", "operator", { last_sign_in_at: ago(90_000) }),
		addUser(store, "Auditor", "auditor@harbour.example", "viewer", { disabled: true }),
	);
	const entries: [action: string, type: string, name: string, actor: string][] = [
		["vaults.kit", "vaults", "offsite-ceph", store.me.email],
		["jobs.update", "jobs", "Office documents", store.me.email],
		["agents.enrol", "agents", "fileserver-01", "agent fileserver-01"],
		["points.delete", "jobs", "Public website", "server"],
		["a.thing_of_tomorrow", "vaults", "a vault with a name that is long enough to need more than one line", "server"],
	];
	for (const [index, [action, type, name, actor]] of entries.entries()) {
		store.audit.push({
			id: id(store),
			time: ago(600 + index * 7_000),
			actor,
			action,
			object_type: type,
			object_id: null,
			object_name: name,
			address: actor.includes("@") ? "192.0.2.17" : null,
		});
	}
	const channel = (name: string, target: Channel["target"], change: Partial<Channel>): Channel => ({
		id: id(store),
		name,
		enabled: true,
		language: "en",
		target,
		has_secret: true,
		rules: { alerts: "warning", runs: ["failed", "partial_success"], job_ids: [] },
		last_delivery: { ok: true, at: ago(5_000), error: null },
		failing_since: null,
		waiting: 0,
		created_at: ago(900_000),
		version: 1,
		actions: may("update", "delete", "test"),
		...change,
	});
	store.channels.push(
		channel(
			"IT department",
			{
				kind: "email",
				host: "mail.harbour.example",
				port: 587,
				encryption: "starttls",
				user: "backup",
				from: "backup@harbour.example",
				to: ["it@harbour.example", "operations-on-call@harbour.example"],
			},
			{},
		),
		channel(
			"Chat",
			{ kind: "webhook", url: "https://chat.harbour.example/hooks/4f7c1b9de0a8463ab5f1c2d3e4f5a6b7c8d9e0f1a2b3c4d5" },
			{
				rules: { alerts: "bad", runs: ["failed"], job_ids: [] },
				failing_since: ago(7_000),
				waiting: 3,
				last_delivery: { ok: false, at: ago(120), error: "The receiver answered 503 Service Unavailable." },
			},
		),
	);
	const fileserver = addAgent(store, "fileserver-01", "linux", "online");
	const database = addAgent(store, "db-01", "linux", "online");
	addAgent(store, "build-node-packaging-line-conformity-eu-central-rack-17", "windows", "unreachable");
	const offsite = addVault(store, "offsite-ceph", {
		kind: "s3",
		endpoint: "https://s3.example.com",
		region: "eu",
		bucket: "hl-backup",
		prefix: "harbour",
		access_key_id: "AKIAEXAMPLE",
	});
	addVault(store, "local-disk", { kind: "directory", agent: agentReference(database), path: "/srv/vault" });
	const office = addJob(store, "Office documents", fileserver, offsite, ["/srv/office", "/srv/office-archive"]);
	const dumps = addJob(store, "Nightly database dumps", database, offsite, ["/var/backups/postgresql"]);
	const site = addJob(store, "Public website", fileserver, offsite, ["/var/www"]);
	dumps.schedule = {
		type: "weekly",
		time: "19:00",
		weekdays: ["monday", "tuesday", "wednesday", "thursday", "friday"],
	};
	const missed = dumps.days.at(-3);
	if (missed !== undefined) Object.assign(missed, { missed: 1, missed_due_at: ago(2 * 86_400) });
	site.schedule = { type: "cron", cron: "*/15 * * * *" };
	for (const [index, job] of [office, dumps, site].entries()) {
		for (let day = 3; day >= 1; day -= 1) {
			addFinishedRun(
				store,
				job,
				day * 86_400 + index * 600,
				day === 1 && job === dumps ? "failed" : day === 1 && job === office ? "partial_success" : "success",
			);
		}
	}
	addOlderPoints(store, office);
	addActiveRun(store, office);
	return store;
}

export function addUser(
	store: Store,
	name: string,
	email: string,
	role: Schemas["Role"],
	change: Partial<Schemas["User"]> = {},
): Schemas["User"] {
	return {
		id: id(store),
		email,
		name,
		role,
		disabled: false,
		last_sign_in_at: null,
		created_at: ago(4_000_000),
		version: 1,
		actions: may("update", "delete"),
		...change,
	};
}

export function addAgent(store: Store, name: string, os: string, state: Agent["state"]): Agent {
	const agent: Agent = {
		id: id(store),
		name,
		host: name,
		state,
		last_seen_at: ago(state === "online" ? 4 : 19_000),
		enrolled_at: ago(40 * 86_400),
		os,
		architecture: "x86_64",
		agent_version: "0.1.0",
		capabilities: [
			{ name: "files", available: true },
			{ name: "restore", available: true },
			{ name: "directory_vault", available: true },
		],
		volumes: [
			{ path: "/", size_bytes: 475e9, free_bytes: 263e9, filesystem: "ext4", type: "fixed", is_network: false },
			{ path: "/srv", size_bytes: 4e12, free_bytes: 894e9, filesystem: "xfs", type: "fixed", is_network: false },
		],
		clock_offset_seconds: 0.2,
		cloned: false,
		on_server_host: false,
		jobs: [],
		active_runs: [],
		version: 1,
		actions: may("update", "browse", "disable", "delete"),
	};
	store.agents.push(agent);
	return agent;
}

export function addVault(store: Store, name: string, storage: Vault["storage"]): Vault {
	const vault: Vault = {
		id: id(store),
		name,
		state: "ready",
		failure: null,
		storage,
		executor: store.agents[0] === undefined ? null : agentReference(store.agents[0]),
		jobs: [],
		points: 0,
		stored_bytes: name === "offsite-ceph" ? 4.82e11 : 0,
		protected_bytes: name === "offsite-ceph" ? 1.92e12 : 0,
		quota_bytes: name === "offsite-ceph" ? 6e12 : null,
		latest_point_at: null,
		last_test: { ok: true, at: ago(7_200) },
		kit_shown_at: null,
		maintenance: {
			agent: store.agents[0] === undefined ? null : agentReference(store.agents[0]),
			running: null,
			quick: { at: ago(2_400), seconds: 41, freed_bytes: 0, later: [], problems: [] },
			full: {
				at: ago(50_000),
				seconds: 722,
				freed_bytes: 9.6e10,
				later: [{ from: ago(-86_400), blobs: 900, bytes: 1.12e11 }],
				problems: [],
			},
			next_quick_at: ago(-1_200),
			next_full_at: ago(-36_400),
			foreign_owner: name === "local-disk" ? "backup@old-server" : null,
			failure: null,
			failing_since: null,
			coverage:
				name === "offsite-ceph"
					? {
							window_days: 30,
							bytes: 4.82e11,
							never_read_bytes: 4.82e10,
							overdue_bytes: 0,
							ages: [
								{ up_to_days: 1, bytes: 1.6e10 },
								{ up_to_days: 7, bytes: 9.6e10 },
								{ up_to_days: 30, bytes: 3.218e11 },
								{ up_to_days: 90, bytes: 0 },
								{ bytes: 0 },
							],
							damaged: 1,
							damage: ["p8f3a1c2d4e5: its checksum is wrong"],
						}
					: null,
			coverage_at: name === "offsite-ceph" ? ago(50_000) : null,
		},
		created_at: ago(40 * 86_400),
		version: 1,
		actions: may("update", "test", "create_repository", "maintain", "kit", "delete"),
	};
	store.vaults.push(vault);
	return vault;
}

export function addJob(store: Store, name: string, agent: Agent, vault: Vault, paths: string[]): Job {
	const job: Job = {
		id: id(store),
		name,
		kind: "files",
		enabled: true,
		agent: agentReference(agent),
		vault: { id: vault.id, name: vault.name },
		paths,
		policy: { compression: "zstd-default", ignore_rules: ["*.tmp", "node_modules/"] },
		schedule: { type: "daily", time: "22:00", not_between: [], catch_up: true },
		retention: { keep_latest: 10, hourly: 48, daily: 7, weekly: 4, monthly: 24, annual: 3 },
		retention_applied: { at: ago(5 * 3600), deleted: 2, refused: 0, failure: null },
		next_run_at: ago(-9 * 3600),
		offline_start: false,
		offline_start_refused: false,
		starts_when_back: false,
		upload_limit_bytes_per_second: null,
		max_age_seconds: 172_800,
		protected: false,
		latest_point_at: null,
		points: 0,
		last_run: null,
		active_run: null,
		days: days(),
		created_at: ago(30 * 86_400),
		version: 1,
		actions: may("run", "update", "delete", "restore"),
	};
	store.jobs.push(job);
	agent.jobs.push({ id: job.id, name });
	vault.jobs.push({ id: job.id, name });
	return job;
}

function days(): Job["days"] {
	return Array.from({ length: 28 }, (_unused, index) => ({
		date: ago((27 - index) * 86_400).slice(0, 10),
		worst: null,
		runs: 0,
		missed: 0,
		run_id: null,
		results: [],
		missed_due_at: null,
	}));
}

function mark(job: Job, run: Run): void {
	const day = job.days.find((entry) => entry.date === run.created_at.slice(0, 10));
	if (day === undefined) return;
	day.worst = run.status;
	day.runs += 1;
	day.run_id = run.id;
	day.results.push({ status: run.status, runs: 1 });
}

export function newRun(store: Store, job: Job, type: Run["type"] = "backup"): Run {
	return {
		id: id(store),
		type,
		status: "queued",
		cancel_requested: false,
		trigger: "manual",
		job: { id: job.id, name: job.name },
		agent: job.agent,
		created_at: ago(0),
		started_at: null,
		finished_at: null,
		progress: {},
		problem_count: 0,
		failure: null,
		vault: job.vault,
		attempt: 0,
		paths: job.paths,
		target_path: null,
		stages: [],
		problem_groups: [],
		statistics: {},
		point_id: null,
		previous: null,
		policy: {} as Record<string, never>,
		given_up_in_seconds: null,
		waiting_reason: null,
		event_count: 0,
		log_ref: null,
		log_lines: 0,
		version: 1,
		actions: may("cancel", "run_again", "restore"),
	};
}

export function addFinishedRun(store: Store, job: Job, secondsAgo: number, status: Run["status"]): Run {
	const run = newRun(store, job);
	const total = 874e9;
	Object.assign(run, {
		status,
		attempt: 1,
		created_at: ago(secondsAgo),
		started_at: ago(secondsAgo - 2),
		finished_at: ago(secondsAgo - 2468),
		progress: {
			percent: 100,
			bytes_processed: total,
			bytes_transferred: 35.4e9,
			bytes_total: total,
			objects_transferred: 1_283_560,
			objects_total: 1_283_560,
			savings_percent: 95.9,
		},
		statistics: {
			files: 1_283_560,
			dirs: 91_000,
			total_bytes: total,
			bytes_read: total,
			bytes_new: 72.9e9,
			bytes_uploaded: 35.4e9,
			cached_files: 1_241_000,
			errors: 0,
			duration_seconds: 2466,
		},
		stages: [
			stage("storage_init", secondsAgo - 2, secondsAgo - 6),
			stage("scan", secondsAgo - 6, secondsAgo - 98),
			stage("upload_start", secondsAgo - 98, secondsAgo - 2414),
			stage("finish", secondsAgo - 2414, secondsAgo - 2468),
		],
	} satisfies Partial<Run>);
	if (status === "failed") {
		run.failure = {
			code: "storage_forbidden",
			title: "The storage refused the key.",
			detail: "The bucket hl-backup answered 403 to a write.",
			hints: ["Enter a new key in the vault's page."],
		};
	} else {
		if (status === "partial_success") {
			run.problem_count = 14;
			run.problem_groups = [
				{
					code: "permission_denied",
					title: "no permission to read",
					hints: ["Run the agent as root."],
					count: 9,
					bytes: 18_400_000,
					examples: ["/srv/office/Management/Board/Minutes.docx"],
				},
				{
					code: "file_busy",
					title: "changed while it was read",
					hints: ["Run the job when the program is closed."],
					count: 5,
					bytes: 12_400_000_000,
					examples: ["/srv/office/Mailbox/archive-2026.pst"],
				},
			];
		}
		addPoint(store, job, run);
	}
	store.events.set(run.id, [
		event(1, secondsAgo, "info", "Started by hand."),
		event(2, secondsAgo - 98, "info", "Scan finished: 1,283,574 files, 874 GB."),
		event(
			3,
			secondsAgo - 2466,
			status === "success" ? "info" : status === "failed" ? "error" : "warn",
			`Finished: ${status}.`,
		),
	]);
	run.event_count = 3;
	job.last_run = run;
	mark(job, run);
	store.runs.unshift(run);
	return run;
}

function addPoint(store: Store, job: Job, run: Run): void {
	const point: Point = {
		id: id(store),
		time: run.started_at ?? run.created_at,
		state: "present",
		job: { id: job.id, name: job.name },
		vault: job.vault,
		source: `root@${job.agent.name}`,
		run_id: run.id,
		files: 1_283_560,
		total_bytes: 874e9,
		bytes_uploaded: 35.4e9,
		problem_count: run.problem_count,
		pinned: false,
		pin_note: null,
		snapshots: job.paths.map((path) => ({
			id: id(store),
			path,
			files: 640_000,
			dirs: 45_000,
			total_bytes: 437e9,
			is_file: false,
		})),
		actions: pointActions(false),
	};
	run.point_id = point.id;
	job.latest_point_at = point.time;
	job.points += 1;
	job.protected = true;
	store.points.unshift(point);
	const vault = store.vaults.find((entry) => entry.id === job.vault.id);
	if (vault !== undefined) {
		vault.points += 1;
		vault.latest_point_at = point.time;
	}
}

/** What retention left of the years before: days, weeks, then months; without the runs that made them. */
function addOlderPoints(store: Store, job: Job): void {
	const days = [4, 5, 6, 8, 9, 10, 11, 12, 13, 15, 22, 29, 36, 50, 78, 108, 139, 170, 200, 230, 260, 320, 380, 440];
	for (const [index, day] of days.entries()) {
		store.points.push({
			id: id(store),
			time: ago(day * 86_400 + (index % 5) * 1_100),
			state: "present",
			job: { id: job.id, name: job.name },
			vault: job.vault,
			source: `root@${job.agent.name}`,
			run_id: null,
			files: 1_283_560 - day * 210,
			total_bytes: 874e9 - day * 3e8,
			bytes_uploaded: index === days.length - 1 ? 610e9 : 2e9 + ((index * 7_919) % 60) * 1e9,
			problem_count: index === 4 ? 14 : 0,
			pinned: index === 16,
			pin_note: index === 16 ? "Year-end closing" : null,
			snapshots: job.paths.map((path) => ({ id: id(store), path, files: 640_000, dirs: 45_000, total_bytes: 437e9 })),
			actions: pointActions(index === 16),
		});
	}
}

/** What may be done with a point, pinned or not. */
export const pointActions = (pinned: boolean): Point["actions"] => [
	...may("browse", "restore", pinned ? "unpin" : "pin"),
	{ name: "delete", allowed: !pinned, reason: pinned ? "It is pinned. Unpin it first." : null },
];

/** A stage from `begin` to `end` seconds ago; without an end it still runs. */
const stage = (name: string, begin: number, end?: number) => ({
	name,
	started_at: ago(begin),
	duration_ms: end === undefined ? null : (begin - end) * 1000,
});

export const event = (seq: number, secondsAgo: number, level: "info" | "warn" | "error", message: string) => ({
	seq,
	time: ago(secondsAgo),
	type: level === "info" ? "info" : level === "warn" ? "warning" : "error",
	level,
	message_id: "mock",
	params: {} as Record<string, never>,
	message,
});

/** A log of 1,200 lines, with text that a page must not take for its own. */
export function log(run: Run): Schemas["RunLogLine"][] {
	const begin = new Date(run.started_at ?? run.created_at).getTime();
	const line = (number: number): Pick<Schemas["RunLogLine"], "level" | "text"> => {
		if (number === 1_200) return { level: "info", text: "Finished." };
		if (number === 1_190)
			return { level: "error", text: "/srv/<img src=x onerror=alert(1)>\u202e.txt: <b>no</b> &amp; no" };
		if (number % 97 === 0) return { level: "warn", text: `/srv/office/scan-${number}.tif: open in another program` };
		return { level: "info", text: `Read /srv/office/part-${number}` };
	};
	return Array.from({ length: 1_200 }, (_unused, index) => ({
		line: index + 1,
		time: new Date(begin + index * 500).toISOString(),
		attempt: 1,
		...line(index + 1),
	}));
}

export function addActiveRun(store: Store, job: Job): Run {
	const run = newRun(store, job);
	Object.assign(run, {
		status: "running",
		attempt: 1,
		created_at: ago(2_830),
		started_at: ago(2_828),
		progress: {
			percent: 63.4,
			bytes_processed: 558e9,
			bytes_transferred: 46.8e9,
			bytes_total: 880e9,
			objects_transferred: 812_440,
			objects_total: 1_284_022,
			speed_bytes_per_second: 212e6,
			eta_seconds: 1_560,
			eta_low_seconds: 1_320,
			eta_high_seconds: 1_800,
			savings_percent: 91.6,
			current_item:
				"/srv/office/Marketing/2026/Trade fair Hamburg/Raw footage/hall-7-walkthrough-long-version-uncut-with-interviews.mov",
			reported_at: ago(1),
		},
		stages: [stage("storage_init", 2_828, 2_812), stage("scan", 2_812, 2_720), stage("upload_start", 2_720)],
		statistics: { bytes_new: 96.2e9 },
		previous: { id: id(store), finished_at: ago(86_400), statistics: { duration_seconds: 2_468 } },
		event_count: 6,
	} satisfies Partial<Run>);
	store.events.set(run.id, [
		event(1, 2_828, "info", "Started by hand."),
		event(2, 2_812, "info", "Connected to storage offsite-ceph, 84 ms, server clock differs by 0.2 s."),
		event(3, 2_720, "info", "Scan finished: 1,284,022 files, 880 GB."),
		event(4, 428, "warn", "Storage offsite-ceph slow: 3 uploads answered 503, trying again with longer pauses."),
		event(5, 360, "info", "Storage answers again. Nothing was lost."),
		event(6, 4, "info", "Reached 63%: 812,440 files read, 96.2 GB of new data."),
	]);
	job.active_run = run;
	mark(job, run);
	store.runs.unshift(run);
	return run;
}

/** Ninety days of growth with a clean-up in the middle, or none where nothing was stored. */
export function usage(vault: Vault): Schemas["VaultUsageHistory"] {
	const days = Array.from({ length: vault.stored_bytes > 0 ? 90 : 0 }, (_unused, index) => ({
		date: ago((89 - index) * 86_400).slice(0, 10),
		stored_bytes: 3.93e12 + index * 10e9 - (index > 50 ? 0.08e12 : 0) + (index % 7) * 4e9,
	}));
	const stored = days.at(-1)?.stored_bytes ?? null;
	return {
		days,
		fill: {
			measured_at: stored === null ? null : ago(2_400),
			stored_bytes: stored,
			capacity_bytes: vault.quota_bytes ?? null,
			capacity_from: vault.quota_bytes ? "quota" : null,
			history_days: days.length,
			history_days_needed: 14,
			growth:
				stored === null
					? null
					: {
							low_bytes_per_day: 7.6e9,
							bytes_per_day: 9.7e9,
							high_bytes_per_day: 11.9e9,
							over_days: 90,
							full_in: vault.quota_bytes
								? {
										soonest: Math.floor((vault.quota_bytes - stored) / 11.9e9),
										likely: Math.floor((vault.quota_bytes - stored) / 9.7e9),
										latest: Math.floor((vault.quota_bytes - stored) / 7.6e9),
									}
								: null,
						},
		},
	};
}
