import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Skeleton } from "../ui/Skeleton.tsx";
import { PageError } from "./PageError.tsx";
import css from "./query-view.module.css";

/** The parts of a query's result that a view needs. */
interface Result<T> {
	data: T | undefined;
	error: unknown;
	isFetching: boolean;
	refetch: () => unknown;
}

/** Loading, error, refetch and data of one query. Old data stays while a new fetch runs or failed. */
export function QueryView<T>({
	query,
	children,
	rows = 6,
}: {
	query: Result<T>;
	children: (data: T) => ReactNode;
	rows?: number;
}) {
	const { t } = useTranslation();
	if (query.data === undefined) {
		if (query.error !== null && query.error !== undefined) {
			return <PageError error={query.error} retry={() => void query.refetch()} />;
		}
		return <Skeleton rows={rows} />;
	}
	return (
		<div aria-busy={query.isFetching} className={css["view"]}>
			{query.isFetching ? <div className={css["line"]} title={t("common.refreshing")} /> : null}
			{query.error !== null && query.error !== undefined && !query.isFetching ? (
				<PageError error={query.error} retry={() => void query.refetch()} />
			) : null}
			{children(query.data)}
		</div>
	);
}
