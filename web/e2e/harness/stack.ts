import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pictures } from "./browser.ts";

/** Folder of the built programs: named, or where the project's own build puts them. */
function programs(): string {
	const named = process.env["HOLDFAST_PROGRAMS"];
	if (named !== undefined && named !== "") return named;
	return join(process.env["CARGO_TARGET_DIR"] ?? join(process.cwd(), "../target"), "debug");
}

/** A built program; a missing one fails the test. */
export function program(name: string): string {
	const path = join(programs(), name);
	if (!existsSync(path)) throw new Error(`${path} is missing: build it, or name its folder in HOLDFAST_PROGRAMS`);
	return path;
}

/** A process whose output is kept, so that a failure can be read. */
export class Process {
	output = "";
	private readonly child: ChildProcess;
	private readonly over: Promise<number | null>;

	constructor(name: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
		this.child = spawn(program(name), args, {
			env: { ...process.env, ...environment },
			stdio: ["ignore", "pipe", "pipe"],
		});
		const keep = (chunk: Buffer) => {
			this.output += chunk.toString();
		};
		this.child.stdout?.on("data", keep);
		this.child.stderr?.on("data", keep);
		this.over = new Promise((resolve) => {
			this.child.on("exit", (code) => resolve(code));
			this.child.on("error", (error) => {
				this.output += `\n${error.message}`;
				resolve(null);
			});
		});
	}

	/** The first match in the output, waited for. */
	async waitFor(pattern: RegExp, milliseconds = 30_000): Promise<RegExpExecArray> {
		const until = Date.now() + milliseconds;
		for (;;) {
			const found = pattern.exec(this.output);
			if (found !== null) return found;
			const ended = await Promise.race([
				this.over.then((code) => ({ code })),
				new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 50)),
			]);
			if (pattern.exec(this.output) !== null) continue;
			if (ended !== undefined) throw new Error(`ended with ${ended.code} before ${pattern}:\n${this.output}`);
			if (Date.now() > until) throw new Error(`no ${pattern} within ${milliseconds} ms:\n${this.output}`);
		}
	}

	/** Waits for the end of a program that ends by itself. */
	async finish(): Promise<void> {
		const code = await this.over;
		if (code !== 0) throw new Error(`ended with ${code}:\n${this.output}`);
	}

	async stop(): Promise<void> {
		if (this.child.exitCode === null) this.child.kill("SIGTERM");
		const timer = setTimeout(() => this.child.kill("SIGKILL"), 10_000);
		await this.over;
		clearTimeout(timer);
	}
}

/** Server and agent as real processes, with everything in one temporary folder. */
export class Stack {
	readonly folder = mkdtempSync(join(tmpdir(), "holdfast-browser-"));
	private server: Process | undefined;
	private agent: Process | undefined;

	/** Starts the server; answers its address and that of the set-up page. */
	async startServer(): Promise<{ base: string; setUp: string }> {
		this.server = new Process(
			"holdfast",
			["server", "--data", join(this.folder, "server"), "--listen", "127.0.0.1:0"],
			{
				HOLDFAST_WEB_DIR: join(process.cwd(), "dist"),
				HOLDFAST_ADMIN_EMAIL: "",
				HOLDFAST_ADMIN_PASSWORD: "",
			},
		);
		const [, base, path] = await this.server.waitFor(/(http:\/\/127\.0\.0\.1:\d+)(\/set-up\?token=[^\s"']+)/);
		if (base === undefined || path === undefined) throw new Error("the server printed no set-up address");
		return { base, setUp: path };
	}

	/** Runs the command that the page shows, with folders of its own, and then the agent. */
	async enrol(command: string): Promise<void> {
		const server = /--server[= ](\S+)/.exec(command)?.[1]?.replace(/^['"]|['"]$/g, "");
		const token = /--token[= ](\S+)/.exec(command)?.[1]?.replace(/^['"]|['"]$/g, "");
		if (server === undefined || token === undefined) throw new Error(`no server or token in: ${command}`);
		const config = join(this.folder, "agent.conf");
		writeFileSync(
			config,
			`state_dir = "${join(this.folder, "agent-state")}"\ncache_dir = "${join(this.folder, "agent-cache")}"\n`,
			{ mode: 0o600 },
		);
		await new Process("holdfast-agent", ["--config", config, "enroll", "--server", server, "--token", token]).finish();
		this.agent = new Process("holdfast-agent", ["--config", config, "run"]);
	}

	path(...parts: string[]): string {
		const path = join(this.folder, ...parts);
		mkdirSync(join(path, ".."), { recursive: true });
		return path;
	}

	/** Ends both; after a failure their output stays beside the pictures. */
	async stop(failed: boolean): Promise<void> {
		await this.agent?.stop();
		await this.server?.stop();
		if (failed) {
			writeFileSync(join(pictures, "server.log"), this.server?.output ?? "");
			writeFileSync(join(pictures, "agent.log"), this.agent?.output ?? "");
		}
		rmSync(this.folder, { recursive: true, force: true });
	}
}
