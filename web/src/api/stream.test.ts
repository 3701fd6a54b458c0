import { beforeEach, describe, expect, it, vi } from "vitest";
import { LiveStream, type Message } from "./stream.ts";

class FakeSource {
	onopen: (() => void) | null = null;
	onerror: (() => void) | null = null;
	closed = false;
	readonly url: string;
	private readonly listeners = new Map<string, (event: unknown) => void>();

	constructor(url: string) {
		this.url = url;
	}

	addEventListener(name: string, run: (event: unknown) => void) {
		this.listeners.set(name, run);
	}

	close() {
		this.closed = true;
	}

	send(name: string, body: unknown) {
		this.listeners.get(name)?.({ data: JSON.stringify(body) });
	}
}

let sources: FakeSource[];
let hidden: boolean;
let visibility: () => void;
let stream: LiveStream;

beforeEach(() => {
	vi.useFakeTimers();
	sources = [];
	hidden = false;
	stream = new LiveStream({
		open: (url) => {
			const source = new FakeSource(url);
			sources.push(source);
			return source as unknown as EventSource;
		},
		document: {
			get hidden() {
				return hidden;
			},
			addEventListener: (_name: string, run: EventListenerOrEventListenerObject) => {
				visibility = run as () => void;
			},
		},
		setTimeout: (run, ms) => setTimeout(run, ms) as unknown as number,
		clearTimeout: (timer) => clearTimeout(timer),
	});
	return () => vi.useRealTimers();
});

const last = () => {
	const source = sources.at(-1);
	if (source === undefined) throw new Error("no stream was opened");
	return source;
};

describe("the event stream", () => {
	// Requirements: API-C-33, LIVE-2
	it("is one for all topics", () => {
		stream.subscribe("overview");
		stream.subscribe("runs/1");
		vi.advanceTimersByTime(100);
		expect(sources.map((source) => source.url)).toEqual(["/api/v1/stream?topics=overview%2Cruns%2F1"]);
	});

	// Requirements: LIVE-4
	it("is reopened when topics change and closed without any", () => {
		const stop = stream.subscribe("overview");
		vi.advanceTimersByTime(100);
		stream.subscribe("overview")();
		vi.advanceTimersByTime(100);
		expect(sources).toHaveLength(1);
		stop();
		vi.advanceTimersByTime(100);
		expect(last().closed).toBe(true);
	});

	it("passes messages on with their topic", () => {
		const seen: Message[] = [];
		stream.onMessage((message) => seen.push(message));
		stream.subscribe("runs/1");
		vi.advanceTimersByTime(100);
		last().send("run", { topic: "runs/1", data: { id: "1" } });
		expect(seen).toEqual([{ event: "run", topic: "runs/1", data: { id: "1" } }]);
	});

	it("tries again with growing pauses and asks for a fetch whenever it has opened", () => {
		const fetched = vi.fn();
		stream.onReopen(fetched);
		stream.subscribe("overview");
		vi.advanceTimersByTime(100);
		last().onopen?.();
		expect(stream.connection()).toBe("live");
		// What changed between the page's own fetch and this moment came by no message.
		expect(fetched).toHaveBeenCalledTimes(1);
		last().onerror?.();
		expect(stream.connection()).toBe("lost");
		vi.advanceTimersByTime(1_000);
		expect(sources).toHaveLength(2);
		last().onerror?.();
		vi.advanceTimersByTime(1_000);
		expect(sources).toHaveLength(2);
		vi.advanceTimersByTime(1_000);
		expect(sources).toHaveLength(3);
		last().onopen?.();
		expect(fetched).toHaveBeenCalledTimes(2);
	});

	it("takes silence for a dead connection", () => {
		stream.subscribe("overview");
		vi.advanceTimersByTime(100);
		last().onopen?.();
		vi.advanceTimersByTime(30_000);
		last().send("ping", {});
		vi.advanceTimersByTime(30_000);
		expect(stream.connection()).toBe("live");
		vi.advanceTimersByTime(20_000);
		expect(sources[0]?.closed).toBe(true);
		expect(stream.connection()).toBe("lost");
	});

	it("closes a minute after the tab was hidden and opens when it is shown", () => {
		stream.subscribe("overview");
		vi.advanceTimersByTime(100);
		last().onopen?.();
		hidden = true;
		visibility();
		for (let second = 0; second < 45; second += 15) {
			vi.advanceTimersByTime(15_000);
			last().send("ping", {});
		}
		vi.advanceTimersByTime(14_000);
		expect(last().closed).toBe(false);
		vi.advanceTimersByTime(2_000);
		expect(last().closed).toBe(true);
		hidden = false;
		visibility();
		expect(sources).toHaveLength(2);
	});
});
