import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import { seed } from "./data.ts";
import { handle, tick } from "./server.ts";

/** Answers `/api/v1` from memory, in development and for looking at the built page without a server. */
export function mockApi(): Plugin {
	const store = seed(process.env["HOLDFAST_MOCK_EMPTY"] !== "1");
	const streams = new Set<ServerResponse>();
	const send = (response: ServerResponse, event: string, data: unknown) =>
		response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
	const middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => {
		const url = new URL(request.url ?? "/", "http://127.0.0.1");
		if (!url.pathname.startsWith("/api/v1/")) return next();
		if (url.pathname === "/api/v1/stream") {
			response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
			send(response, "ping", {});
			streams.add(response);
			request.on("close", () => streams.delete(response));
			return;
		}
		void answer(request, response, url);
	};
	const answer = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const method = request.method ?? "GET";
		const result = await handle(
			store,
			new Request(url, {
				method,
				headers: { "if-match": request.headers["if-match"] ?? "" },
				...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
			}),
		);
		response.writeHead(result.status, Object.fromEntries(result.headers));
		response.end(await result.text());
	};
	return {
		name: "holdfast:mock-api",
		configureServer(server) {
			const timer = setInterval(() => {
				for (const run of tick(store)) {
					for (const stream of streams) send(stream, "run", { topic: `runs/${run.id}`, data: run });
				}
			}, 1_000);
			server.httpServer?.on("close", () => clearInterval(timer));
			server.middlewares.use(middleware);
		},
	};
}
