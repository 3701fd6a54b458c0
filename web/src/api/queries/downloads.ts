import { downloadContent } from "../../util/paths.ts";
import { answer, client } from "../client.ts";
import type { Download, DownloadCreate } from "../types.ts";
import { asError } from "./commands.ts";

const pause = 1_000;

/**
 * Has a machine send a file or a folder to the browser, which saves it. Ends when all of it was sent; `onSending` is called
 * when it begins. What somebody stops in the browser is no error.
 */
export async function download(
	point: string,
	body: DownloadCreate,
	signal: AbortSignal,
	onSending: () => void,
): Promise<void> {
	let present: Download = await answer(
		client.POST("/api/v1/points/{id}/downloads", { signal, params: { path: { id: point } }, body }),
	);
	const id = present.id;
	const next = async () => {
		await new Promise((resolve) => setTimeout(resolve, pause));
		signal.throwIfAborted();
		present = await answer(client.GET("/api/v1/downloads/{id}", { signal, params: { path: { id } } }));
	};
	while (present.state === "preparing") await next();
	if (present.state === "ready") {
		onSending();
		save(downloadContent(id));
		while (present.state === "ready" || present.state === "running") await next();
	}
	if (present.state === "failed" && present.failure?.code !== "cancelled")
		throw asError(present.failure, present.state);
}

/** The browser's own download: nothing passes through the page's memory. */
function save(address: string): void {
	const link = document.createElement("a");
	link.href = address;
	link.download = "";
	document.body.append(link);
	link.click();
	link.remove();
}
