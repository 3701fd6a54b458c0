import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { setUp } from "../api/queries/session.ts";
import { useFieldProblems } from "../hooks/use-field-problems.ts";
import { useWording } from "../hooks/use-wording.ts";
import { AccountForm } from "../modules/AccountForm.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Notice } from "../ui/Notice.tsx";
import { paths } from "../util/paths.ts";

const route = getRouteApi("/set-up");

export default function SetUp() {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const navigate = useNavigate();
	const { token } = route.useSearch();
	const [email, setEmail] = useState("");
	const [password, setPassword] = useState("");
	const [tenant, setTenant] = useState("");
	useEffect(() => {
		document.title = `${t("setUp.title")}, ${t("product")}`;
	}, [t]);
	const submit = useMutation({
		mutationFn: setUp,
		onSuccess: async (me) => {
			queries.clear();
			queries.setQueryData(keys.me(), me);
			await navigate(paths.overview());
		},
	});
	const send = (event: FormEvent) => {
		event.preventDefault();
		submit.mutate({
			token: token ?? "",
			email,
			password,
			zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
			...(tenant.trim() === "" ? {} : { tenant_name: tenant.trim() }),
		});
	};
	const fieldProblems = useFieldProblems();
	const wrong = fieldProblems(submit.error);
	if (token === undefined) {
		return (
			<AccountForm title={t("setUp.title")}>
				<Notice tone="warn" title={t("setUp.noToken")}>
					{t("setUp.noTokenText")}
				</Notice>
			</AccountForm>
		);
	}
	return (
		<AccountForm title={t("setUp.title")} lead={t("setUp.lead")}>
			<form onSubmit={send}>
				<TextInput
					label={`${t("setUp.tenant")} ${t("common.optional")}`}
					description={t("setUp.tenantHelp")}
					autoComplete="organization"
					value={tenant}
					error={wrong.get("/tenant_name")}
					onChange={(event) => setTenant(event.currentTarget.value)}
				/>
				<TextInput
					type="email"
					label={t("setUp.email")}
					autoComplete="username"
					required
					withAsterisk={false}
					value={email}
					error={wrong.get("/email")}
					onChange={(event) => setEmail(event.currentTarget.value)}
				/>
				<PasswordInput
					label={t("setUp.password")}
					description={t("setUp.passwordHelp")}
					autoComplete="new-password"
					required
					withAsterisk={false}
					minLength={10}
					visibilityToggleButtonProps={{ "aria-label": t("common.showPassword") }}
					value={password}
					error={wrong.get("/password")}
					onChange={(event) => setPassword(event.currentTarget.value)}
				/>
				{submit.error === null ? null : <ErrorText words={words(submit.error)} />}
				<Button type="submit" variant="filled" loading={submit.isPending}>
					{submit.isPending ? t("setUp.submitting") : t("setUp.submit")}
				</Button>
			</form>
		</AccountForm>
	);
}
