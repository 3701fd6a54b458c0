import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { stream } from "../api/live.ts";
import { signIn, statusQuery } from "../api/queries/session.ts";
import { useWording } from "../hooks/use-wording.ts";
import { AccountForm } from "../modules/AccountForm.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Notice } from "../ui/Notice.tsx";
import { paths } from "../util/paths.ts";

const route = getRouteApi("/sign-in");

export default function SignIn() {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const navigate = useNavigate();
	const { next } = route.useSearch();
	const status = useQuery(statusQuery);
	const [email, setEmail] = useState("");
	const [password, setPassword] = useState("");
	useEffect(() => {
		document.title = `${t("signIn.title")}, ${t("product")}`;
	}, [t]);
	const submit = useMutation({
		mutationFn: signIn,
		onSuccess: async (me) => {
			queries.clear();
			queries.setQueryData(keys.me(), me);
			stream.retry();
			// Only addresses of this page are followed.
			await (next?.startsWith("/") && !next.startsWith("//") ? navigate({ href: next }) : navigate(paths.overview()));
		},
	});
	const send = (event: FormEvent) => {
		event.preventDefault();
		submit.mutate({ email, password });
	};
	return (
		<AccountForm title={t("signIn.title")} {...(next === undefined ? {} : { lead: t("signIn.again") })}>
			{status.data?.set_up === false ? (
				<Notice tone="info" title={t("signIn.notSetUp")}>
					{t("signIn.notSetUpText")}
				</Notice>
			) : null}
			<form onSubmit={send}>
				<TextInput
					type="email"
					label={t("signIn.email")}
					autoComplete="username"
					required
					withAsterisk={false}
					value={email}
					onChange={(event) => setEmail(event.currentTarget.value)}
				/>
				<PasswordInput
					label={t("signIn.password")}
					autoComplete="current-password"
					required
					withAsterisk={false}
					visibilityToggleButtonProps={{ "aria-label": t("common.showPassword") }}
					value={password}
					onChange={(event) => setPassword(event.currentTarget.value)}
				/>
				{submit.error === null ? null : <ErrorText words={words(submit.error)} />}
				<Button type="submit" variant="filled" loading={submit.isPending}>
					{submit.isPending ? t("signIn.submitting") : t("signIn.submit")}
				</Button>
			</form>
		</AccountForm>
	);
}
