import { Button, CloseButton } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../ui/Icon.tsx";
import { Mark } from "../ui/Mark.tsx";
import type { Target } from "../util/paths.ts";
import { TargetLink } from "./TargetLink.tsx";
import css from "./wizard-sheet.module.css";

export interface WizardStep {
	name: string;
	/** What was chosen, once it was. */
	summary?: string | undefined;
	done: boolean;
	to: Target;
}

/** A wizard over the whole window: steps with addresses, the present one, and its foot. */
export function WizardSheet({
	title,
	note,
	steps,
	current,
	onClose,
	onBack,
	primary,
	hint,
	children,
}: {
	title: string;
	note?: string | undefined;
	steps: readonly WizardStep[];
	current: number;
	onClose: () => void;
	onBack?: (() => void) | undefined;
	primary: ReactNode;
	hint?: ReactNode;
	children: ReactNode;
}) {
	const { t } = useTranslation();
	const name = steps[current]?.name ?? title;
	useEffect(() => {
		document.title = `${title}, ${name}, ${t("product")}`;
	}, [title, name, t]);
	const pane = useRef<HTMLElement>(null);
	// biome-ignore lint/correctness/useExhaustiveDependencies: each step begins at its top
	useEffect(() => {
		// Newer browsers answer with a promise, which an effect must not return.
		void pane.current?.scrollTo(0, 0);
	}, [current]);
	return (
		<div
			className={css["sheet"]}
			role="dialog"
			aria-modal="true"
			aria-label={title}
			onKeyDown={(event) => {
				if (event.key === "Escape" && !event.defaultPrevented) onClose();
			}}
		>
			<header className={css["head"]}>
				<Mark />
				<strong className={css["title"]}>{title}</strong>
				<span className={`${css["note"]} muted`}>{note}</span>
				<CloseButton aria-label={t("wizard.close")} onClick={onClose} />
			</header>
			<nav className={css["steps"]} aria-label={t("wizard.steps")}>
				<ol>
					{steps.map((step, index) => (
						<li key={step.name} className={index === current ? css["current"] : ""}>
							<StepNumber number={index + 1} done={step.done && index !== current} current={index === current} />
							<div className={css["stepText"]}>
								{index === current ? (
									<span aria-current="step">{step.name}</span>
								) : step.done || index < current ? (
									<TargetLink to={step.to}>{step.name}</TargetLink>
								) : (
									<span className="muted">{step.name}</span>
								)}
								{step.summary === undefined ? null : <p className="faint small">{step.summary}</p>}
							</div>
						</li>
					))}
				</ol>
			</nav>
			<main className={css["pane"]} ref={pane} id="content">
				{children}
			</main>
			<footer className={css["foot"]}>
				{onBack === undefined ? (
					<span />
				) : (
					<Button variant="subtle" leftSection={<Icon name="left" />} onClick={onBack}>
						{t("common.back")}
					</Button>
				)}
				<div className={css["footEnd"]}>
					<span className="muted">{hint}</span>
					{primary}
				</div>
			</footer>
		</div>
	);
}

function StepNumber({ number, done, current }: { number: number; done: boolean; current: boolean }) {
	return (
		<span className={`${css["number"]} ${done ? css["done"] : ""} ${current ? css["active"] : ""}`} aria-hidden="true">
			{done ? <Icon name="check" size={12} /> : number}
		</span>
	);
}

/** Title and lead of a step. */
export function StepHead({ title, text }: { title: string; text: string }) {
	return (
		<div className={css["stepHead"]}>
			<h1>{title}</h1>
			<p className="muted">{text}</p>
		</div>
	);
}
