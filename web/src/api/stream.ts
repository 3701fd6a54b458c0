/**
 * One event stream per tab. Pages subscribe to topics; the stream is reopened when the set of topics changes, closed a
 * minute after the tab was hidden, and followed by a fetch of everything shown whenever it opens again, because its
 * messages are the current state and not a log.
 */

export type Connection = "connecting" | "live" | "lost";

export interface Message {
	event: string;
	topic: string;
	data: unknown;
}

type Handler = (message: Message) => void;

/** The parts of the browser that the stream uses; tests replace them. */
export interface StreamEnvironment {
	open: (url: string) => EventSource;
	document: Pick<Document, "addEventListener" | "hidden">;
	setTimeout: (run: () => void, ms: number) => number;
	clearTimeout: (timer: number) => void;
}

const names = ["run", "run_event", "overview", "agent", "agent_deleted", "changed", "command", "command_partial"];
const settle = 50;
const hideAfter = 60_000;
const firstPause = 1_000;
const longestPause = 15_000;
/** The server pings each 15 s; a stream that is silent for longer than two of them is dead. */
const silence = 40_000;

export class LiveStream {
	private readonly topics = new Map<string, number>();
	private readonly handlers = new Set<Handler>();
	private readonly listeners = new Set<() => void>();
	private readonly reopened = new Set<() => void>();
	private readonly environment: StreamEnvironment;
	private source: EventSource | undefined;
	private openTopics = "";
	private state: Connection = "connecting";
	private since = Date.now();
	private pause = firstPause;
	private reopenTimer: number | undefined;
	private hideTimer: number | undefined;
	private silenceTimer: number | undefined;

	constructor(environment: StreamEnvironment) {
		this.environment = environment;
		environment.document.addEventListener("visibilitychange", () => this.visibilityChanged());
	}

	/** Keeps a topic in the stream until the returned function is called. */
	subscribe(topic: string): () => void {
		this.topics.set(topic, (this.topics.get(topic) ?? 0) + 1);
		this.schedule(settle);
		return () => {
			const left = (this.topics.get(topic) ?? 1) - 1;
			if (left > 0) this.topics.set(topic, left);
			else this.topics.delete(topic);
			this.schedule(settle);
		};
	}

	onMessage(handler: Handler): () => void {
		this.handlers.add(handler);
		return () => this.handlers.delete(handler);
	}

	/** Called whenever the stream has opened: there was a gap before, and what is shown must be fetched. */
	onReopen(run: () => void): () => void {
		this.reopened.add(run);
		return () => this.reopened.delete(run);
	}

	onState(run: () => void): () => void {
		this.listeners.add(run);
		return () => this.listeners.delete(run);
	}

	connection(): Connection {
		return this.state;
	}

	/** When the present state began, ms. */
	stateSince(): number {
		return this.since;
	}

	/** Tries at once, for a button. */
	retry(): void {
		this.pause = firstPause;
		this.close();
		this.reconcile();
	}

	private schedule(ms: number): void {
		if (this.reopenTimer !== undefined) this.environment.clearTimeout(this.reopenTimer);
		this.reopenTimer = this.environment.setTimeout(() => {
			this.reopenTimer = undefined;
			this.reconcile();
		}, ms);
	}

	private reconcile(): void {
		const wanted = [...this.topics.keys()].sort().join(",");
		if (wanted === "" || this.environment.document.hidden) {
			if (wanted === "") this.close();
			return;
		}
		if (this.source !== undefined && wanted === this.openTopics) return;
		this.close();
		this.openTopics = wanted;
		const source = this.environment.open(`/api/v1/stream?topics=${encodeURIComponent(wanted)}`);
		this.source = source;
		source.onopen = () => {
			this.pause = firstPause;
			this.setState("live");
			this.heard();
			// The first time as well: what changed between the page's fetch and this moment came by no message.
			for (const run of this.reopened) run();
		};
		source.onerror = () => {
			// The browser's own repetition is not used: it keeps a fixed pause and a fixed list of topics.
			if (this.source !== source) return;
			this.close();
			this.setState("lost");
			this.schedule(this.pause);
			this.pause = Math.min(this.pause * 2, longestPause);
		};
		source.addEventListener("ping", () => this.heard());
		source.addEventListener("end", () => {
			this.close();
			for (const run of this.reopened) run();
		});
		for (const name of names) {
			source.addEventListener(name, (event) => {
				this.heard();
				const { topic, data } = JSON.parse((event as MessageEvent<string>).data) as { topic: string; data: unknown };
				for (const handler of this.handlers) handler({ event: name, topic, data });
			});
		}
	}

	private heard(): void {
		if (this.silenceTimer !== undefined) this.environment.clearTimeout(this.silenceTimer);
		this.silenceTimer = this.environment.setTimeout(() => {
			this.close();
			this.setState("lost");
			this.schedule(this.pause);
		}, silence);
	}

	private visibilityChanged(): void {
		if (this.hideTimer !== undefined) {
			this.environment.clearTimeout(this.hideTimer);
			this.hideTimer = undefined;
		}
		if (this.environment.document.hidden) {
			this.hideTimer = this.environment.setTimeout(() => this.close(), hideAfter);
		} else {
			this.reconcile();
		}
	}

	private close(): void {
		this.source?.close();
		this.source = undefined;
		this.openTopics = "";
		if (this.silenceTimer !== undefined) this.environment.clearTimeout(this.silenceTimer);
		this.silenceTimer = undefined;
	}

	private setState(state: Connection): void {
		if (this.state === state) return;
		this.state = state;
		this.since = Date.now();
		for (const run of this.listeners) run();
	}
}
