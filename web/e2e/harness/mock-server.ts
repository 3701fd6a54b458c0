import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { seed } from "../../mock-api/data.ts";
import { handle } from "../../mock-api/server.ts";

const dist = join(process.cwd(), "dist");

const types: Record<string, string> = {
	".js": "text/javascript",
	".css": "text/css",
	".svg": "image/svg+xml",
	".woff2": "font/woff2",
};

export interface MockServer {
	base: string;
	store: ReturnType<typeof seed>;
	close: () => Promise<void>;
}

/** The built page behind the product's content security policy, with the API answered from memory. */
export async function startMockServer(full = true): Promise<MockServer> {
	if (!existsSync(join(dist, "index.html"))) throw new Error("web/dist is missing: run `npm run build` first");
	const store = seed(full);
	const server = createServer((request, response) => void answer(request, response));
	const answer = async (request: IncomingMessage, response: ServerResponse) => {
		const url = new URL(request.url ?? "/", "http://127.0.0.1");
		if (url.pathname === "/api/v1/stream") {
			response.writeHead(200, { "content-type": "text/event-stream" });
			response.write("event: ping\ndata: {}\n\n");
			return;
		}
		if (url.pathname.startsWith("/api/")) {
			const chunks: Buffer[] = [];
			for await (const chunk of request) chunks.push(chunk as Buffer);
			const body = chunks.length === 0 ? {} : { body: Buffer.concat(chunks) };
			const headers = { "if-match": request.headers["if-match"] ?? "" };
			const result = await handle(store, new Request(url, { method: request.method ?? "GET", headers, ...body }));
			response.writeHead(result.status, Object.fromEntries(result.headers));
			response.end(await result.text());
			return;
		}
		const file = join(dist, normalize(url.pathname));
		if (url.pathname !== "/" && existsSync(file) && statSync(file).isFile()) {
			response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
			response.end(readFileSync(file));
			return;
		}
		const nonce = randomBytes(16).toString("base64");
		response.writeHead(200, {
			"content-type": "text/html",
			"content-security-policy": `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; connect-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
		});
		response.end(readFileSync(join(dist, "index.html"), "utf8").replaceAll("HOLDFAST_NONCE", nonce));
	};
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	return {
		base: `http://127.0.0.1:${port}`,
		store,
		close: () =>
			new Promise((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
}
