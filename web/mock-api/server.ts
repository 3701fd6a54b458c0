import * as data from "./data.ts";

const json = (body: unknown, status = 200) =>
	new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });

function problem(
	status: number,
	code: string,
	title: string,
	errors: { pointer: string; code: string; detail: string }[] = [],
) {
	return new Response(
		JSON.stringify({ type: `/problems/${code}`, title, status, code, hints: [], errors, request_id: "7f3a91" }),
		{
			status,
			headers: { "content-type": "application/problem+json" },
		},
	);
}

const page = <T>(items: readonly T[]) => ({ items, next_cursor: null, count: items.length, count_capped: false });

function command(store: data.Store, type: string, result: unknown) {
	const agent = store.agents[0];
	return json({
		id: data.id(store),
		type,
		status: "completed",
		agent: agent === undefined ? null : data.agentReference(agent),
		result,
		failure: null,
		created_at: data.ago(1),
		finished_at: data.ago(0),
		actions: [],
	});
}

function failedCommand(store: data.Store, type: string, code: string, title: string) {
	const agent = store.agents[0];
	return json({
		id: data.id(store),
		type,
		status: "failed",
		agent: agent === undefined ? null : data.agentReference(agent),
		result: null,
		failure: { code, title, detail: null, hints: [] },
		created_at: data.ago(1),
		finished_at: data.ago(0),
		actions: [],
	});
}

/** Points that are there, of a job or of all. */
const present = (store: data.Store, job: string | null) =>
	store.points.filter((point) => point.state !== "gone" && (job === null || point.job?.id === job));

/** The folder of contracts came into being some weeks ago. */
const hasFolder = (point: data.Point, path: string) =>
	!path.startsWith("Contracts") || point.time > data.ago(40 * 86_400);

const noDifference = (path: string) => ({
	path,
	totals: {
		added: 0,
		added_bytes: 0,
		changed: 0,
		changed_bytes: 0,
		deleted: 0,
		deleted_bytes: 0,
		unchanged: 1_283_560,
	},
	entries: [],
	count: 0,
	left_out: 0,
	unreadable: 0,
	next_cursor: null,
	complete: true,
});

/** Files that differ: path, size before, size after. */
const differing: readonly (readonly [path: string, before: number | null, after: number | null])[] = [
	["CAD/assembly-line-4/part-1.dwg", null, 70.5e9],
	["CAD/library/bolt.dwg", 1.2e6, null],
	["CAD/library/nut.dwg", 3.1e6, 4.4e6],
	["Finance/budget-2027.xlsx", 4_112_384, 4_198_400],
	["Finance/cash-flow-forecast.xlsx", 1.8e6, 1.804e6],
	["Finance/dashboard-export.csv", null, 918e3],
	["Finance/quarter-3.xlsx", 2.7e6, null],
	["Marketing/Raw footage (moved to archive)/hall-7.mov", 2.1e9, null],
];

/** What differs below a folder, as an agent tells it. */
function difference(path: string, body: Record<string, unknown>) {
	const prefix = path === "" ? "" : `${path}/`;
	const below = differing.filter(([name]) => name.startsWith(prefix));
	const state = (size: number | null) => (size === null ? null : { size, modified: data.ago(90_000), mode: "0644" });
	const change = (before: number | null, after: number | null) =>
		before === null ? "added" : after === null ? "deleted" : "changed";
	const totals = (files: typeof below) => {
		const sum = { added: 0, added_bytes: 0, changed: 0, changed_bytes: 0, deleted: 0, deleted_bytes: 0 };
		for (const [, before, after] of files) {
			if (before === null) Object.assign(sum, { added: sum.added + 1, added_bytes: sum.added_bytes + (after ?? 0) });
			else if (after === null)
				Object.assign(sum, { deleted: sum.deleted + 1, deleted_bytes: sum.deleted_bytes + before });
			else Object.assign(sum, { changed: sum.changed + 1, changed_bytes: sum.changed_bytes + after - before });
		}
		return sum;
	};
	const file = ([name, before, after]: (typeof below)[number]) => ({
		path: name.slice(prefix.length),
		kind: "file",
		change: change(before, after),
		aspects: before !== null && after !== null ? ["content", "modified"] : [],
		before: state(before),
		after: state(after),
		below: null,
	});
	const children = () =>
		[...new Set(below.map(([name]) => name.slice(prefix.length).split("/")[0] ?? ""))].map((child) => {
			const own = below.filter(([name]) => name.startsWith(`${prefix}${child}/`));
			const itself = below.find(([name]) => name === `${prefix}${child}`);
			if (itself !== undefined) return file(itself);
			return {
				path: child,
				kind: "directory",
				change: "inside",
				aspects: [],
				before: state(412e9),
				after: state(483e9),
				below: totals(own),
			};
		});
	const wanted = (body["changes"] ?? []) as string[];
	const name = String(body["name"] ?? "").toLowerCase();
	const files = () =>
		below
			.filter(([path]) => (path.split("/").at(-1) ?? "").toLowerCase().includes(name))
			.map(file)
			.filter((entry) => wanted.length === 0 || wanted.includes(entry.change));
	const entries =
		body["list"] === "files"
			? files()
			: body["list"] === "missing"
				? below.map(file).filter((entry) => entry.change === "deleted")
				: children();
	return {
		...noDifference(path),
		totals: { ...totals(below), unchanged: 1_281_656 },
		entries,
		count: entries.length,
	};
}

const folders = ["Board", "Contracts", "Invoices 2026", "Templates", "Year-end closing"];
const files = [
	"budget-2027.xlsx",
	"cash-flow-forecast.xlsx",
	"dashboard-export.csv",
	"letterhead.png",
	"übergabe-protokoll.docx",
];

/** What a search in the made-up points finds: every path in all of them, changed now and then. */
function foundIn(store: data.Store, paths: readonly string[]) {
	const newest = store.points[0];
	const seen = (at: string) => ({ time: at, point_id: newest?.id, snapshot_id: newest?.snapshots[0]?.id });
	const hits = paths.map((path, index) => ({
		source_user: "root",
		source_host: "fileserver-01",
		source_path: newest?.snapshots[0]?.path ?? "/srv",
		path,
		deleted: index === 1,
		version_count: 4,
		versions: [4_200_000, 4_114_000, 5_400_000, 5_400_000].map((size, version) => ({
			kind: "file",
			size,
			modified: data.ago(86_400 * (version + 1) * (index + 1)),
			object_id: `k${Math.min(version, 2)}`,
			points: version === 0 ? 1 : 7 * version,
			pinned: version === 2,
			first: seen(data.ago(86_400 * 7 * (version + 1))),
			last: seen(data.ago(86_400 * 7 * version + 3_600)),
		})),
	}));
	return { hits, points: store.points.length, points_done: store.points.length, unreadable: 0 };
}

function search(store: data.Store, body: Record<string, unknown>) {
	const pattern = String(body["pattern"] ?? "");
	const [first, second] = store.vaults;
	const agent = store.agents[0];
	if (first === undefined || agent === undefined) return { vaults: [], not_searched: [] };
	const folder = body["cursor"] === undefined ? "Finance" : "Board";
	const paths = files.map((name) => `${folder}/${name}`).filter((path) => pattern === "*" || path.includes(pattern));
	const id = data.id(store);
	const found = {
		...foundIn(store, paths),
		next_cursor: pattern === "*" && body["cursor"] === undefined ? "more" : null,
	};
	return {
		vaults: [
			{
				vault: { id: first.id, name: first.name },
				command: {
					id,
					type: "search",
					status: "completed",
					agent: data.agentReference(agent),
					result: found,
					failure: null,
					created_at: data.ago(1),
					finished_at: data.ago(0),
					actions: [],
				},
			},
		],
		not_searched:
			second === undefined
				? []
				: [
						{
							vault: { id: second.id, name: second.name },
							failure: {
								code: "no_agent_online",
								title: "No machine that could do this is connected.",
								detail: `No machine that reaches the vault "${second.name}" is connected.`,
								hints: [],
							},
						},
					],
	};
}

/** Alerts that follow from the made-up data, and one that is over. */
function alerts(store: data.Store): data.Alert[] {
	const alert = (
		kind: string,
		severity: data.Alert["severity"],
		object: { type: string; id: string; name: string },
		fix: { action: string; type: string; id: string },
		words: { title: [en: string, de: string]; detail: [en: string, de: string] },
		since: string,
	): data.Alert => {
		const id = `${kind.length.toString(16).padStart(8, "0")}${object.id.slice(8)}`;
		const acknowledged = store.acknowledged.has(id);
		return {
			id,
			kind,
			severity,
			object_type: object.type,
			object_id: object.id,
			object_name: object.name,
			title: { en: words.title[0], de: words.title[1] },
			detail: { en: words.detail[0], de: words.detail[1] },
			action: fix.action,
			target_type: fix.type,
			target_id: fix.id,
			since,
			opened_at: since,
			last_seen_at: data.ago(20),
			closed_at: null,
			acknowledged_at: acknowledged ? data.ago(60) : null,
			acknowledged_by: acknowledged ? store.me.email : null,
			actions: [{ name: "acknowledge", allowed: !acknowledged, reason: acknowledged ? "Somebody took note." : null }],
		};
	};
	const failed = store.jobs
		.filter((job) => job.last_run?.status === "failed")
		.map((job) =>
			alert(
				"run_failed",
				"bad",
				{ type: "jobs", id: job.id, name: job.name },
				{ action: "open_run", type: "runs", id: job.last_run?.id ?? "" },
				{
					title: [`The last run of ${job.name} failed.`, `Der letzte Lauf von ${job.name} ist fehlgeschlagen.`],
					detail: [
						"The storage refuses access. Check the keys and what they may do in this bucket or folder.",
						"Der Speicher verweigert den Zugriff. Prüfen Sie die Schlüssel und ihre Rechte.",
					],
				},
				data.ago(82_800),
			),
		);
	const gone = store.agents
		.filter((agent) => agent.state === "unreachable")
		.map((agent) =>
			alert(
				"agent_unreachable",
				"warning",
				{ type: "agents", id: agent.id, name: agent.name },
				{ action: "open_agent", type: "agents", id: agent.id },
				{
					title: [`${agent.name} is not reachable.`, `${agent.name} ist nicht erreichbar.`],
					detail: [
						"Look whether the machine is on and the agent is running.",
						"Prüfen Sie, ob der Rechner läuft und der Agent gestartet ist.",
					],
				},
				agent.last_seen_at ?? data.ago(3_600),
			),
		);
	const first = store.jobs[0];
	if (first === undefined) return [...failed, ...gone];
	const object = { type: "jobs", id: first.id, name: first.name };
	const missed = alert(
		"run_missed",
		"bad",
		object,
		{ action: "run_now", type: "jobs", id: first.id },
		{
			title: [
				`A run of ${first.name} was due and was not started.`,
				`Ein Lauf von ${first.name} war fällig und wurde nicht gestartet.`,
			],
			detail: ["Run it now, or see why its machine did not take it.", "Starten Sie ihn jetzt."],
		},
		data.ago(7_200),
	);
	const over = alert(
		"job_late",
		"bad",
		object,
		{ action: "run_now", type: "jobs", id: first.id },
		{
			title: [
				`The newest restore point of ${first.name} is older than allowed.`,
				`Der neueste Wiederherstellungspunkt von ${first.name} ist älter als erlaubt.`,
			],
			detail: ["", ""],
		},
		data.ago(400_000),
	);
	return [missed, ...failed, ...gone, { ...over, closed_at: data.ago(200_000), actions: [] }];
}

/** Made-up counts: the first rule always matches something, one with "none" in it never does. */
function estimate(paths: readonly string[], policy: Partial<data.Job["policy"]>) {
	const some = (files: number, bytes: number, examples: string[] = []) => ({ files, bytes, dirs: 1, examples });
	const rules = (policy.ignore_rules ?? []).map((rule, index) => ({
		by: "rule",
		rule: index,
		...(rule.includes("none")
			? { ...some(0, 0), dirs: 0 }
			: some(8_412 * (index + 1), 9.1e9, [`${paths[0]}/assembly/${rule.replace(/[*/]/g, "x")}`])),
	}));
	return {
		sources: paths.map((path, index) => ({ path, files: 412_660 / (index + 1), bytes: 1.31e12, dirs: 800 })),
		left_out: [
			...rules,
			{ by: "ignore_file", ...some(12, 88_000, [`${paths[0]}/build/output.log`]) },
			...(policy.include_rules?.length ? [{ by: "not_taken", ...some(99_120, 88e9) }] : []),
			...(policy.one_file_system
				? [{ by: "other_file_system", ...some(0, 0, [`${paths[0]}/a mounted disk with a long name`]) }]
				: []),
		],
		taken: (policy.include_rules ?? []).map(() => ({ files: 1_206, bytes: 3.4e9 })),
		unreadable: 2,
		unreadable_examples: [`${paths[0]}/System Volume Information`, `${paths[0]}/private`],
		complete: true,
	};
}

function overview(store: data.Store, agent: string | null = null) {
	const enabled = store.jobs.filter((job) => job.enabled);
	const open = alerts(store).filter((alert) => !alert.closed_at);
	return {
		checked_at: data.ago(0),
		jobs_total: enabled.length,
		jobs_protected: enabled.filter((job) => job.protected).length,
		agents_total: store.agents.length,
		agents_online: store.agents.filter((agent) => agent.state === "online").length,
		alerts_open: open.filter((alert) => !alert.acknowledged_at).length,
		alerts: open,
		jobs: store.jobs
			.filter((job) => agent === null || job.agent.id === agent)
			.map((job) => ({
				id: job.id,
				name: job.name,
				kind: job.kind,
				agent: job.agent,
				enabled: job.enabled,
				protected: job.protected,
				late_by_seconds: job.protected ? null : 3600,
				latest_point_at: job.latest_point_at,
				next_run_at: job.next_run_at,
				starts_when_back: job.starts_when_back,
				last_status: job.last_run?.status,
				days: job.days,
			})),
		active_runs: store.runs.filter((run) => !run.finished_at),
		recent_runs: store.runs.filter((run) => run.finished_at).slice(0, 10),
		vaults: store.vaults.map((vault) => ({
			id: vault.id,
			name: vault.name,
			state: vault.state,
			fill: data.usage(vault).fill,
			sent_bytes: vault.stored_bytes > 0 ? null : 0,
			actions: data.may("update"),
		})),
		last_restore: null,
	};
}

/** `version` is the one that `If-Match` names. */
type Handler = (
	store: data.Store,
	match: string[],
	body: Record<string, unknown>,
	query: URLSearchParams,
	version: number | undefined,
) => Response;

const nameTaken = (noun: string) =>
	problem(422, "invalid_input", "Some of the input is not valid.", [
		{ pointer: "/name", code: "name_taken", detail: `The name is used by another ${noun}.` },
	]);

const versionChanged = (current: object) =>
	json(
		{
			type: "/problems/version_changed",
			title: "Somebody else changed the object in the meantime.",
			status: 412,
			code: "version_changed",
			hints: [],
			errors: [],
			current,
		},
		412,
	);

function find<T extends { id: string }>(
	items: readonly T[],
	id: string | undefined,
	found: (item: T) => Response,
): Response {
	const item = items.find((entry) => entry.id === id);
	return item === undefined ? problem(404, "not_found", "There is no such object.") : found(item);
}

const test = {
	ok: true,
	location: "s3://hl-backup/harbour",
	findings: ["list", "write", "read", "delete", "repository"].map((check, index) => ({
		check,
		ok: true,
		message: "",
		duration_ms: 20 + index * 17,
	})),
	repository: "absent",
};

type Route = readonly [method: string, path: RegExp, handler: Handler];

/** One line a route. Names that begin with "error" are refused, so that error paths can be seen. */
const routes: readonly Route[] = [
	[
		"GET",
		/^status$/,
		(store) =>
			json({ product: "Holdfast", version: "0.1.0", set_up: true, signed_in: store.signedIn, time: data.ago(0) }),
	],
	[
		"POST",
		/^set-up$/,
		(store) => {
			store.signedIn = true;
			return json(store.me, 201);
		},
	],
	[
		"POST",
		/^session$/,
		(store, _match, body) => {
			if (body["password"] === "wrong") return problem(401, "sign_in_failed", "E-mail address or password is wrong.");
			store.signedIn = true;
			return json(store.me);
		},
	],
	[
		"DELETE",
		/^session$/,
		(store) => {
			store.signedIn = false;
			return new Response(null, { status: 204 });
		},
	],
	["GET", /^me$/, (store) => json(store.me)],
	["GET", /^overview$/, (store, _match, _body, query) => json(overview(store, query.get("agent_id")))],
	[
		"GET",
		/^alerts$/,
		(store, _match, _body, query) => {
			const state = query.get("state");
			const severity = query.get("severity");
			return json(
				page(
					alerts(store).filter(
						(alert) =>
							(state === null || (state === "open") === !alert.closed_at) &&
							(severity === null || severity.split(",").includes(alert.severity)),
					),
				),
			);
		},
	],
	[
		"POST",
		/^alerts\/([^/]+)\/acknowledge$/,
		(store, [id]) =>
			find(alerts(store), id, (alert) => {
				store.acknowledged.add(alert.id);
				return json(alert);
			}),
	],
	["GET", /^settings$/, (store) => json(store.settings)],
	[
		"PATCH",
		/^settings$/,
		(store, _match, body) => {
			const { settings } = store;
			for (const [key, value] of Object.entries(body)) {
				const setting = settings[key as "run_log_days"];
				setting.value = value as number;
			}
			if (settings.watchdog_timeout_seconds.value <= settings.reclaim_grace_seconds.value)
				return problem(422, "invalid_input", "Some of the input is not valid.", [
					{ pointer: "/watchdog_timeout_seconds", code: "out_of_range", detail: "must be larger than the grace" },
				]);
			settings.version += 1;
			return json(settings);
		},
	],
	["GET", /^audit$/, (store) => json(page(store.audit))],
	["GET", /^users$/, (store) => json(page(store.users))],
	[
		"POST",
		/^users$/,
		(store, _match, body) => {
			const email = String(body["email"]);
			if (store.users.some((user) => user.email === email))
				return problem(409, "name_taken", "The name is used by another object.", [
					{ pointer: "/email", code: "name_taken", detail: "The e-mail address has an account already." },
				]);
			const user = data.addUser(store, String(body["name"] ?? email), email, body["role"] as "viewer");
			store.users.push(user);
			return json(user, 201);
		},
	],
	[
		"PATCH",
		/^users\/([^/]+)$/,
		(store, [id], body) =>
			find(store.users, id, (user) => {
				const loses = body["role"] !== undefined && body["role"] !== "admin";
				if (loses && store.users.filter((other) => other.role === "admin").length === 1 && user.role === "admin")
					return problem(409, "last_administrator", "The last administrator must stay.");
				const { password: _password, ...change } = body;
				Object.assign(user, change, { version: user.version + 1 });
				return json(user);
			}),
	],
	["GET", /^notification-channels$/, (store) => json(page(store.channels))],
	[
		"POST",
		/^notification-channels$/,
		(store, _match, body) => {
			if (String(body["name"]).startsWith("error"))
				return problem(422, "invalid_input", "Some of the input is not valid.", [
					{ pointer: "/target/url", code: "invalid", detail: "is not an address" },
				]);
			const target = body["target"] as data.Channel["target"];
			const channel: data.Channel = {
				id: data.id(store),
				name: String(body["name"]),
				enabled: true,
				language: body["language"] === "de" ? "de" : "en",
				target,
				has_secret: true,
				rules: body["rules"] as data.Channel["rules"],
				last_delivery: null,
				failing_since: null,
				waiting: 0,
				created_at: data.ago(0),
				version: 1,
				actions: data.may("update", "delete", "test"),
			};
			store.channels.push(channel);
			const chosen = target.kind === "webhook" && body["secret"] === undefined;
			return json({ channel, signing_secret: chosen ? "tHc4nZq8bR2mVx7wKd5sYg9uJf3pLe6aQw1xEr8k" : null }, 201);
		},
	],
	[
		"PATCH",
		/^notification-channels\/([^/]+)$/,
		(store, [id], body) =>
			find(store.channels, id, (channel) => {
				Object.assign(channel, body, { version: channel.version + 1 });
				return json(channel);
			}),
	],
	[
		"DELETE",
		/^notification-channels\/([^/]+)$/,
		(store, [id]) => {
			store.channels = store.channels.filter((channel) => channel.id !== id);
			return new Response(null, { status: 204 });
		},
	],
	[
		"POST",
		/^notification-channels\/([^/]+)\/test$/,
		(store, [id]) =>
			find(store.channels, id, (channel) =>
				json({ ok: channel.failing_since === null, at: data.ago(0), error: channel.last_delivery?.error ?? null }),
			),
	],
	["POST", /^notification-tests$/, () => json({ ok: true, at: data.ago(0), error: null })],
	["GET", /^agents$/, (store) => json(page(store.agents))],
	["GET", /^agents\/([^/]+)$/, (store, [id]) => find(store.agents, id, (agent) => json(agent))],
	[
		"POST",
		/^agents\/([^/]+)\/(disable|enable)$/,
		(store, [id, verb]) =>
			find(store.agents, id, (agent) => {
				agent.state = verb === "disable" ? "disabled" : "online";
				return json(agent);
			}),
	],
	[
		"PATCH",
		/^agents\/([^/]+)$/,
		(store, [id], body) =>
			find(store.agents, id, (agent) => {
				agent.name = String(body["name"]);
				agent.version += 1;
				return json(agent);
			}),
	],
	[
		"POST",
		/^agents\/([^/]+)\/browse$/,
		(store, [id], body) =>
			find(store.agents, id, (agent) => {
				if (agent.state !== "online")
					return problem(409, "no_agent_online", "No machine that could do this is connected.");
				const path = String(body["path"] || "/");
				const base = path === "/" ? "" : path;
				return command(store, "browse_directory", {
					path,
					parent: path === "/" ? null : path.replace(/\/[^/]*$/, "") || "/",
					entries: [
						...(path === "/" ? ["etc", "home", "srv", "var"] : folders).map((name) => ({
							name,
							path: `${base}/${name}`,
							is_dir: true,
							icon: "folder",
							denied: name === "Board",
							is_network: false,
							modified: data.ago(90_000),
						})),
						...(path === "/" ? [] : files).map((name, index) => ({
							name,
							path: `${base}/${name}`,
							is_dir: false,
							size: 40_000 * (index + 1) ** 4,
							icon: "file",
							denied: false,
							is_network: false,
							modified: data.ago(9_000 * index),
						})),
					],
					truncated: false,
					next_cursor: null,
				});
			}),
	],
	[
		"POST",
		/^agents\/([^/]+)\/estimates$/,
		(store, [id], body) =>
			find(store.agents, id, () => {
				const { paths, policy } = body as { paths: string[]; policy: Partial<data.Job["policy"]> };
				const bad = (policy.ignore_rules ?? []).findIndex((rule) => rule.includes("["));
				if (bad >= 0)
					return problem(422, "invalid_input", "Some of the input is not valid.", [
						{ pointer: `/policy/ignore_rules/${bad}`, code: "rule", detail: "has a [ without its ]" },
					]);
				return command(store, "estimate", estimate(paths, policy));
			}),
	],
	[
		"POST",
		/^agents\/([^/]+)\/path-explanations$/,
		(store, [id], body) =>
			find(store.agents, id, () => {
				const { path, policy } = body as { path: string; policy: Partial<data.Job["policy"]> };
				const rule = (policy.ignore_rules ?? []).findIndex((text) => path.endsWith(text.replace("*", "")));
				return command(store, "explain_path", {
					verdict: rule < 0 ? "taken" : "left_out",
					...(rule < 0 ? {} : { by: "rule", rule }),
					at: path,
					exists: true,
				});
			}),
	],
	[
		"POST",
		/^enrolment-tokens$/,
		(store) => {
			setTimeout(() => data.addAgent(store, "web-03", "linux", "online"), 6_000);
			return json(
				{
					enrolment_token: {
						id: data.id(store),
						name: "",
						expires_at: data.ago(-86_400),
						max_uses: 1,
						uses: 0,
						created_at: data.ago(0),
						usable: true,
						actions: [],
					},
					token: "HF-7K2Q-M9XD-41RT",
					server_url: "https://backup.example.com",
					linux_command:
						"holdfast-agent enroll --server https://backup.example.com --token HF-7K2Q-M9XD-41RT && systemctl enable --now holdfast-agent",
					windows_command:
						"& 'C:\\Program Files\\Holdfast\\holdfast-agent.exe' enroll --server https://backup.example.com --token HF-7K2Q-M9XD-41RT",
				},
				201,
			);
		},
	],
	["GET", /^vaults$/, (store) => json(page(store.vaults))],
	[
		"POST",
		/^vaults$/,
		(store, _match, body) => {
			if (String(body["name"]).startsWith("error")) return nameTaken("vault");
			const input = body["storage"] as { kind: string; agent_id?: string; path?: string };
			const agent = store.agents.find((entry) => entry.id === input.agent_id);
			const storage =
				agent === undefined
					? (input as data.Vault["storage"])
					: { kind: "directory" as const, agent: data.agentReference(agent), path: input.path ?? "" };
			return json(data.addVault(store, String(body["name"]), storage), 201);
		},
	],
	["GET", /^vaults\/([^/]+)$/, (store, [id]) => find(store.vaults, id, (vault) => json(vault))],
	["GET", /^vaults\/([^/]+)\/usage$/, (store, [id]) => find(store.vaults, id, (vault) => json(data.usage(vault)))],
	[
		"PATCH",
		/^vaults\/([^/]+)$/,
		(store, [id], body, _query, version) =>
			find(store.vaults, id, (vault) => {
				if (version !== vault.version) return versionChanged(vault);
				if (body["quota_bytes"] !== undefined) vault.quota_bytes = Number(body["quota_bytes"]) || null;
				vault.version += 1;
				return json(vault);
			}),
	],
	["POST", /^vaults\/([^/]+)\/test$/, (store) => command(store, "test_vault", test)],
	[
		"POST",
		/^vaults\/([^/]+)\/maintenance$/,
		(store, [id]) =>
			find(store.vaults, id, (vault) => {
				const done = { at: data.ago(0), seconds: 12, freed_bytes: 3.2e9, later: [], problems: [] };
				vault.maintenance.full = done;
				return command(store, "maintenance_full", { owner: "root@fileserver-01", done });
			}),
	],
	["POST", /^storage-tests$/, (store) => command(store, "test_vault", test)],
	[
		"POST",
		/^vaults\/([^/]+)\/kit$/,
		(store, [id], body) =>
			find(store.vaults, id, (vault) =>
				body["password"] === "wrong"
					? problem(401, "sign_in_failed", "The password is wrong.")
					: json({
							vault: vault.name,
							made_at: data.ago(0),
							storage: vault.storage,
							repository_password: "tHc4nZq8bR2mVx7wKd5sYg9uJf3pLe6a",
							commands: ["holdfast snapshot list --repo s3://hl-backup/harbour"],
						}),
			),
	],
	["GET", /^jobs$/, (store) => json(page(store.jobs))],
	[
		"POST",
		/^jobs$/,
		(store, _match, body) => {
			const agent = store.agents.find((entry) => entry.id === body["agent_id"]);
			const vault = store.vaults.find((entry) => entry.id === body["vault_id"]);
			if (String(body["name"]).startsWith("error") || agent === undefined || vault === undefined)
				return nameTaken("job");
			const job = data.addJob(store, String(body["name"]), agent, vault, body["paths"] as string[]);
			const { policy, schedule } = body as Partial<data.Job>;
			return json(Object.assign(job, { policy: policy ?? job.policy, schedule: schedule ?? job.schedule }), 201);
		},
	],
	["GET", /^jobs\/([^/]+)$/, (store, [id]) => find(store.jobs, id, (job) => json(job))],
	[
		"PATCH",
		/^jobs\/([^/]+)$/,
		(store, [id], body, _query, version) =>
			find(store.jobs, id, (job) => {
				if (version !== job.version) return versionChanged(job);
				if (String(body["name"]).startsWith("error")) return nameTaken("job");
				const { upload_limit_bytes_per_second: limit, max_age_seconds: maxAge, ...rest } = body as Partial<data.Job>;
				Object.assign(job, rest);
				if (limit !== undefined) job.upload_limit_bytes_per_second = limit || null;
				if (maxAge !== undefined) job.max_age_seconds = maxAge || null;
				job.version += 1;
				return json(job);
			}),
	],
	[
		"DELETE",
		/^(jobs|vaults|agents|users)\/([^/]+)$/,
		(store, [noun, id]) => {
			const list = store[noun as "jobs"] as { id: string }[];
			list.splice(
				list.findIndex((entry) => entry.id === id),
				1,
			);
			return new Response(null, { status: 204 });
		},
	],
	[
		"POST",
		/^jobs\/([^/]+)\/runs$/,
		(store, [id]) => find(store.jobs, id, (job) => json(data.addActiveRun(store, job), 201)),
	],
	[
		"POST",
		/^schedule-previews$/,
		(_store, _match, body) => {
			const schedule = body["schedule"] as data.Job["schedule"];
			if (schedule.cron?.startsWith("error"))
				return problem(422, "invalid_input", "Some of the input is not valid.", [
					{ pointer: "/schedule/cron", code: "invalid", detail: "cannot be read as a cron expression" },
				]);
			const runs = schedule.type === "manual" ? 0 : 10;
			return json({
				zone: schedule.zone ?? "Europe/Berlin",
				next_runs: Array.from({ length: runs }, (_unused, index) => {
					const at = data.ago(-(index * 24 + 9) * 3600);
					return {
						due_at: at,
						start_at: at,
						moved: index === 2 && (schedule.not_between ?? []).length > 0,
						clashes_with: index === 1 ? ["Public website"] : [],
					};
				}),
			});
		},
	],
	[
		"POST",
		/^retention-previews$/,
		(store, _match, body) => {
			const retention = body["retention"] as data.Job["retention"];
			const ahead = Number(body["days"] ?? 365);
			const date = (daysAgo: number) => data.ago((daysAgo - ahead) * 86_400).slice(0, 10);
			const kept = (count: number | undefined, step: number, rule: data.RetentionRule) =>
				Array.from({ length: Math.min(count ?? 0, Math.ceil(ahead / step)) }, (_unused, index) => ({
					date: date(index * step),
					points: 1,
					rule,
				}));
			const days = new Map(
				[
					...kept(retention.keep_latest, 1, "latest"),
					...kept(retention.daily, 1, "daily"),
					...kept(retention.weekly, 7, "weekly"),
					...kept(retention.monthly, 30, "monthly"),
					...kept(retention.annual, 365, "annual"),
				].map((day) => [day.date, day]),
			);
			const sorted = [...days.values()].sort((one, other) => one.date.localeCompare(other.date));
			// Points that only a listing brought are not judged.
			const points = store.points.filter((point) => point.job?.id === body["job_id"] && point.run_id !== null);
			return json({
				zone: "Europe/Berlin",
				now: points.map((point, index) => ({
					point_id: point.id,
					time: point.time,
					rules: index < 2 ? [{ rule: "latest", number: index + 1 }] : [],
					deleted: index >= 2,
					spared: null,
				})),
				kept: Math.min(points.length, 2),
				deleted: Math.max(points.length - 2, 0),
				later: {
					at: data.ago(-ahead * 86_400),
					date: date(0),
					points: sorted.length,
					oldest: sorted[0] === undefined ? null : `${sorted[0].date}T20:00:00Z`,
					days: sorted,
				},
			});
		},
	],
	[
		"GET",
		/^runs$/,
		(store, _match, _body, query) => {
			const status = query.get("status")?.split(",");
			const job = query.get("job_id");
			const [from, to] = [query.get("from"), query.get("to")];
			return json(
				page(
					store.runs.filter(
						(run) =>
							(status === undefined || status.includes(run.status)) &&
							(job === null || run.job?.id === job) &&
							(from === null || run.created_at.slice(0, 10) >= from) &&
							(to === null || run.created_at.slice(0, 10) <= to),
					),
				),
			);
		},
	],
	["GET", /^runs\/([^/]+)$/, (store, [id]) => find(store.runs, id, (run) => json(run))],
	[
		"POST",
		/^runs\/([^/]+)\/cancel$/,
		(store, [id]) =>
			find(store.runs, id, (run) => {
				run.cancel_requested = true;
				setTimeout(() => Object.assign(run, { status: "cancelled", finished_at: data.ago(0) }), 3_000);
				return json(run);
			}),
	],
	[
		"GET",
		/^runs\/([^/]+)\/events$/,
		(store, [id], _body, query) => {
			const items = (store.events.get(id ?? "") ?? []).filter((entry) => entry.seq > Number(query.get("after") ?? 0));
			return json({ items, last_seq: items.at(-1)?.seq ?? 0, more: false });
		},
	],
	[
		"GET",
		/^runs\/([^/]+)\/log$/,
		(store, [id], _body, query) =>
			find(store.runs, id, (run) => {
				const all = data.log(run);
				const before = Number(query.get("before") ?? all.length + 1);
				const after = Number(query.get("after") ?? 0);
				const levels = query.get("level")?.split(",");
				const q = query.get("q")?.toLowerCase() ?? "";
				const items = all
					.filter((line) => line.line > after && line.line < before)
					.filter((line) => (levels?.includes(line.level) ?? true) && line.text.toLowerCase().includes(q))
					.slice(-Number(query.get("limit") ?? 500));
				const from = items.length < 500 ? after + 1 : (items[0]?.line ?? 1);
				return json({
					items,
					from,
					to: before - 1,
					more: from > 1 && after === 0,
					lines: all.length,
					full: false,
					erased: false,
				});
			}),
	],
	[
		"GET",
		/^runs\/([^/]+)\/problems$/,
		(store, [id]) =>
			find(store.runs, id, (run) =>
				json(
					page(
						run.problem_groups.flatMap((group) =>
							group.examples.map((path, index) => ({
								seq: run.problem_groups.indexOf(group) * 3 + index + 1,
								code: group.code,
								path,
								message: group.title,
								size: group.bytes,
							})),
						),
					),
				),
			),
	],
	["GET", /^points$/, (store, _match, _body, query) => json(page(present(store, query.get("job_id"))))],
	[
		"GET",
		/^points\/timeline$/,
		(store, _match, _body, query) =>
			json({
				points: present(store, query.get("job_id"))
					.sort((one, other) => other.time.localeCompare(one.time))
					.map(({ job, ...point }) => ({ ...point, job_id: job?.id ?? null })),
				truncated: false,
			}),
	],
	[
		"POST",
		/^points\/([^/]+)\/path-searches$/,
		(store, [id], body) =>
			find(store.points, id, (point) => {
				const has = (other: data.Point) => other.job?.id === point.job?.id && hasFolder(other, String(body["path"]));
				const later = store.points.filter((other) => other.time > point.time && has(other));
				return command(store, "find_path", {
					later: later.sort((one, other) => one.time.localeCompare(other.time))[0]?.id ?? null,
					earlier: null,
				});
			}),
	],
	...(["pin", "unpin"] as const).map(
		(action): Route => [
			"POST",
			new RegExp(`^points/([^/]+)/${action}$`),
			(store, [id], body) =>
				find(store.points, id, (point) => {
					const pinned = action === "pin";
					const note = pinned && typeof body["note"] === "string" ? body["note"] : null;
					Object.assign(point, { pinned, pin_note: note, actions: data.pointActions(pinned) });
					return command(store, action, { pinned, note });
				}),
		],
	),
	[
		"POST",
		/^points\/([^/]+)\/deletion-previews$/,
		(store, [id]) =>
			find(store.points, id, (point) =>
				command(store, "preview_deletion", {
					would: { deleted: [point.id], missing: [], refused: [] },
					at_most_bytes: 38e9,
					lock_seconds: point.vault.name === "offsite-ceph" ? 30 * 86_400 : null,
				}),
			),
	],
	[
		"POST",
		/^points\/([^/]+)\/deletions$/,
		(store, [id]) =>
			find(store.points, id, (point) => {
				if (point.source.startsWith("error"))
					return problem(409, "point_busy", "Something else is being done with it.");
				point.state = "gone";
				return command(store, "delete_points", { deleted: [point.id], missing: [], refused: [] });
			}),
	],
	["GET", /^points\/([^/]+)$/, (store, [id]) => find(store.points, id, (point) => json(point))],
	[
		"POST",
		/^points\/([^/]+)\/content$/,
		(store, [id], body) => {
			const path = String(body["path"] ?? "");
			const point = store.points.find((entry) => entry.id === id);
			if (point !== undefined && !hasFolder(point, path)) {
				return failedCommand(store, "list_content", "path_not_found", "This path does not exist.");
			}
			return command(store, "list_content", {
				path,
				entries: [
					...folders.map((name, index) => ({
						name,
						kind: "directory",
						size: 212e6 * (index + 1),
						files: 48 * (index + 1) ** 3,
						modified: data.ago(90_000),
					})),
					...files.map((name, index) => ({
						name,
						kind: "file",
						size: 40_000 * (index + 1) ** 4,
						modified: data.ago(9_000 * index),
						mode: "0644",
					})),
				],
				next_cursor: null,
				total: folders.length + files.length,
			});
		},
	],
	[
		"POST",
		/^points\/([^/]+)\/downloads$/,
		(store, _match, body) =>
			json(
				{
					id: data.id(store),
					name:
						String(body["path"] ?? "")
							.split("/")
							.at(-1) ?? "",
					form: body["form"],
					state: "failed",
					size: null,
					agent: store.agents[0] === undefined ? null : data.agentReference(store.agents[0]),
					failure: {
						code: "path_not_found",
						title: "This path does not exist.",
						detail: '"gone.txt" does not exist in the snapshot',
						hints: [],
					},
				},
				201,
			),
	],
	["POST", /^searches$/, (store, _match, body) => json(search(store, body), 202)],
	[
		"POST",
		/^points\/([^/]+)\/versions$/,
		(store, _match, body) =>
			command(store, "search", { ...foundIn(store, [String(body["path"] ?? "")]), next_cursor: null }),
	],
	[
		"POST",
		/^comparisons$/,
		(store, _match, body) => {
			const path = String(body["path"] ?? "");
			const same = store.points.find((point) => point.id === body["before_point_id"])?.pin_note === "same";
			return command(store, "diff", same ? noDifference(path) : difference(path, body));
		},
	],
	[
		"POST",
		/^restores$/,
		(store, _match, body) =>
			find(store.points, String(body["point_id"]), (point) => {
				const job = store.jobs.find((entry) => entry.id === point.job?.id) ?? store.jobs[0];
				if (job === undefined) return problem(404, "not_found", "There is no such object.");
				const run = data.newRun(store, job, "restore");
				Object.assign(run, {
					target_path: body["target_path"],
					status: "running",
					started_at: data.ago(5),
					point_id: point.id,
					progress: {
						percent: 12,
						bytes_transferred: 1.2e9,
						bytes_total: 10e9,
						speed_bytes_per_second: 120e6,
						objects_transferred: 812,
						objects_total: 8312,
					},
				});
				store.runs.unshift(run);
				return json(run, 201);
			}),
	],
];

/** Answers one request of the client API from memory. */
export async function handle(store: data.Store, request: Request): Promise<Response> {
	const url = new URL(request.url);
	const path = url.pathname.replace(/^\/api\/v1\//, "");
	const open = path === "status" || path === "set-up" || (path === "session" && request.method === "POST");
	if (!open && !store.signedIn) return problem(401, "not_signed_in", "You are not signed in.");
	const text = request.method === "GET" ? "" : await request.text();
	const body = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
	const version = /^"(\d+)"$/.exec(request.headers.get("if-match") ?? "")?.[1];
	for (const [method, pattern, handler] of routes) {
		const match = request.method === method ? pattern.exec(path) : null;
		if (match !== null)
			return handler(
				store,
				match.slice(1),
				body,
				url.searchParams,
				version === undefined ? undefined : Number(version),
			);
	}
	return problem(404, "unknown_route", "The API has no such address.");
}

/** Moves each active run on by one tick and tells which ones moved. */
export function tick(store: data.Store): data.Run[] {
	const moved = store.runs.filter((run) => run.status === "running");
	for (const run of moved) {
		const progress = run.progress;
		const total = progress.bytes_total ?? 1;
		const speed = (progress.speed_bytes_per_second ?? 1e8) * (0.8 + Math.random() * 0.4);
		if (run.type === "restore") progress.bytes_transferred = Math.min(total, (progress.bytes_transferred ?? 0) + speed);
		else {
			progress.bytes_processed = Math.min(total, (progress.bytes_processed ?? 0) + speed);
			progress.bytes_transferred = (progress.bytes_transferred ?? 0) + speed * 0.08;
		}
		const done = run.type === "restore" ? progress.bytes_transferred : progress.bytes_processed;
		progress.percent = ((done ?? 0) / total) * 100;
		progress.reported_at = data.ago(0);
		if (done === total) Object.assign(run, { status: "success", finished_at: data.ago(0) });
	}
	return moved;
}
