import { type QueryClient, queryOptions, skipToken } from "@tanstack/react-query";
import { answer, client } from "../client.ts";
import { keys } from "../keys.ts";
import type { Command, SearchHit, SearchResult, VaultNotSearched, VaultSearch } from "../types.ts";
import { finished, longPatience, partsOf, withdraw } from "./commands.ts";

/** Topics that one stream takes; what is found in further vaults comes when their search is over. */
const mostTopics = 50;

/** What was asked; the address has the same. */
export interface SearchQuery {
	pattern: string;
	agent_id?: string;
	from?: string;
	to?: string;
	deleted?: "exclude" | "only";
}

/** What was found in one vault so far. */
export interface VaultHits {
	vault: VaultSearch["vault"];
	/** The machine that searches. */
	agent: string;
	status: "searching" | "done" | "stopped" | "failed";
	hits: SearchHit[];
	points: number;
	pointsDone: number;
	/** Folders that could not be searched. */
	unreadable: number;
	/** There is more, from here on. */
	cursor: string | undefined;
	error?: unknown;
}

/** A search in all vaults. */
export interface FileSearch {
	status: "starting" | "begun" | "failed";
	vaults: VaultHits[];
	notSearched: VaultNotSearched[];
	error?: unknown;
	stop: AbortController;
}

/** What a search works with; `stop` tells it from others of the same question. */
interface Run {
	queries: QueryClient;
	query: SearchQuery;
	stop: AbortController;
}

/** A search that was begun. It goes on, and stays, while other pages are looked at; it ends with the session. */
export const searchQuery = (query: SearchQuery) =>
	queryOptions<FileSearch>({
		queryKey: keys.search(query),
		queryFn: skipToken,
		staleTime: Number.POSITIVE_INFINITY,
		gcTime: Number.POSITIVE_INFINITY,
	});

/** Begins a search unless it was begun before. */
export function beginSearch(queries: QueryClient, query: SearchQuery): void {
	queries.setQueryDefaults(keys.searches(), { gcTime: Number.POSITIVE_INFINITY });
	if (queries.getQueryData(searchQuery(query).queryKey) === undefined) repeatSearch(queries, query);
}

/** Forgets what was found and begins anew. */
export function repeatSearch(queries: QueryClient, query: SearchQuery): void {
	queries.getQueryData(searchQuery(query).queryKey)?.stop.abort();
	const stop = new AbortController();
	queries.setQueryData(searchQuery(query).queryKey, { status: "starting", vaults: [], notSearched: [], stop });
	void begin({ queries, query, stop });
}

/** Looks for more in one vault, behind what was found. */
export async function searchOn(queries: QueryClient, query: SearchQuery, vault: VaultHits): Promise<void> {
	const search = queries.getQueryData(searchQuery(query).queryKey);
	if (search === undefined || vault.cursor === undefined) return;
	const stop = search.stop.signal.aborted ? new AbortController() : search.stop;
	queries.setQueryData(searchQuery(query).queryKey, { ...search, stop });
	const run = { queries, query, stop };
	const set = (part: Partial<VaultHits>) => changeVault(run, vault.vault.id, () => part);
	set({ status: "searching" });
	try {
		const more = await answer(
			client.POST("/api/v1/searches", {
				body: { ...query, vault_id: vault.vault.id, cursor: vault.cursor },
			}),
		);
		const [next] = more.vaults;
		if (next === undefined) {
			set({ status: "failed", error: more.not_searched[0]?.failure });
			return;
		}
		await follow(run, [next]);
	} catch (error) {
		set({ status: "failed", error });
	}
}

async function begin(run: Run): Promise<void> {
	try {
		const search = await answer(client.POST("/api/v1/searches", { body: run.query }));
		change(run, (present) => ({
			...present,
			status: "begun",
			notSearched: search.not_searched,
			vaults: search.vaults.map(({ vault, command }) => ({
				vault,
				agent: command.agent.name,
				status: "searching",
				hits: [],
				points: 0,
				pointsDone: 0,
				unreadable: 0,
				cursor: undefined,
			})),
		}));
		await follow(run, search.vaults);
	} catch (error) {
		change(run, (present) => ({ ...present, status: "failed", error }));
	}
}

/** Adds what comes until every vault is searched. */
async function follow(run: Run, searches: readonly VaultSearch[]): Promise<void> {
	const { signal } = run.stop;
	const before = new Map<string, SearchHit[]>();
	for (const hits of run.queries.getQueryData(searchQuery(run.query).queryKey)?.vaults ?? [])
		before.set(hits.vault.id, hits.hits);
	const followed = searches.slice(0, mostTopics).map(({ command }) => command.id);
	const onPart = (id: string, part: SearchResult) => {
		const vault = searches.find(({ command }) => command.id === id)?.vault.id;
		if (vault === undefined) return;
		changeVault(run, vault, (present) =>
			present.status === "searching"
				? {
						hits: [...present.hits, ...part.hits],
						points: part.points,
						pointsDone: part.points_done,
					}
				: {},
		);
	};
	const parts = followed.length === 0 ? undefined : partsOf<SearchResult>(followed, onPart);
	const each = searches.map(async ({ vault, command }) => {
		try {
			const result = await finished(command as Command<SearchResult>, signal, longPatience);
			changeVault(run, vault.id, () => ({
				status: "done",
				// Parts may have been lost on the way.
				hits: [...(before.get(vault.id) ?? []), ...result.hits],
				points: result.points,
				pointsDone: result.points_done,
				unreadable: result.unreadable,
				cursor: result.next_cursor ?? undefined,
				error: undefined,
			}));
		} catch (error) {
			changeVault(run, vault.id, () => (signal.aborted ? { status: "stopped" } : { status: "failed", error }));
			if (signal.aborted) await withdraw(command.id).catch(() => undefined);
		}
	});
	try {
		await Promise.all(each);
	} finally {
		parts?.close();
	}
}

/** Changes a search that is still wanted: after signing out, or when it was begun anew, it is not. */
function change({ queries, query, stop }: Run, to: (present: FileSearch) => FileSearch): void {
	queries.setQueryData(searchQuery(query).queryKey, (present) => (present?.stop === stop ? to(present) : undefined));
}

function changeVault(run: Run, vault: string, to: (present: VaultHits) => Partial<VaultHits>): void {
	change(run, (present) => ({
		...present,
		vaults: present.vaults.map((hits) => (hits.vault.id === vault ? { ...hits, ...to(hits) } : hits)),
	}));
}
