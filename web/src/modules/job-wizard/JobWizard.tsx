import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { ScheduleOwner } from "../../api/queries/jobs.ts";
import type { Agent } from "../../api/types.ts";
import { optionsFine } from "../../forms/job.ts";
import { type JobStep, jobSteps } from "../../forms/job-steps.ts";
import { typedNumber } from "../../forms/number.ts";
import { isComplete, scheduleRequest } from "../../forms/schedule.ts";
import { useScheduleWords } from "../../hooks/use-schedule-words.ts";
import { Icon } from "../../ui/Icon.tsx";
import { WizardSheet, type WizardStep } from "../WizardSheet.tsx";
import { OptionsStep } from "./OptionsStep.tsx";
import { ScheduleStep } from "./ScheduleStep.tsx";
import { SourceStep } from "./SourceStep.tsx";
import type { StepAddress, StepProps } from "./steps.ts";

/** The steps of a job, whether it is new, a copy or there already; these differ in the first and the last step. */
export function JobWizard({
	title,
	note,
	step,
	to,
	draft,
	change,
	agent,
	owner,
	place,
	review,
	open,
	save,
	hint,
	onLeave,
	onClose,
}: StepProps & {
	title: string;
	note: string;
	step: JobStep;
	to: StepAddress;
	/** The machine, once it is chosen. */
	agent: Agent | undefined;
	owner: ScheduleOwner;
	/** The first step, what was chosen there, and what is missing in it. */
	place: { step: ReactNode; summary: string | undefined; missing: string | undefined };
	review: ReactNode;
	/** All steps may be gone to at once, and lead back to the review. */
	open: boolean;
	/** The button that saves; inert with the reason while something is missing. */
	save: { label: string; busy: boolean; missing?: string | undefined; run: () => void };
	hint: ReactNode;
	/** A step is left by its own button. */
	onLeave?: () => void;
	onClose: () => void;
}) {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const scheduleWords = useScheduleWords();
	const current = jobSteps.indexOf(step);
	const missingIn: Record<JobStep, string | undefined> = {
		place: place.missing,
		source:
			draft.paths.length === 0
				? t("wizard.needPath")
				: typedNumber(draft.maxFileSize) === null
					? t("wizard.sizeInvalid")
					: undefined,
		schedule: isComplete(draft.schedule) ? undefined : t("schedule.incomplete"),
		options: optionsFine(draft) ? undefined : t("wizard.optionsInvalid"),
		review: undefined,
	};
	const summaries: Record<JobStep, string | undefined> = {
		place: place.summary,
		source: draft.paths.length === 0 ? undefined : t("common.pathsCount", { count: draft.paths.length }),
		schedule:
			(open || current >= 2) && missingIn.schedule === undefined
				? scheduleWords(scheduleRequest(draft.schedule))
				: undefined,
		options: undefined,
		review: undefined,
	};
	const isDone = (name: JobStep) =>
		missingIn[name] === undefined &&
		name !== "review" &&
		(open || name === "place" || name === "source" || jobSteps.indexOf(name) < current);
	const list: WizardStep[] = jobSteps.map((name) => ({
		name: t(`wizard.${name}`),
		summary: summaries[name],
		done: isDone(name),
		to: to(name),
	}));
	const missing = jobSteps.slice(0, open ? undefined : current + 1).map((name) => missingIn[name]);
	const barred = missing.find((reason) => reason !== undefined) ?? (step === "review" ? save.missing : undefined);
	const next = step === "review" ? undefined : open ? "review" : jobSteps[current + 1];
	const previous = jobSteps[current - 1];
	const inert = barred === undefined ? {} : { "data-disabled": true, "aria-disabled": true };
	const goTo = (name: JobStep) => void navigate(to(name));
	return (
		<WizardSheet
			title={title}
			note={note}
			steps={list}
			current={current}
			onClose={onClose}
			onBack={previous === undefined ? undefined : () => goTo(previous)}
			hint={barred ?? hint}
			primary={
				next === undefined ? (
					<Button
						variant="filled"
						loading={save.busy}
						{...inert}
						onClick={() => {
							if (barred === undefined) save.run();
						}}
					>
						{save.label}
					</Button>
				) : (
					<Button
						variant="filled"
						rightSection={<Icon name="right" />}
						{...inert}
						onClick={() => {
							if (barred !== undefined) return;
							onLeave?.();
							goTo(next);
						}}
					>
						{t("wizard.continueTo", { step: t(`wizard.${next}`) })}
					</Button>
				)
			}
		>
			{step === "place" ? place.step : null}
			{step === "source" ? <SourceStep draft={draft} change={change} agent={agent} /> : null}
			{step === "schedule" ? <ScheduleStep draft={draft} change={change} owner={owner} /> : null}
			{step === "options" ? <OptionsStep draft={draft} change={change} owner={owner} /> : null}
			{step === "review" ? review : null}
		</WizardSheet>
	);
}
