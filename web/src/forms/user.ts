import type { Role, User, UserCreate, UserPatch } from "../api/types.ts";

export const roles = ["viewer", "operator", "admin"] as const satisfies readonly Role[];

/** Shortest password that the server takes. */
export const shortestPassword = 10;

/** What somebody types about a person. */
export interface UserForm {
	email: string;
	name: string;
	role: Role;
	password: string;
	disabled: boolean;
}

export const userForm = (user?: User): UserForm => ({
	email: user?.email ?? "",
	name: user?.name ?? "",
	role: user?.role ?? "viewer",
	password: "",
	disabled: user?.disabled ?? false,
});

export function userCreate(form: UserForm): UserCreate {
	const name = form.name.trim();
	return {
		email: form.email.trim(),
		role: form.role,
		password: form.password,
		...(name === "" ? {} : { name }),
	};
}

/** What changed; an empty password stays as it is. */
export function userPatch(user: User, form: UserForm): UserPatch {
	const name = form.name.trim();
	return {
		...(name === user.name ? {} : { name }),
		...(form.role === user.role ? {} : { role: form.role }),
		...(form.disabled === user.disabled ? {} : { disabled: form.disabled }),
		...(form.password === "" ? {} : { password: form.password }),
	};
}
