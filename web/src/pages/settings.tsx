import { Button, Switch, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { currentOf } from "../api/errors.ts";
import { keys } from "../api/keys.ts";
import { settingsQuery, updateSettings } from "../api/queries/settings.ts";
import type { Settings } from "../api/types.ts";
import {
	isChanged,
	isNumber,
	rangeOf,
	type Section,
	type SettingEdits,
	type SettingKey,
	settingProblems,
	settingSections,
	settingsOf,
	settingsPatch,
	shownSetting,
} from "../forms/settings.ts";
import { useFieldProblems } from "../hooks/use-field-problems.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ActionButton } from "../modules/ActionButton.tsx";
import { Page } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { TargetLink } from "../modules/TargetLink.tsx";
import { Empty } from "../ui/Empty.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Tag } from "../ui/Tag.tsx";
import { paths } from "../util/paths.ts";
import css from "./settings.module.css";

const route = getRouteApi("/signed-in/settings/$section");

/** How the server behaves; what differs from the default is marked. */
export default function SettingsPage() {
	const { t } = useTranslation();
	const { section: word } = route.useParams();
	const section = settingSections.find((known) => known === word) ?? "runs";
	const query = useQuery(settingsQuery);
	const [search, setSearch] = useState("");
	const shown = useShown(section, search);
	const title = search === "" ? t(`settings.sections.${section}`) : t("settings.found");
	return (
		<Page title={t("settings.title")} name={t("settings.title")}>
			<div className={css["page"]}>
				<div className={css["side"]}>
					<TextInput
						aria-label={t("settings.search")}
						placeholder={t("settings.search")}
						leftSection={<Icon name="search" />}
						value={search}
						onChange={(event) => setSearch(event.currentTarget.value)}
					/>
					<nav aria-label={t("settings.title")}>
						<ul className={css["sections"]}>
							{settingSections.map((known) => (
								<li key={known}>
									<TargetLink
										to={paths.settings(known)}
										className={css["section"]}
										data-active={known === section && search === "" ? "true" : undefined}
										onClick={() => setSearch("")}
									>
										{t(`settings.sections.${known}`)}
									</TargetLink>
								</li>
							))}
						</ul>
					</nav>
				</div>
				<div className={css["main"]}>
					<h2>{title}</h2>
					<QueryView query={query}>
						{(settings) => <Form key={search === "" ? section : "search"} settings={settings} shown={shown} />}
					</QueryView>
				</div>
			</div>
		</Page>
	);
}

/** The settings of a section, or those of all sections whose words hold what is searched. */
function useShown(section: Section, search: string): readonly SettingKey[] {
	const { t } = useTranslation();
	const wanted = search.trim().toLowerCase();
	if (wanted === "") return settingsOf[section];
	return settingSections
		.flatMap((known) => settingsOf[known])
		.filter((key) => `${t(`settings.name.${key}`)} ${t(`settings.help.${key}`)}`.toLowerCase().includes(wanted));
}

function Form({ settings, shown }: { settings: Settings; shown: readonly SettingKey[] }) {
	const { t } = useTranslation();
	const format = useFormat();
	const words = useWording();
	const queries = useQueryClient();
	const [edits, setEdits] = useState<SettingEdits>({});
	const save = useMutation({
		mutationFn: () => updateSettings(settings, settingsPatch(settings, edits)),
		onSuccess: (changed) => {
			queries.setQueryData(keys.settings(), changed);
			setEdits({});
		},
		onError: (error) => {
			const current = currentOf<Settings>(error);
			if (current !== undefined) queries.setQueryData(keys.settings(), current);
		},
	});
	const set = (key: SettingKey, value: string | boolean) => {
		save.reset();
		setEdits((present) => ({ ...present, [key]: value }));
	};
	const refused = useFieldProblems()(save.error);
	const wrong = settingProblems(settings, edits);
	const problem = (key: SettingKey): string | undefined => {
		const own = wrong.get(key);
		if (own === "watchdog") return t("settings.watchdogProblem");
		if (own === "range" && isNumber(key)) {
			const [least, most] = rangeOf(key);
			return t("settings.rangeProblem", { least: format.count(least), most: format.count(most) });
		}
		return refused.get(`/${key}`);
	};
	const dirty = Object.keys(settingsPatch(settings, edits)).length > 0;
	const mayChange = settings.actions.find((action) => action.name === "update")?.allowed === true;
	const send = (event: FormEvent) => {
		event.preventDefault();
		if (dirty && wrong.size === 0) save.mutate();
	};
	if (shown.length === 0) return <Empty title={t("settings.noMatch")}>{t("settings.noMatchText")}</Empty>;
	return (
		<form onSubmit={send} className={css["form"]}>
			{shown.map((key) => {
				const { fixed_by: fixedBy } = settings[key];
				const value = shownSetting(settings, edits, key);
				const readOnly = Boolean(fixedBy) || !mayChange;
				return (
					<div key={key} className={css["setting"]}>
						{typeof value === "boolean" ? (
							<Switch
								label={t(`settings.name.${key}`)}
								description={t(`settings.help.${key}`)}
								checked={value}
								disabled={readOnly}
								onChange={(event) => set(key, event.currentTarget.checked)}
							/>
						) : (
							<TextInput
								label={t(`settings.name.${key}`)}
								description={t(`settings.help.${key}`)}
								inputMode={isNumber(key) ? "numeric" : "url"}
								value={value}
								readOnly={readOnly}
								error={problem(key)}
								rightSectionWidth={84}
								rightSection={
									isNumber(key) ? <span className="faint small">{t(`settings.unit.${unitOf(key)}`)}</span> : null
								}
								onChange={(event) => set(key, event.currentTarget.value)}
							/>
						)}
						<p className="faint small">
							{isChanged(settings, key) ? <Tag>{t("settings.changed")}</Tag> : null}{" "}
							<Default settings={settings} of={key} />
							{fixedBy ? ` ${t("settings.fixedBy", { variable: fixedBy })}` : null}
						</p>
					</div>
				);
			})}
			{save.error === null ? null : <ErrorText words={words(save.error)} />}
			<div className={css["foot"]}>
				{dirty ? (
					<>
						<Button type="submit" variant="filled" loading={save.isPending} disabled={wrong.size > 0}>
							{save.isPending ? t("settings.saving") : t("settings.save")}
						</Button>
						<Button onClick={() => setEdits({})}>{t("settings.discard")}</Button>
					</>
				) : mayChange ? (
					<p role="status" className="muted">
						{save.isSuccess ? t("settings.saved") : t("settings.nothingChanged")}
					</p>
				) : (
					<ActionButton actions={settings.actions} name="update" onClick={() => undefined}>
						{t("settings.save")}
					</ActionButton>
				)}
			</div>
		</form>
	);
}

const unitOf = (key: SettingKey) => (key.endsWith("_days") ? "days" : "seconds");

function Default({ settings, of }: { settings: Settings; of: SettingKey }) {
	const { t } = useTranslation();
	const format = useFormat();
	if (of === "private_targets") return t("settings.defaultOff");
	if (of === "public_url") return t("settings.defaultAddress");
	const { default: value } = settings[of];
	return unitOf(of) === "days"
		? t("settings.defaultDays", { count: value, formatted: format.count(value) })
		: t("settings.defaultSeconds", { formatted: format.count(value), duration: format.duration(value) });
}
