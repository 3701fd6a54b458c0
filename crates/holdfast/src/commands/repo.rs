//! `repo create`, `repo status` and `repo check`.

use std::fmt::Write;

use anyhow::Result;
use holdfast_host::Cancel;
use holdfast_repository::check::{CheckOptions, CheckReport, check as check_repository};
use holdfast_repository::format::{BlobConfiguration, EpochParameters, RetentionSetting};
use holdfast_repository::{CreateOptions, OpenOptions, Repository};
use holdfast_storage::StoreLocation;
use indicatif::BinaryBytes;
use serde::Serialize;
use serde_json::Value;

use super::connect;
use crate::arguments::{
    CheckArguments, CreateArguments, ObjectLockArguments, ObjectLockMode, RepositoryArguments,
};
use crate::console::Console;
use crate::failure::UsageError;
use crate::interrupt;
use crate::outcome::Outcome;
use crate::password::{self, Purpose};
use crate::repository::{self, Access};

pub(super) fn create(arguments: &CreateArguments, console: &Console) -> Result<Outcome> {
    let parameters = CreateOptions {
        hash: arguments.hash,
        encryption: arguments.encryption,
        splitter: arguments.splitter.clone(),
        ecc_overhead_percent: arguments.ecc_overhead_percent.unwrap_or_default(),
        format_version: arguments.format_version,
        blobs: BlobConfiguration {
            retention: object_lock(&arguments.object_lock)?,
        },
        ..CreateOptions::default()
    };
    let arguments = &arguments.repository;
    let location = repository::location(arguments)?;
    let password = password::obtain(arguments.password_file.as_deref(), Purpose::Create)?;
    let store = repository::store(arguments, Access::create(&Cancel::new()))?;
    let repo = Repository::create(store, &password, &parameters, &OpenOptions::default())?;
    print(&repo, &location, console)
}

/// The object lock of what is stored.
pub(super) fn object_lock(arguments: &ObjectLockArguments) -> Result<Option<RetentionSetting>> {
    let mode = arguments
        .object_lock_mode
        .and_then(ObjectLockMode::retention);
    match (mode, arguments.object_lock_period) {
        (None, None) => Ok(None),
        (Some(mode), Some(period)) => Ok(Some(RetentionSetting { mode, period })),
        _ => Err(
            UsageError::new("an object lock has both a mode and a period")
                .hint("For instance --object-lock-mode compliance --object-lock-period 30d.")
                .into(),
        ),
    }
}

pub(super) fn status(arguments: &RepositoryArguments, console: &Console) -> Result<Outcome> {
    let location = repository::location(arguments)?;
    let repo = repository::open(arguments, Access::read(&Cancel::new()))?;
    print(&repo, &location, console)
}

pub(super) fn check(arguments: &CheckArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let repo = repository::open(&arguments.repository, Access::read(&cancel))?;
    let options = CheckOptions {
        strict: arguments.strict,
        read_data: arguments.read_data,
        cancel,
        progress: None,
    };
    let report = check_repository(&repo, &options)?;
    console.result(&report, || check_text(&report))?;
    Ok(if report.is_clean() {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}

fn check_text(report: &CheckReport) -> String {
    let counts = &report.counts;
    let mut text = format!(
        "checked {} blobs, {} packs, {} contents, {} snapshots with {} folders and {} files\n",
        counts.blobs,
        counts.packs,
        counts.contents,
        counts.snapshots,
        counts.directories,
        counts.files
    );
    for problem in &report.problems {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "wrong: {problem}");
    }
    text
}

pub(super) fn print(
    repo: &Repository,
    location: &StoreLocation,
    console: &Console,
) -> Result<Outcome> {
    let status = Status::of(repo, location)?;
    console.result(&status, || status.text(location))?;
    Ok(Outcome::Done)
}

/// What a repository is, with the names that a stock client prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(rename = "uniqueIDHex")]
    unique_id: String,
    storage: Value,
    content_format: ContentFormat,
    object_format: ObjectFormat,
    blob_retention: BlobRetention,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContentFormat {
    hash: String,
    encryption: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    ecc: String,
    #[serde(skip_serializing_if = "is_zero")]
    ecc_overhead_percent: u32,
    version: u32,
    max_pack_size: u64,
    index_version: u32,
    epoch_parameters: EpochParameters,
}

/// The object lock of new data; empty without one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlobRetention {
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_mode: Option<&'static str>,
    /// Nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_period: Option<u64>,
}

impl BlobRetention {
    fn of(repo: &Repository) -> Self {
        let setting = repo.blob_configuration().retention;
        Self {
            retention_mode: setting.map(|setting| setting.mode.name()),
            retention_period: setting
                .map(|setting| u64::try_from(setting.period.as_nanos()).unwrap_or(u64::MAX)),
        }
    }

    fn text(&self) -> String {
        const HOUR: u64 = 3_600_000_000_000;
        match (self.retention_mode, self.retention_period) {
            (Some(mode), Some(period)) => format!("{mode} for {} hours", period / HOUR),
            _ => "none".to_owned(),
        }
    }
}

#[derive(Serialize)]
struct ObjectFormat {
    splitter: String,
}

impl Status {
    fn of(repo: &Repository, location: &StoreLocation) -> Result<Self> {
        let format = repo.format();
        Ok(Self {
            unique_id: hex(repo.unique_id()),
            storage: connect::storage(location, None)?,
            content_format: ContentFormat {
                hash: format.hash.clone(),
                encryption: format.encryption.clone(),
                ecc: format.ecc.clone(),
                ecc_overhead_percent: format.ecc_overhead_percent,
                version: format.version,
                max_pack_size: format.max_pack_size(),
                index_version: format.index_version(),
                epoch_parameters: format.epoch_parameters,
            },
            object_format: ObjectFormat {
                splitter: format.splitter.clone(),
            },
            blob_retention: BlobRetention::of(repo),
        })
    }

    fn text(&self, location: &StoreLocation) -> String {
        let format = &self.content_format;
        let correction = if format.ecc_overhead_percent > 0 {
            format!(
                "  correction  {} with {} %\n",
                format.ecc, format.ecc_overhead_percent
            )
        } else {
            String::new()
        };
        format!(
            "repository {location}\n  id          {}\n  format      {} (index {})\n  hash        {}\n  encryption  {}\n\
             {correction}  splitter    {}\n  packs       {}\n  object lock {}\n",
            self.unique_id,
            format.version,
            format.index_version,
            format.hash,
            format.encryption,
            self.object_format.splitter,
            BinaryBytes(format.max_pack_size),
            self.blob_retention.text(),
        )
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde wants"
)]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
