//! A vault with its secrets, as an agent needs it. Made when work is handed out and never stored.

use holdfast_protocol::agent::{DestinationType, EncryptionMode, VaultContext, VaultState};

use crate::{app::App, db::VaultRow, problem::ApiResult, sealing::Place};

/// Where a vault's secret storage key lies.
pub(crate) fn secret_key_place(vault: uuid::Uuid) -> Place<'static> {
    Place::new("vaults", "sealed_secret_key", vault)
}

/// Where a vault's repository password lies.
pub(crate) fn password_place(vault: uuid::Uuid) -> Place<'static> {
    Place::new("vaults", "sealed_repository_password", vault)
}

/// The state of a word in the database.
pub(crate) fn wire_state(word: &str) -> VaultState {
    match word {
        "new" => VaultState::New,
        "creating" => VaultState::Creating,
        _ => VaultState::Ready,
    }
}

/// The literal prefix of keys in the bucket: what the vault names, with `/` appended unless it is empty.
pub(crate) fn literal_prefix(prefix: &str) -> String {
    if prefix.is_empty() {
        String::new()
    } else {
        format!("{prefix}/")
    }
}

/// The vault with its secrets.
pub(crate) fn of_vault(app: &App, vault: &VaultRow) -> ApiResult<VaultContext> {
    let secret_key = vault
        .sealed_secret_key
        .as_ref()
        .map(|sealed| app.sealer.open_secret(secret_key_place(vault.uuid), sealed))
        .transpose()?;
    let password = app.sealer.open_secret(
        password_place(vault.uuid),
        &vault.sealed_repository_password,
    )?;
    let s3 = vault.kind == "s3";
    Ok(VaultContext {
        vault_id: vault.uuid,
        vault_name: vault.name.clone(),
        vault_state: wire_state(&vault.state),
        dest_type: if s3 {
            DestinationType::S3
        } else {
            DestinationType::Local
        },
        dest_bucket: vault.bucket.clone(),
        dest_prefix: literal_prefix(&vault.prefix),
        dest_local_path: vault.path.clone(),
        endpoint: vault.endpoint.clone(),
        region: vault.region.clone(),
        access_key: s3.then(|| holdfast_protocol::Secret::new(vault.access_key_id.clone())),
        secret_key,
        encryption_mode: EncryptionMode::Managed,
        repository_password: Some(password),
    })
}
