//! `repo connect`: a configuration with which a stock client opens the repository (format 1 §10.1).

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, bail};
use holdfast_host::Cancel;
use holdfast_storage::{S3Credentials, S3Location, StoreLocation};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::source::absolute;
use crate::arguments::ConnectArguments;
use crate::console::Console;
use crate::outcome::Outcome;
use crate::repository::{self, Access};

/// The owner alone may read it: it holds the keys of the store.
const MODE: u32 = 0o600;

pub(super) fn run(arguments: &ConnectArguments, console: &Console) -> Result<Outcome> {
    let location = repository::location(&arguments.repository)?;
    // Opening first keeps a wrong password or place from being written down.
    repository::open(&arguments.repository, Access::read(&Cancel::new()))?;
    let storage = storage(&location, repository::credentials().as_ref())?;
    let path = &arguments.config_file;
    check_replaceable(path, &storage)?;
    let own = |given: &Option<String>, own: fn() -> String| given.clone().unwrap_or_else(own);
    let configuration = json!({
        "storage": storage,
        "caching": {},
        "hostname": own(&arguments.hostname, holdfast_host::host_name),
        "username": own(&arguments.username, holdfast_host::user_name),
        "description": format!("Repository in {location}"),
        "enableActions": false,
        "formatBlobCacheDuration": 900_000_000_000_u64,
    });
    let text = serde_json::to_string_pretty(&configuration)
        .context("write the configuration as JSON")?
        + "\n";
    holdfast_host::fs::atomic_write(path, text.as_bytes(), MODE)
        .with_context(|| format!("write {}", path.display()))?;
    console.result(&json!({"config_file": path}), || {
        format!(
            "A stock client opens the repository with\n  kopia --config-file={} snapshot list --all\n\
             It asks for the password, or takes it from KOPIA_PASSWORD.",
            path.display()
        )
    })?;
    Ok(Outcome::Done)
}

/// The part that says where the repository is.
pub(super) fn storage(
    location: &StoreLocation,
    credentials: Option<&S3Credentials>,
) -> Result<Value> {
    Ok(match location {
        StoreLocation::Local(path) => {
            json!({"type": "filesystem", "config": {"path": absolute(path)?}})
        }
        StoreLocation::S3(location) => {
            json!({"type": "s3", "config": bucket(location, credentials)})
        }
    })
}

fn bucket(location: &S3Location, credentials: Option<&S3Credentials>) -> Map<String, Value> {
    let mut config = Map::new();
    let mut set = |name: &str, value: &str| {
        if !value.is_empty() {
            config.insert(name.to_owned(), value.into());
        }
    };
    set("bucket", &location.bucket);
    set("prefix", &location.prefix);
    set("region", &location.region);
    match &location.endpoint {
        Some(endpoint) => set("endpoint", &endpoint.host),
        None => set("endpoint", &format!("s3.{}.amazonaws.com", location.region)),
    }
    if let Some(keys) = credentials {
        set("accessKeyID", &keys.access_key_id);
        set("secretAccessKey", keys.secret_access_key.expose_secret());
        set(
            "sessionToken",
            keys.session_token
                .as_ref()
                .map_or("", |token| token.expose_secret()),
        );
    }
    if location
        .endpoint
        .as_ref()
        .is_some_and(|endpoint| !endpoint.tls)
    {
        config.insert("doNotUseTLS".to_owned(), true.into());
    }
    config
}

/// Only a file that is missing, or a configuration of the same place, may be written.
fn check_replaceable(path: &Path, storage: &Value) -> Result<()> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    let existing: Value = serde_json::from_str(&text).unwrap_or_default();
    if !same_place(&existing["storage"], storage) {
        bail!(
            "{} exists and is not a configuration of this repository; name another file, or move it away first",
            path.display()
        );
    }
    Ok(())
}

fn same_place(one: &Value, other: &Value) -> bool {
    let part = |storage: &Value, name: &str| {
        storage["config"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    one["type"] == other["type"]
        && ["path", "bucket", "prefix", "endpoint"]
            .iter()
            .all(|name| part(one, name) == part(other, name))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_bucket_as_a_stock_client_wants_it() -> Result<()> {
        let location =
            StoreLocation::parse("s3://vault/host-1?endpoint=http://127.0.0.1:9000&region=local")?;
        let keys = S3Credentials {
            access_key_id: "id".to_owned(),
            secret_access_key: SecretString::from("key"),
            session_token: None,
        };
        assert_eq!(
            storage(&location, Some(&keys))?,
            json!({"type": "s3", "config": {
                "bucket": "vault",
                "prefix": "host-1/",
                "region": "local",
                "endpoint": "127.0.0.1:9000",
                "accessKeyID": "id",
                "secretAccessKey": "key",
                "doNotUseTLS": true,
            }})
        );
        let location = StoreLocation::parse("s3://vault?region=eu-central-1")?;
        assert_eq!(
            storage(&location, None)?["config"]["endpoint"],
            "s3.eu-central-1.amazonaws.com"
        );
        Ok(())
    }

    #[test]
    fn only_a_configuration_of_the_same_place_is_replaced() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("kopia.config");
        let here = storage(&StoreLocation::parse("/vault")?, None)?;
        let elsewhere = storage(&StoreLocation::parse("/other")?, None)?;
        check_replaceable(&file, &here)?;
        fs::write(&file, json!({"storage": here}).to_string())?;
        check_replaceable(&file, &here)?;
        assert!(check_replaceable(&file, &elsewhere).is_err());
        fs::write(&file, "no configuration at all")?;
        assert!(check_replaceable(&file, &here).is_err());
        Ok(())
    }
}
