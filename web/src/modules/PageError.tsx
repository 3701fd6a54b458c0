import { Button } from "@mantine/core";
import { Link, useRouter } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { isNotFound } from "../api/errors.ts";
import { useWording } from "../hooks/use-wording.ts";
import { Empty } from "../ui/Empty.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Icon } from "../ui/Icon.tsx";
import { paths } from "../util/paths.ts";

/** An error in place of the data, with a way on. An object of somebody else is simply not there. */
export function PageError({ error, retry }: { error: unknown; retry?: () => void }) {
	const { t } = useTranslation();
	const router = useRouter();
	const words = useWording();
	if (isNotFound(error)) return <NothingHere />;
	return (
		<ErrorText
			words={words(error)}
			action={
				<Button
					leftSection={<Icon name="retry" />}
					onClick={() => (retry === undefined ? void router.invalidate() : retry())}
				>
					{t("common.tryAgain")}
				</Button>
			}
		/>
	);
}

export function NothingHere() {
	const { t } = useTranslation();
	return (
		<Empty title={t("notFound.title")} action={<Link {...paths.overview()}>{t("notFound.back")}</Link>}>
			{t("notFound.text")}
		</Empty>
	);
}
