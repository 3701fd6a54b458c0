import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "./Icon.tsx";

/** Copies a text and says so for two seconds. Works without the clipboard API, which plain http lacks. */
export function CopyButton({ text, label, filled = false }: { text: string; label: string; filled?: boolean }) {
	const { t } = useTranslation();
	const [copied, setCopied] = useState(false);
	useEffect(() => {
		if (!copied) return;
		const timer = setTimeout(() => setCopied(false), 2_000);
		return () => clearTimeout(timer);
	}, [copied]);
	return (
		<>
			<Button
				variant={filled ? "filled" : "default"}
				leftSection={<Icon name={copied ? "check" : "copy"} />}
				onClick={() => {
					void copyText(text).then(() => setCopied(true));
				}}
			>
				{copied ? t("common.copied") : label}
			</Button>
			<span className="visually-hidden" role="status">
				{copied ? t("common.copied") : ""}
			</span>
		</>
	);
}

async function copyText(text: string): Promise<void> {
	try {
		await navigator.clipboard.writeText(text);
		return;
	} catch {
		// No clipboard API on plain http, or it was refused: select and copy as of old.
	}
	const area = document.createElement("textarea");
	area.value = text;
	area.setAttribute("readonly", "");
	area.className = "visually-hidden";
	document.body.append(area);
	area.select();
	document.execCommand("copy");
	area.remove();
}
