import { queryOptions } from "@tanstack/react-query";
import { answer, client, idempotencyKey, ifMatch } from "../client.ts";
import { keys } from "../keys.ts";
import type { StorageInput, Vault, VaultCreate } from "../types.ts";
import { finished } from "./commands.ts";
import { allPages } from "./pages.ts";

export const vaultsQuery = queryOptions({
	queryKey: keys.vaults(),
	queryFn: ({ signal }) =>
		allPages((cursor) =>
			answer(client.GET("/api/v1/vaults", { signal, params: { query: { limit: 200, ...cursor } } })),
		),
});

export const vaultQuery = (id: string) =>
	queryOptions({
		queryKey: keys.vault(id),
		queryFn: ({ signal }) => answer(client.GET("/api/v1/vaults/{id}", { signal, params: { path: { id } } })),
	});

/** How full a vault was, day by day. */
export const vaultUsageQuery = (id: string) =>
	queryOptions({
		queryKey: keys.vaultUsage(id),
		queryFn: ({ signal }) => answer(client.GET("/api/v1/vaults/{id}/usage", { signal, params: { path: { id } } })),
	});

/** Says how much a vault may hold; 0: not known. */
export const setCapacity = (vault: Vault, bytes: number) =>
	answer(
		client.PATCH("/api/v1/vaults/{id}", {
			params: { path: { id: vault.id }, header: ifMatch(vault.version) },
			body: { quota_bytes: bytes },
		}),
	);

export const createVault = (body: VaultCreate) =>
	answer(client.POST("/api/v1/vaults", { headers: { "Idempotency-Key": idempotencyKey() }, body }));

export const deleteVault = (vault: Vault) =>
	answer(client.DELETE("/api/v1/vaults/{id}", { params: { path: { id: vault.id }, header: ifMatch(vault.version) } }));

export const testStorage = async (storage: StorageInput) =>
	finished(await answer(client.POST("/api/v1/storage-tests", { body: { storage } })));

export const testVault = async (id: string) =>
	finished(await answer(client.POST("/api/v1/vaults/{id}/test", { params: { path: { id } }, body: {} })));

export const createRepository = async (id: string) =>
	finished(await answer(client.POST("/api/v1/vaults/{id}/create-repository", { params: { path: { id } }, body: {} })));

/** Has everything done that keeps a vault in order. */
export const maintainVault = async (id: string) =>
	finished(
		await answer(client.POST("/api/v1/vaults/{id}/maintenance", { params: { path: { id } }, body: { mode: "full" } })),
	);

/** Begins a full maintenance and waits for nothing. */
export const startMaintenance = (id: string) =>
	answer(
		client.POST("/api/v1/vaults/{id}/maintenance", {
			params: { path: { id } },
			body: { mode: "full", wait_seconds: 0 },
		}),
	);

export const showKit = (id: string, password: string, includeStorageKeys: boolean) =>
	answer(
		client.POST("/api/v1/vaults/{id}/kit", {
			params: { path: { id } },
			body: { password, include_storage_keys: includeStorageKeys },
		}),
	);
