import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useFallbackInterval } from "../api/live.ts";
import { vaultsQuery } from "../api/queries/vaults.ts";
import type { Vault } from "../api/types.ts";
import { useFormat } from "../hooks/use-format.ts";
import { ButtonLink } from "../modules/ButtonLink.tsx";
import { Page } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { useVaultPlace, VaultState } from "../modules/VaultPlace.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Cell, Table } from "../ui/Table.tsx";
import { paths } from "../util/paths.ts";

/** Where the data lies and whether the place works. */
export default function Vaults() {
	const { t } = useTranslation();
	const query = useQuery({ ...vaultsQuery, refetchInterval: useFallbackInterval(5_000) });
	const add = (
		<ButtonLink to={paths.newVault()} variant="filled" leftSection={<Icon name="plus" />}>
			{t("vaults.new")}
		</ButtonLink>
	);
	const empty = query.data?.items.length === 0;
	return (
		<Page title={t("vaults.title")} name={t("vaults.title")} actions={empty ? undefined : add}>
			<QueryView query={query}>
				{(page) =>
					page.items.length === 0 ? (
						<Empty icon="vaults" title={t("vaults.emptyTitle")} action={add}>
							{t("vaults.emptyText")}
						</Empty>
					) : (
						<List vaults={page.items} />
					)
				}
			</QueryView>
		</Page>
	);
}

function List({ vaults }: { vaults: readonly Vault[] }) {
	const { t } = useTranslation();
	const format = useFormat();
	const place = useVaultPlace();
	return (
		<Table
			label={t("vaults.title")}
			head={[
				{ name: t("common.name"), wide: true },
				{ name: t("common.status") },
				{ name: t("vaults.points"), align: "right", hideBelow: "phone" },
				{ name: t("vaults.stored"), align: "right" },
				{ name: t("vaults.latest"), align: "right", hideBelow: "narrow" },
			]}
		>
			{vaults.map((vault) => (
				<tr key={vault.id}>
					<Cell strong second={place(vault)}>
						<Link {...paths.vault(vault.id)}>{vault.name}</Link>
					</Cell>
					<Cell
						second={
							vault.last_test
								? t(vault.last_test.ok ? "vaults.testedOk" : "vaults.testedBad", {
										age: format.age(vault.last_test.at),
									})
								: undefined
						}
					>
						<VaultState vault={vault} />
					</Cell>
					<Cell align="right" hideBelow="phone">
						{format.count(vault.points)}
					</Cell>
					<Cell align="right">{format.size(vault.stored_bytes)}</Cell>
					<Cell align="right" hideBelow="narrow">
						{vault.latest_point_at ? format.moment(vault.latest_point_at) : t("common.none")}
					</Cell>
				</tr>
			))}
		</Table>
	);
}
