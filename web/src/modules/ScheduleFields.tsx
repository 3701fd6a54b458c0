import { ActionIcon, Button, Checkbox, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { type ScheduleOwner, schedulePreviewQuery } from "../api/queries/jobs.ts";
import { typedNumber } from "../forms/number.ts";
import {
	isComplete,
	type ScheduleDraft,
	scheduleRequest,
	scheduleTypes,
	typedTime,
	weekdays,
} from "../forms/schedule.ts";
import { useFieldProblems } from "../hooks/use-field-problems.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useScheduleWords } from "../hooks/use-schedule-words.ts";
import { Icon } from "../ui/Icon.tsx";
import { weekdayName } from "../util/schedule-words.ts";
import { NextRuns } from "./NextRuns.tsx";
import css from "./schedule-fields.module.css";

interface Props {
	draft: ScheduleDraft;
	change: (part: Partial<ScheduleDraft>) => void;
}

/** How long somebody may go on typing before the server is asked. */
const pause = 300;

/** A schedule to be filled in, and beside it what it means. */
export function ScheduleFields({ draft, change, owner }: Props & { owner: ScheduleOwner }) {
	const { t } = useTranslation();
	const words = useScheduleWords();
	const [settled] = useDebouncedValue(draft, pause);
	const complete = isComplete(settled);
	const schedule = useMemo(() => scheduleRequest(settled), [settled]);
	const preview = useQuery({ ...schedulePreviewQuery(schedule, owner), enabled: complete, retry: false });
	const fieldProblems = useFieldProblems();
	const wrong = fieldProblems(preview.error);
	const problem = (field: string) => wrong.get(`/schedule/${field}`);
	return (
		<div className={css["columns"]}>
			<div className={css["fields"]}>
				<Select
					label={t("schedule.type")}
					allowDeselect={false}
					data={scheduleTypes.map((type) => ({ value: type, label: t(`schedule.typeName.${type}`) }))}
					value={draft.type}
					onChange={(value) => {
						const type = scheduleTypes.find((known) => known === value);
						if (type !== undefined) change({ type });
					}}
				/>
				<TimeFields draft={draft} change={change} problem={problem} />
				{draft.type === "manual" ? (
					<p className="muted">{t("schedule.manualText")}</p>
				) : (
					<Conditions draft={draft} change={change} problem={problem} />
				)}
			</div>
			<section className={css["preview"]} aria-label={t("schedule.next")}>
				<h2>{t("schedule.next")}</h2>
				<p className={css["words"]}>{complete ? words(schedule) : t("schedule.incomplete")}</p>
				{complete && schedule.type !== "manual" ? <NextRuns schedule={schedule} owner={owner} /> : null}
			</section>
		</div>
	);
}

interface PartProps extends Props {
	problem: (field: string) => string | undefined;
}

/** A time of day, typed the same way in every browser. */
function TimeInput({
	value,
	onChange,
	problem,
	optional = false,
	...rest
}: {
	label?: string;
	"aria-label"?: string;
	description?: string;
	value: string;
	onChange: (value: string) => void;
	problem: string | undefined;
	optional?: boolean;
}) {
	const { t } = useTranslation();
	const fine = typedTime(value) !== undefined || (optional && value.trim() === "");
	return (
		<TextInput
			{...rest}
			classNames={{ wrapper: css["time"] ?? "" }}
			placeholder="00:00"
			maxLength={6}
			value={value}
			error={fine ? problem : t("schedule.timeInvalid")}
			onChange={(event) => onChange(event.currentTarget.value)}
		/>
	);
}

/** What the chosen type needs. */
function TimeFields({ draft, change, problem }: PartProps) {
	const { t } = useTranslation();
	const format = useFormat();
	const time = (
		<TimeInput
			label={t("schedule.time")}
			value={draft.time}
			problem={problem("time")}
			onChange={(value) => change({ time: value })}
		/>
	);
	switch (draft.type) {
		case "hourly":
			return (
				<TextInput
					label={t("schedule.minute")}
					description={t("schedule.minuteHelp")}
					classNames={{ wrapper: css["short"] ?? "" }}
					inputMode="numeric"
					value={draft.minute}
					error={problem("minute")}
					onChange={(event) => change({ minute: event.currentTarget.value })}
				/>
			);
		case "daily":
			return time;
		case "weekly":
			return (
				<>
					<Checkbox.Group
						label={t("schedule.weekdays")}
						error={problem("weekdays")}
						value={draft.weekdays}
						onChange={(chosen) => change({ weekdays: weekdays.filter((day) => chosen.includes(day)) })}
					>
						<div className={css["days"]}>
							{weekdays.map((day) => (
								<Checkbox key={day} value={day} label={weekdayName(format.language, day)} />
							))}
						</div>
					</Checkbox.Group>
					{time}
				</>
			);
		case "monthly":
			return (
				<>
					<Select
						label={t("schedule.day")}
						description={t("schedule.dayHelp")}
						classNames={{ wrapper: css["short"] ?? "" }}
						allowDeselect={false}
						data={[
							...Array.from({ length: 30 }, (_, index) => String(index + 1)),
							{ value: "last", label: t("schedule.dayLast") },
						]}
						value={draft.day === "31" ? "last" : draft.day}
						error={problem("day")}
						onChange={(day) => change({ day: day ?? draft.day })}
					/>
					{time}
				</>
			);
		case "cron":
			return (
				<TextInput
					label={t("schedule.cronLabel")}
					description={t("schedule.cronHelp")}
					placeholder="0 22 * * 1-5"
					classNames={{ input: "mono" }}
					value={draft.cron}
					error={problem("cron")}
					onChange={(event) => change({ cron: event.currentTarget.value })}
				/>
			);
		default:
			return null;
	}
}

/** What holds for every schedule. */
function Conditions({ draft, change, problem }: PartProps) {
	const { t } = useTranslation();
	const format = useFormat();
	const zones = useMemo(() => {
		const known = new Set(["UTC", ...Intl.supportedValuesOf("timeZone"), ...(draft.zone === "" ? [] : [draft.zone])]);
		return [...known].sort();
	}, [draft.zone]);
	const setWindow = (index: number, part: Partial<{ from: string; to: string }>) =>
		change({
			notBetween: draft.notBetween.map((window, at) => (at === index ? { ...window, ...part } : window)),
		});
	return (
		<>
			<Select
				label={t("schedule.zone")}
				searchable
				limit={60}
				clearable
				clearButtonProps={{ "aria-label": t("schedule.zoneClear") }}
				placeholder={t("schedule.zoneDefault", { zone: format.zone ?? "UTC" })}
				nothingFoundMessage={t("schedule.zoneNone")}
				data={zones}
				value={draft.zone === "" ? null : draft.zone}
				error={problem("zone")}
				onChange={(zone) => change({ zone: zone ?? "" })}
			/>
			<fieldset className={css["windows"]}>
				<legend>{t("schedule.notBetween")}</legend>
				<p className="faint small">{t("schedule.notBetweenHelp")}</p>
				{draft.notBetween.map((window, index) => (
					// biome-ignore lint/suspicious/noArrayIndexKey: windows have no identity but their place
					<div key={index} className={css["window"]}>
						<TimeInput
							aria-label={t("schedule.from", { number: index + 1 })}
							value={window.from}
							problem={problem(`not_between/${index}/from`)}
							onChange={(from) => setWindow(index, { from })}
						/>
						<span className="muted">{t("schedule.until")}</span>
						<TimeInput
							aria-label={t("schedule.toTime", { number: index + 1 })}
							value={window.to}
							problem={problem(`not_between/${index}/to`)}
							onChange={(to) => setWindow(index, { to })}
						/>
						<ActionIcon
							variant="subtle"
							size={24}
							aria-label={t("schedule.removeWindow", { number: index + 1 })}
							onClick={() => change({ notBetween: draft.notBetween.filter((_, at) => at !== index) })}
						>
							<Icon name="close" size={12} />
						</ActionIcon>
					</div>
				))}
				{problem("not_between") === undefined ? null : <p className={css["error"]}>{problem("not_between")}</p>}
				<Button
					leftSection={<Icon name="plus" />}
					disabled={draft.notBetween.length >= 10}
					onClick={() => change({ notBetween: [...draft.notBetween, { from: "08:00", to: "18:00" }] })}
				>
					{t("schedule.addWindow")}
				</Button>
			</fieldset>
			<TimeInput
				label={`${t("schedule.stopAt")} ${t("common.optional")}`}
				description={t("schedule.stopAtHelp")}
				value={draft.stopAt}
				optional
				problem={problem("stop_at")}
				onChange={(stopAt) => change({ stopAt })}
			/>
			<TextInput
				label={`${t("schedule.spread")} ${t("common.optional")}`}
				description={t("schedule.spreadHelp")}
				classNames={{ wrapper: css["short"] ?? "" }}
				inputMode="numeric"
				value={draft.spread}
				error={typedNumber(draft.spread) === null ? t("wizard.limitInvalid") : problem("spread_minutes")}
				onChange={(event) => change({ spread: event.currentTarget.value })}
			/>
			<Checkbox
				label={t("schedule.catchUp")}
				description={t("schedule.catchUpHelp")}
				checked={draft.catchUp}
				onChange={(event) => change({ catchUp: event.currentTarget.checked })}
			/>
			<Checkbox
				label={t("schedule.offlineStart")}
				description={t("schedule.offlineStartHelp")}
				checked={draft.offlineStart}
				onChange={(event) => change({ offlineStart: event.currentTarget.checked })}
			/>
		</>
	);
}
