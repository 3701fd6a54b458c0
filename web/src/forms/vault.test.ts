import { expect, it } from "vitest";
import { emptyVault, vaultStorage } from "./vault.ts";

it("sends a folder of a machine", () => {
	expect(vaultStorage({ ...emptyVault, kind: "directory", agent: "a", path: " /srv/vault " })).toEqual({
		kind: "directory",
		agent_id: "a",
		path: "/srv/vault",
	});
});

it("sends a bucket with a prefix that has no slash at its ends", () => {
	expect(vaultStorage({ ...emptyVault, bucket: " b ", prefix: "/harbour/", secretKey: "s " })).toMatchObject({
		kind: "s3",
		bucket: "b",
		prefix: "harbour",
		secret_access_key: "s",
	});
});
