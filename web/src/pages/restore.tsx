import { Button, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { jobsQuery } from "../api/queries/jobs.ts";
import { pointsQuery } from "../api/queries/points.ts";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { Page, Section } from "../modules/Page.tsx";
import { PointList } from "../modules/PointList.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Icon } from "../ui/Icon.tsx";
import { paths } from "../util/paths.ts";
import css from "./restore.module.css";

const route = getRouteApi("/signed-in/restore");
const shown = 50;

/** Where a restore begins: which job, which point. */
export default function Restore() {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const { source } = route.useSearch();
	const jobs = useQuery(jobsQuery);
	const points = useQuery(pointsQuery({ job: source }));
	return (
		<Page title={t("restore.title")} name={t("restore.title")}>
			<FileField />
			<p className={css["sentence"]}>{t("restore.startTitle")}</p>
			<p className="muted">{t("restore.startText")}</p>
			<Select
				className={css["source"] ?? ""}
				label={t("restore.job")}
				data={[
					{ value: "", label: t("common.all") },
					...(jobs.data?.items ?? []).map((job) => ({ value: job.id, label: `${job.agent.name}, ${job.name}` })),
				]}
				searchable={(jobs.data?.items.length ?? 0) > 8}
				allowDeselect={false}
				value={source ?? ""}
				onChange={(value) => void navigate(paths.restore(value === null || value === "" ? {} : { source: value }))}
			/>
			<Section title={t("restore.recent")}>
				<QueryView query={points}>
					{(page) =>
						page.items.length === 0 ? (
							<Empty
								icon="restore"
								title={t("snapshots.emptyTitle")}
								action={
									<ButtonLink to={paths.jobs()} variant="filled">
										{t("snapshots.emptyAction")}
									</ButtonLink>
								}
							>
								{t("snapshots.emptyText")}
							</Empty>
						) : (
							<PointList points={page.items.slice(0, shown)} withJob />
						)
					}
				</QueryView>
			</Section>
		</Page>
	);
}

/** Most people look for a file, not for a point. */
function FileField() {
	const { t } = useTranslation();
	const navigate = useNavigate();
	const [text, setText] = useState("");
	const find = (event: FormEvent) => {
		event.preventDefault();
		if (text.trim() !== "") void navigate(paths.search({ q: text.trim() }));
	};
	return (
		<search className={css["find"]}>
			<form className={css["ask"]} onSubmit={find}>
				<TextInput
					className={css["field"] ?? ""}
					size="md"
					label={t("search.label")}
					leftSection={<Icon name="search" />}
					value={text}
					maxLength={1000}
					autoComplete="off"
					spellCheck={false}
					onChange={(event) => setText(event.currentTarget.value)}
				/>
				<Button type="submit" size="md" variant="filled">
					{t("search.submit")}
				</Button>
			</form>
		</search>
	);
}
