import { visibleText } from "../util/format.ts";
import css from "./path-text.module.css";

/** A path that keeps its end when it is too long; `wrap` shows all of it. Full text in the tip. */
export function PathText({ path, wrap = false }: { path: string; wrap?: boolean }) {
	const text = visibleText(path);
	if (wrap) return <bdi className={`mono ${css["wrap"]}`}>{text}</bdi>;
	const cut = Math.max(0, text.length - 24);
	return (
		<bdi className={`mono ${css["path"]}`} title={text}>
			<span className={css["head"]}>{text.slice(0, cut)}</span>
			<span className={css["tail"]}>{text.slice(cut)}</span>
		</bdi>
	);
}
