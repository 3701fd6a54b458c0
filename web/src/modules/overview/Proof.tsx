import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Overview } from "../../api/types.ts";
import { useFormat } from "../../hooks/use-format.ts";
import { KeyValues } from "../../ui/KeyValues.tsx";
import { Status } from "../../ui/Status.tsx";
import { paths } from "../../util/paths.ts";
import { Section } from "../Page.tsx";

/** What shows that data comes back. */
export function Proof({ overview }: { overview: Overview }) {
	const { t } = useTranslation();
	const format = useFormat();
	const last = overview.last_restore;
	return (
		<Section title={t("overview.proof")}>
			<KeyValues
				rows={[
					[
						t("overview.proofFiles"),
						last?.finished_at ? (
							<Link key="last" {...paths.run(last.id)}>
								{format.moment(last.finished_at)}
							</Link>
						) : (
							t("common.notYet")
						),
					],
				]}
			/>
			{last?.finished_at ? <Status status="proven" /> : <Status status="overdue" />}
		</Section>
	);
}
