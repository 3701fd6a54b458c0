import { useTranslation } from "react-i18next";
import { type JobDraft, ruleLines, typedFileCount } from "../../forms/job.ts";
import type { JobField } from "../../forms/job-edit.ts";
import { typedNumber } from "../../forms/number.ts";
import { retentionRequest } from "../../forms/retention.ts";
import { scheduleRequest } from "../../forms/schedule.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { useRetentionWords } from "../../hooks/use-retention-words.ts";
import { useScheduleConditions } from "../../hooks/use-schedule-conditions.ts";
import { useScheduleWords } from "../../hooks/use-schedule-words.ts";
import { PathText } from "../../ui/PathText.tsx";
import { visibleText } from "../../util/format.ts";
import css from "./job-wizard.module.css";

/** What one field of a job says, in words. */
export function JobFieldValue({ field, draft }: { field: JobField; draft: JobDraft }) {
	const { t } = useTranslation();
	const format = useFormat();
	const retentionWords = useRetentionWords();
	switch (field) {
		case "name":
			return <bdi>{draft.name.trim()}</bdi>;
		case "paths":
			return draft.paths.map((path) => (
				<div key={path}>
					<PathText path={path} wrap />
				</div>
			));
		case "schedule":
			return <ScheduleValue draft={draft} />;
		case "retention":
			return retentionWords(retentionRequest(draft.retention));
		case "compression":
			return t(`jobs.compressionName.${draft.compression}`);
		case "rules":
			return <RuleList rules={ruleLines(draft.rules)} none={t("jobs.leftOutNone")} />;
		case "only":
			return <RuleList rules={ruleLines(draft.only)} none={t("jobs.onlyTakenNone")} />;
		case "maxFileSize": {
			const largest = typedNumber(draft.maxFileSize);
			return largest ? format.size(largest * 1_000_000) : t("jobs.maxFileSizeNone");
		}
		case "oneFileSystem":
			return t(draft.oneFileSystem ? "jobs.oneFileSystem" : "jobs.allFileSystems");
		case "parallelism": {
			const files = typedFileCount(draft.parallelism);
			return files ? format.count(files) : t("jobs.parallelismAgent");
		}
		case "limit": {
			const limit = typedNumber(draft.limit);
			return limit ? format.speed(limit * 1_000_000) : t("jobs.limitNone");
		}
		case "maxAge": {
			const maxAge = typedNumber(draft.maxAge);
			return maxAge ? format.duration(maxAge * 3600) : t("jobs.maxAgeNone");
		}
	}
}

/** Rules as they were typed. */
export function RuleList({ rules, none }: { rules: readonly string[]; none: string }) {
	if (rules.length === 0) return none;
	return (
		<ul className={css["rules"]}>
			{rules.map((rule, index) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a rule may stand there twice, and none moves
				<li key={index} className="mono">
					<bdi>{visibleText(rule)}</bdi>
				</li>
			))}
		</ul>
	);
}

function ScheduleValue({ draft }: { draft: JobDraft }) {
	const words = useScheduleWords();
	const conditions = useScheduleConditions();
	const schedule = scheduleRequest(draft.schedule);
	return (
		<>
			<p>{words(schedule)}</p>
			{conditions(schedule, draft.schedule.offlineStart).map((condition) => (
				<p key={condition} className="muted">
					{condition}
				</p>
			))}
		</>
	);
}
