import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { auditQuery } from "../api/queries/audit.ts";
import type { AuditEntry } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { Page } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Cell, Table } from "../ui/Table.tsx";

/** Who changed what, when, and from where. */
export default function Audit() {
	const { t } = useTranslation();
	const query = useInfiniteQuery({ ...auditQuery, refetchInterval: 15_000 });
	return (
		<Page title={t("audit.title")} name={t("audit.title")}>
			<QueryView query={query}>
				{(data) => {
					const entries = data.pages.flatMap((page) => page.items);
					if (entries.length === 0) return <Empty title={t("audit.empty")}>{t("audit.emptyText")}</Empty>;
					return (
						<>
							<Table
								label={t("audit.title")}
								head={[
									{ name: t("audit.what"), wide: true },
									{ name: t("audit.whoAndWhen") },
									{ name: t("audit.where"), hideBelow: "narrow" },
								]}
							>
								{entries.map((entry) => (
									<Entry key={entry.id} entry={entry} />
								))}
							</Table>
							{query.hasNextPage ? (
								<Button mt="md" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
									{t("common.loadMore")}
								</Button>
							) : null}
						</>
					);
				}}
			</QueryView>
		</Page>
	);
}

function Entry({ entry }: { entry: AuditEntry }) {
	const { t, i18n } = useTranslation();
	const format = useFormat();
	// Dots part the keys of the catalogue.
	const key = entry.action.replace(".", "_");
	const known = i18n.exists(`audit.action.${key}`);
	return (
		<tr>
			<Cell strong second={entry.object_name === "" ? undefined : <bdi>{entry.object_name}</bdi>}>
				{known ? t(`audit.action.${key as "vaults_create"}`) : <span className="mono">{entry.action}</span>}
			</Cell>
			<Cell
				second={
					<time dateTime={entry.time} title={format.fullMoment(entry.time)}>
						{format.moment(entry.time)}
					</time>
				}
			>
				<bdi>{entry.actor}</bdi>
			</Cell>
			<Cell hideBelow="narrow">{entry.address ?? t("common.unknown")}</Cell>
		</tr>
	);
}
