import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { download } from "../api/queries/downloads.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Icon } from "../ui/Icon.tsx";
import css from "./download-button.module.css";

/** Downloads a file, or a folder as an archive, through the machine that reaches its vault. An error stands below. */
export function DownloadButton({
	point,
	snapshot,
	path,
	folder,
	name,
}: {
	point: string;
	snapshot: string;
	path: string;
	folder: boolean;
	/** What it is called for those who do not see where the button stands. */
	name: string;
}) {
	const { t } = useTranslation();
	const words = useWording();
	const [state, setState] = useState<"idle" | "preparing" | "sending">("idle");
	const [error, setError] = useState<unknown>(null);
	const stop = useRef<AbortController>(undefined);
	// The browser goes on with a download when the page is left; nobody watches it then.
	useEffect(() => () => stop.current?.abort(), []);
	const start = async () => {
		const controller = new AbortController();
		stop.current = controller;
		const { signal } = controller;
		setState("preparing");
		setError(null);
		try {
			const form = folder ? "zip" : "file";
			await download(point, { snapshot_id: snapshot, path, form }, signal, () => setState("sending"));
		} catch (cause) {
			if (!signal.aborted) setError(cause);
		} finally {
			if (!signal.aborted) setState("idle");
		}
	};
	return (
		<>
			<Button
				size="xs"
				leftSection={<Icon name="download" size={14} />}
				loading={state === "preparing"}
				aria-label={t(folder ? "download.folderNamed" : "download.named", { name })}
				onClick={() => {
					if (state === "idle") void start();
				}}
			>
				{t(state === "sending" ? "download.sending" : "download.start")}
			</Button>
			{error === null ? null : (
				<div className={css["error"]}>
					<ErrorText words={words(error)} />
				</div>
			)}
		</>
	);
}
