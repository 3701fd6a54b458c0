import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { meQuery } from "../api/queries/session.ts";
import { deleteUser, usersQuery } from "../api/queries/users.ts";
import type { User } from "../api/types.ts";
import { roles } from "../forms/user.ts";
import { useFormat } from "../hooks/use-format.ts";
import { useWording } from "../hooks/use-wording.ts";
import { ActionButton } from "../modules/ActionButton.tsx";
import { Page, Section } from "../modules/Page.tsx";
import { QueryView } from "../modules/QueryView.tsx";
import { ConfirmDialog } from "../ui/ConfirmDialog.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Icon } from "../ui/Icon.tsx";
import { KeyValues } from "../ui/KeyValues.tsx";
import { Cell, Table } from "../ui/Table.tsx";
import { Tag } from "../ui/Tag.tsx";
import css from "./users.module.css";

const UserDialog = lazy(() => import("../modules/UserDialog.tsx"));

/** Who may sign in, and what each of them may do. */
export default function Users() {
	const { t } = useTranslation();
	const query = useQuery(usersQuery);
	const [edited, setEdited] = useState<User | "new">();
	const [deleted, setDeleted] = useState<User>();
	return (
		<Page
			title={t("users.title")}
			name={t("users.title")}
			actions={
				<Button variant="filled" leftSection={<Icon name="plus" />} onClick={() => setEdited("new")}>
					{t("users.new")}
				</Button>
			}
		>
			<QueryView query={query}>
				{(page) => <List users={page.items} onEdit={setEdited} onDelete={setDeleted} />}
			</QueryView>
			<Section title={t("users.roles")}>
				<KeyValues rows={roles.map((role) => [t(`users.role.${role}`), t(`users.roleText.${role}`)] as const)} />
			</Section>
			{edited === undefined ? null : (
				<Suspense fallback={null}>
					<UserDialog {...(edited === "new" ? {} : { user: edited })} onClose={() => setEdited(undefined)} />
				</Suspense>
			)}
			{deleted === undefined ? null : <Delete user={deleted} onClose={() => setDeleted(undefined)} />}
		</Page>
	);
}

function List({
	users,
	onEdit,
	onDelete,
}: {
	users: readonly User[];
	onEdit: (user: User) => void;
	onDelete: (user: User) => void;
}) {
	const { t } = useTranslation();
	const format = useFormat();
	const own = useQuery(meQuery).data?.id;
	return (
		<div className={css["list"]}>
			<Table
				label={t("users.title")}
				head={[
					{ name: t("common.name"), wide: true },
					{ name: t("users.may") },
					{ name: t("users.lastSignIn"), hideBelow: "phone" },
					{ name: t("users.actions"), silent: true, align: "right" },
				]}
			>
				{users.map((user) => (
					<tr key={user.id}>
						<Cell strong second={<bdi>{user.email}</bdi>}>
							<bdi>{user.name}</bdi> {user.id === own ? <Tag>{t("users.you")}</Tag> : null}
							{user.disabled ? <Tag missing>{t("users.disabled")}</Tag> : null}
						</Cell>
						<Cell>{t(`users.role.${user.role}`)}</Cell>
						<Cell hideBelow="phone">
							{user.last_sign_in_at ? format.moment(user.last_sign_in_at) : t("common.never")}
						</Cell>
						<Cell align="right">
							<span className={css["buttons"]}>
								<ActionButton
									actions={user.actions}
									name="update"
									aria-label={t("users.editNamed", { name: user.name })}
									onClick={() => onEdit(user)}
								>
									{t("users.edit")}
								</ActionButton>
								{user.id === own ? null : (
									<ActionButton
										actions={user.actions}
										name="delete"
										variant="subtle"
										aria-label={t("users.deleteNamed", { name: user.name })}
										onClick={() => onDelete(user)}
									>
										{t("common.delete")}
									</ActionButton>
								)}
							</span>
						</Cell>
					</tr>
				))}
			</Table>
		</div>
	);
}

function Delete({ user, onClose }: { user: User; onClose: () => void }) {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const remove = useMutation({
		mutationFn: () => deleteUser(user),
		onSuccess: async () => {
			await queries.invalidateQueries({ queryKey: keys.users() });
			onClose();
		},
	});
	return (
		<ConfirmDialog
			opened
			onClose={onClose}
			title={t("users.deleteTitle", { name: user.name })}
			points={[
				{ icon: "cancelled", text: t("users.deletePoint1") },
				{ icon: "success", text: t("users.deletePoint2") },
			]}
			keep={t("users.deleteKeep")}
			confirm={t("users.deleteConfirm")}
			onConfirm={() => remove.mutate()}
			busy={remove.isPending}
			error={remove.error === null ? null : <ErrorText words={words(remove.error)} />}
		/>
	);
}
