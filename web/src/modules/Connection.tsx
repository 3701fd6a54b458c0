import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { stream, useConnection } from "../api/live.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Notice } from "../ui/Notice.tsx";
import css from "./connection.module.css";

/** A lost stream for longer than this is worth a word, ms; for longer than that a banner. */
const wordAfter = 3_000;
const bannerAfter = 10_000;

/** How long the connection has been lost: not at all, a little, long. */
function useLoss(): "none" | "word" | "banner" {
	const connection = useConnection();
	const [loss, setLoss] = useState<"none" | "word" | "banner">("none");
	useEffect(() => {
		if (connection !== "lost") {
			setLoss("none");
			return;
		}
		const word = setTimeout(() => setLoss("word"), wordAfter);
		const banner = setTimeout(() => setLoss("banner"), bannerAfter);
		return () => {
			clearTimeout(word);
			clearTimeout(banner);
		};
	}, [connection]);
	return loss;
}

/** The state at the foot of the sidebar. */
export function ConnectionState() {
	const { t } = useTranslation();
	const format = useFormat();
	const connection = useConnection();
	const loss = useLoss();
	const live = connection === "live" || (connection === "lost" && loss === "none");
	return (
		<p className={css["state"]}>
			<span className={live ? css["dotLive"] : css["dot"]} aria-hidden="true" />
			<span className={live ? css["live"] : ""}>
				{live ? t("connection.live") : connection === "connecting" ? t("connection.connecting") : t("connection.lost")}
			</span>
			<span className="faint">{format.fullMoment(format.now)}</span>
		</p>
	);
}

/** Says that figures may be old, and offers to try at once. */
export function ConnectionBanner() {
	const { t } = useTranslation();
	const format = useFormat();
	const loss = useLoss();
	if (loss !== "banner") return null;
	return (
		<div className={css["banner"]} role="status">
			<Notice
				tone="warn"
				title={t("connection.banner", { time: format.clock(stream.stateSince()) })}
				action={<Button onClick={() => stream.retry()}>{t("connection.now")}</Button>}
			>
				{t("connection.bannerMore")}
			</Notice>
		</div>
	);
}
