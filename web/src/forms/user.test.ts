import { expect, it } from "vitest";
import type { User } from "../api/types.ts";
import { userCreate, userForm, userPatch } from "./user.ts";

const user: User = {
	id: "u",
	email: "a@b.example",
	name: "Ada",
	role: "operator",
	disabled: false,
	created_at: "2026-01-01T00:00:00Z",
	version: 4,
	actions: [],
};

it("sends what changed about a person, and a password only when one is typed", () => {
	const form = userForm(user);
	expect(userPatch(user, form)).toEqual({});
	expect(userPatch(user, { ...form, role: "admin", name: " Ada L. ", disabled: true })).toEqual({
		role: "admin",
		name: "Ada L.",
		disabled: true,
	});
	expect(userPatch(user, { ...form, password: "a new password" })).toEqual({ password: "a new password" });
});

it("leaves the name to the server when none is typed", () => {
	const form = { ...userForm(), email: " a@b.example ", password: "long enough" };
	expect(userCreate(form)).toEqual({ email: "a@b.example", role: "viewer", password: "long enough" });
	expect(userCreate({ ...form, name: "Ada" })).toMatchObject({ name: "Ada" });
});
