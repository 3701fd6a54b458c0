import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { JobDraft } from "../../forms/job.ts";
import type { ForeignChange, JobField } from "../../forms/job-edit.ts";
import { Notice } from "../../ui/Notice.tsx";
import { JobFieldValue } from "./JobFieldValue.tsx";
import css from "./job-wizard.module.css";

/** What somebody else changed while it was changed here, field by field, and what of it was taken over. */
export function ForeignChanges({
	changes,
	current,
	mine,
	onTake,
}: {
	changes: readonly ForeignChange[];
	current: JobDraft;
	mine: JobDraft;
	onTake: (field: JobField) => void;
}) {
	const { t } = useTranslation();
	return (
		<Notice tone="warn" alert title={t("wizard.foreign.title")}>
			<p>{changes.length === 0 ? t("wizard.foreign.none") : t("wizard.foreign.text")}</p>
			{changes.length === 0 ? null : (
				<ul className={css["foreign"]}>
					{changes.map(({ field, kept }) => (
						<li key={field}>
							<strong>{t(`wizard.field.${field}`)}</strong>
							<div>
								<span className="muted">{t("wizard.foreign.now")}</span>
								<JobFieldValue field={field} draft={current} />
							</div>
							{kept ? (
								<>
									<div>
										<span className="muted">{t("wizard.foreign.mine")}</span>
										<JobFieldValue field={field} draft={mine} />
									</div>
									<Button size="xs" onClick={() => onTake(field)}>
										{t("wizard.foreign.take")}
									</Button>
								</>
							) : (
								<span className="muted">{t("wizard.foreign.taken")}</span>
							)}
						</li>
					))}
				</ul>
			)}
		</Notice>
	);
}
