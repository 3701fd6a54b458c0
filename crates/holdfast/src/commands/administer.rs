//! `repo change-password` and `repo set-parameters`.

use anyhow::Result;
use holdfast_host::{Cancel, SystemClock};
use holdfast_repository::Repository;
use holdfast_repository::format::{EpochChanges, ParameterChanges, RetentionChange};
use serde_json::json;

use super::repo;
use crate::arguments::{ChangePasswordArguments, ObjectLockMode, SetParametersArguments};
use crate::console::Console;
use crate::failure::UsageError;
use crate::outcome::Outcome;
use crate::password::{self, Purpose};
use crate::repository::{self, Access};

pub(super) fn change_password(
    arguments: &ChangePasswordArguments,
    console: &Console,
) -> Result<Outcome> {
    let given = &arguments.repository;
    let location = repository::location(given)?;
    let store = repository::store(given, Access::write(&Cancel::new()))?;
    let old = password::obtain(given.password_file.as_deref(), Purpose::Open)?;
    let new = password::obtain(arguments.new_password_file.as_deref(), Purpose::Change)?;
    Repository::change_password(store.as_ref(), &old, &new, &SystemClock::new())?;
    let document = json!({"storage": location.to_string(), "changed": true});
    console.result(&document, || {
        format!(
            "The password of {location} was changed. Clients that are at work, and agents that know the old one, have to \
             be given the new one."
        )
    })?;
    Ok(Outcome::Done)
}

pub(super) fn set_parameters(
    arguments: &SetParametersArguments,
    console: &Console,
) -> Result<Outcome> {
    let changes = changes(arguments);
    if changes == ParameterChanges::default() {
        return Err(UsageError::new("no parameter was given")
            .hint("See `holdfast repo set-parameters --help`.")
            .into());
    }
    let location = repository::location(&arguments.repository)?;
    let repo = repository::open(&arguments.repository, Access::write(&Cancel::new()))?;
    repo.set_parameters(&changes)?;
    repo::print(&repo, &location, console)
}

fn changes(arguments: &SetParametersArguments) -> ParameterChanges {
    let mode = arguments.object_lock.object_lock_mode;
    let retention = match (mode, arguments.object_lock.object_lock_period) {
        (None, None) => None,
        (Some(ObjectLockMode::None), _) => Some(RetentionChange::Off),
        (_, period) => Some(RetentionChange::On {
            mode: mode.and_then(ObjectLockMode::retention),
            period,
        }),
    };
    ParameterChanges {
        max_pack_size: arguments
            .max_pack_size_mb
            .map(|size| size.saturating_mul(1 << 20)),
        index_version: arguments.index_version,
        retention,
        epochs: EpochChanges {
            refresh_frequency: arguments.epoch_refresh_frequency,
            min_duration: arguments.epoch_min_duration,
            cleanup_safety_margin: arguments.epoch_cleanup_safety_margin,
            advance_on_count: arguments.epoch_advance_on_count,
            advance_on_size: arguments
                .epoch_advance_on_size_mb
                .map(|size| u64::from(size) << 20),
            checkpoint_frequency: arguments.epoch_checkpoint_frequency,
            delete_parallelism: arguments.epoch_delete_parallelism,
        },
    }
}
