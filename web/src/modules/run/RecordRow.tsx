import { useTranslation } from "react-i18next";
import type { LogLevel } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { StatusIcon } from "../../ui/StatusIcon.tsx";
import { visibleText } from "../../util/format.ts";
import css from "./events.module.css";

const icons = { error: "failed", warn: "partial_success", info: "nothing_due" } as const;

/** One event, or one line of the log. The text comes from an agent and is shown as text. */
export function RecordRow({
	time,
	level,
	text,
	fresh = false,
}: {
	time: string;
	level: LogLevel;
	text: string;
	fresh?: boolean;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	return (
		<li className={fresh ? css["fresh"] : ""}>
			<time className="mono num" dateTime={time}>
				{format.clockSeconds(time)}
			</time>
			<StatusIcon size={14} status={icons[level]} label={t(`run.level.${level}`)} />
			<bdi className={css["text"]}>{visibleText(text)}</bdi>
		</li>
	);
}
