import type { StorageInput } from "../api/types.ts";

/** What somebody types to make a vault. */
export interface VaultForm {
	name: string;
	kind: StorageInput["kind"];
	endpoint: string;
	region: string;
	bucket: string;
	prefix: string;
	accessKey: string;
	secretKey: string;
	agent: string;
	path: string;
	ownPassword: boolean;
	password: string;
}

export const emptyVault: VaultForm = {
	name: "",
	kind: "s3",
	endpoint: "",
	region: "",
	bucket: "",
	prefix: "",
	accessKey: "",
	secretKey: "",
	agent: "",
	path: "",
	ownPassword: false,
	password: "",
};

/** The place as the API takes it; texts stay as typed apart from blanks at their ends. */
export function vaultStorage(form: VaultForm): StorageInput {
	if (form.kind === "directory") {
		return { kind: "directory", agent_id: form.agent, path: form.path.trim() };
	}
	return {
		kind: "s3",
		endpoint: form.endpoint.trim(),
		region: form.region.trim(),
		bucket: form.bucket.trim(),
		prefix: form.prefix.trim().replace(/^\/+|\/+$/g, ""),
		access_key_id: form.accessKey.trim(),
		secret_access_key: form.secretKey.trim(),
	};
}
