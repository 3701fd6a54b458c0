import { Button, Checkbox, Group, Modal, PasswordInput, Radio, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { createUser, updateUser } from "../api/queries/users.ts";
import type { User } from "../api/types.ts";
import { roles, shortestPassword, type UserForm, userCreate, userForm, userPatch } from "../forms/user.ts";
import { useFieldProblems } from "../hooks/use-field-problems.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ErrorText } from "../ui/ErrorText.tsx";
import css from "./user-dialog.module.css";

/** Makes or changes an account. */
export default function UserDialog({ user, onClose }: { user?: User; onClose: () => void }) {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const [form, setForm] = useState<UserForm>(() => userForm(user));
	const save = useMutation({
		mutationFn: async () => {
			if (user === undefined) await createUser(userCreate(form));
			else await updateUser(user, userPatch(user, form));
		},
		onSuccess: async () => {
			await Promise.all([
				queries.invalidateQueries({ queryKey: keys.users() }),
				queries.invalidateQueries({ queryKey: keys.me() }),
			]);
			onClose();
		},
	});
	const set = (change: Partial<UserForm>) => {
		save.reset();
		setForm((present) => ({ ...present, ...change }));
	};
	const wrong = useFieldProblems()(save.error);
	const send = (event: FormEvent) => {
		event.preventDefault();
		save.mutate();
	};
	return (
		<Modal
			opened
			onClose={onClose}
			title={user === undefined ? t("users.new") : t("users.editNamed", { name: user.name })}
			size={520}
			closeButtonProps={{ "aria-label": t("common.close") }}
		>
			<form onSubmit={send} className={css["form"]}>
				<TextInput
					data-autofocus={user === undefined ? true : undefined}
					label={t("users.email")}
					type="email"
					required
					withAsterisk={false}
					readOnly={user !== undefined}
					value={form.email}
					error={wrong.get("/email")}
					onChange={(event) => set({ email: event.currentTarget.value })}
				/>
				<TextInput
					label={user === undefined ? `${t("common.name")} ${t("common.optional")}` : t("common.name")}
					required={user !== undefined}
					withAsterisk={false}
					maxLength={100}
					value={form.name}
					error={wrong.get("/name")}
					onChange={(event) => set({ name: event.currentTarget.value })}
				/>
				<Radio.Group
					label={t("users.may")}
					value={form.role}
					error={wrong.get("/role")}
					onChange={(value) => set({ role: roles.find((role) => role === value) ?? "viewer" })}
				>
					<div className={css["choices"]}>
						{roles.map((role) => (
							<Radio
								key={role}
								value={role}
								label={t(`users.role.${role}`)}
								description={t(`users.roleText.${role}`)}
							/>
						))}
					</div>
				</Radio.Group>
				<PasswordInput
					label={user === undefined ? t("users.firstPassword") : `${t("users.newPassword")} ${t("common.optional")}`}
					description={t(user === undefined ? "users.firstPasswordHelp" : "users.newPasswordHelp", {
						shortest: shortestPassword,
					})}
					autoComplete="new-password"
					required={user === undefined}
					withAsterisk={false}
					visibilityToggleButtonProps={{ "aria-label": t("common.showPassword") }}
					value={form.password}
					error={wrong.get("/password")}
					onChange={(event) => set({ password: event.currentTarget.value })}
				/>
				{user === undefined ? null : (
					<Checkbox
						label={t("users.disable")}
						description={t("users.disableText")}
						checked={form.disabled}
						onChange={(event) => set({ disabled: event.currentTarget.checked })}
					/>
				)}
				{save.error === null ? null : <ErrorText words={words(save.error)} />}
				<Group justify="flex-end" gap="xs">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" variant="filled" loading={save.isPending}>
						{t(user === undefined ? "users.create" : "users.save")}
					</Button>
				</Group>
			</form>
		</Modal>
	);
}
