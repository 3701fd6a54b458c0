//! From options to a changed policy.

use std::fs;

use anyhow::{Context, Result};
use holdfast_planning::schedule;
use holdfast_repository::policy::{
    Action, Actions, Compression, ErrorHandling, Files, Logging, Policy, Retention, Scheduling,
    TimeOfDay, Upload,
};

use crate::arguments::{ActionMode, SetPolicyArguments, Setting};
use crate::failure::UsageError;

/// The policy with what the options change.
pub(super) fn apply(arguments: &SetPolicyArguments, present: &Policy) -> Result<Policy> {
    let mut policy = present.clone();
    let mut changes = Changes(0);
    if let Some(inherit) = arguments.inherit {
        changes.0 += 1;
        policy.no_parent = !inherit;
    }
    retention(&mut changes, &mut policy.retention, arguments);
    files(&mut changes, &mut policy.files, arguments);
    errors(&mut changes, &mut policy.error_handling, arguments);
    compression(&mut changes, &mut policy.compression, arguments);
    let options = &arguments.compression;
    let metadata = &mut policy.metadata_compression.compressor_name;
    changes.text(metadata, &options.metadata_compression);
    changes.text(&mut policy.splitter.algorithm, &options.splitter);
    scheduling(&mut changes, &mut policy.scheduling, arguments)?;
    actions(&mut changes, &mut policy.actions, arguments)?;
    upload(&mut changes, &mut policy.upload, arguments)?;
    let shadow = arguments.upload.enable_volume_shadow_copy;
    let shadow = shadow.map(|setting| setting.value().map(|mode| mode.0));
    changes.optional(&mut policy.os_snapshots.volume_shadow_copy.enable, shadow);
    logging(&mut changes, &mut policy.logging, arguments);
    if changes.0 == 0 {
        return Err(UsageError::new("nothing to change was given")
            .hint("`holdfast policy set --help` lists what can be set.")
            .into());
    }
    Ok(policy)
}

/// Counts what the options change.
struct Changes(usize);

impl Changes {
    fn optional<T>(&mut self, field: &mut Option<T>, setting: Option<Option<T>>) {
        if let Some(value) = setting {
            self.0 += 1;
            *field = value;
        }
    }

    fn set<T: Copy>(&mut self, field: &mut Option<T>, setting: Option<Setting<T>>) {
        self.optional(field, setting.map(Setting::value));
    }

    /// A number that is not set when it is 0.
    fn number(&mut self, field: &mut i64, setting: Option<Setting<i64>>) {
        if let Some(setting) = setting {
            self.0 += 1;
            *field = setting.value().unwrap_or(0);
        }
    }

    fn text(&mut self, field: &mut String, setting: &Option<Setting<String>>) {
        if let Some(setting) = setting {
            self.0 += 1;
            *field = setting.clone().value().unwrap_or_default();
        }
    }

    fn list(&mut self, field: &mut Vec<String>, clear: bool, add: &[String], remove: &[String]) {
        self.0 += usize::from(clear) + add.len() + remove.len();
        if clear {
            field.clear();
        }
        for value in add {
            if !field.contains(value) {
                field.push(value.clone());
            }
        }
        field.retain(|value| !remove.contains(value));
    }
}

fn retention(changes: &mut Changes, policy: &mut Retention, arguments: &SetPolicyArguments) {
    let options = &arguments.retention;
    changes.set(&mut policy.keep_latest, options.keep_latest);
    changes.set(&mut policy.keep_hourly, options.keep_hourly);
    changes.set(&mut policy.keep_daily, options.keep_daily);
    changes.set(&mut policy.keep_weekly, options.keep_weekly);
    changes.set(&mut policy.keep_monthly, options.keep_monthly);
    changes.set(&mut policy.keep_annual, options.keep_annual);
    let identical = &mut policy.ignore_identical_snapshots;
    changes.set(identical, options.ignore_identical_snapshots);
}

fn files(changes: &mut Changes, policy: &mut Files, arguments: &SetPolicyArguments) {
    let options = &arguments.files;
    changes.list(
        &mut policy.ignore,
        options.clear_ignore,
        &options.add_ignore,
        &options.remove_ignore,
    );
    changes.list(
        &mut policy.ignore_dot_files,
        options.clear_dot_ignore,
        &options.add_dot_ignore,
        &options.remove_dot_ignore,
    );
    changes.number(&mut policy.max_file_size, options.max_file_size);
    changes.set(&mut policy.one_file_system, options.one_file_system);
    changes.set(&mut policy.ignore_cache_dirs, options.ignore_cache_dirs);
}

fn errors(changes: &mut Changes, policy: &mut ErrorHandling, arguments: &SetPolicyArguments) {
    let options = &arguments.errors;
    changes.set(&mut policy.ignore_file_errors, options.ignore_file_errors);
    changes.set(
        &mut policy.ignore_directory_errors,
        options.ignore_dir_errors,
    );
    changes.set(
        &mut policy.ignore_unknown_types,
        options.ignore_unknown_types,
    );
}

fn compression(changes: &mut Changes, policy: &mut Compression, arguments: &SetPolicyArguments) {
    let options = &arguments.compression;
    changes.text(&mut policy.compressor_name, &options.compression);
    changes.number(&mut policy.min_size, options.compression_min_size);
    changes.number(&mut policy.max_size, options.compression_max_size);
    changes.list(
        &mut policy.only_compress,
        options.clear_only_compress,
        &options.add_only_compress,
        &options.remove_only_compress,
    );
    changes.list(
        &mut policy.never_compress,
        options.clear_never_compress,
        &options.add_never_compress,
        &options.remove_never_compress,
    );
    // Readers search these lists as sorted ones.
    policy.only_compress.sort();
    policy.never_compress.sort();
}

fn scheduling(
    changes: &mut Changes,
    policy: &mut Scheduling,
    arguments: &SetPolicyArguments,
) -> Result<()> {
    let options = &arguments.scheduling;
    if options.manual {
        changes.0 += 1;
        *policy = Scheduling {
            manual: true,
            ..Scheduling::default()
        };
        return Ok(());
    }
    let before = changes.0;
    if let Some(interval) = options.snapshot_interval {
        changes.0 += 1;
        policy.interval_seconds = interval.value().map_or(0, |interval| interval.as_secs());
    }
    if let Some(times) = &options.snapshot_time {
        changes.0 += 1;
        policy.time_of_day = times_of_day(times)?;
    }
    if let Some(expressions) = &options.snapshot_time_crontab {
        changes.0 += 1;
        policy.cron = match expressions.as_str() {
            "inherit" | "default" => Vec::new(),
            text => text
                .split(';')
                .map(|entry| entry.trim().to_owned())
                .filter(|entry| !entry.is_empty())
                .collect(),
        };
    }
    changes.set(&mut policy.run_missed, options.run_missed);
    if changes.0 > before {
        policy.manual = false;
    }
    Ok(())
}

fn times_of_day(text: &str) -> Result<Vec<TimeOfDay>> {
    if matches!(text, "inherit" | "default") {
        return Ok(Vec::new());
    }
    let mut times = Vec::new();
    for time in text.split(',') {
        let time: schedule::TimeOfDay = time
            .parse()
            .map_err(|error| UsageError::new(format!("scheduling.timeOfDay: {error}")))?;
        times.push(TimeOfDay {
            hour: time.hour,
            minute: time.minute,
        });
    }
    times.sort();
    times.dedup();
    Ok(times)
}

fn actions(
    changes: &mut Changes,
    policy: &mut Actions,
    arguments: &SetPolicyArguments,
) -> Result<()> {
    let options = &arguments.actions;
    let limit = options.action_command_timeout.as_secs();
    let mode = options.action_command_mode;
    let persist = options.persist_action_script;
    for (field, command) in [
        (&mut policy.before_folder, &options.before_folder_action),
        (&mut policy.after_folder, &options.after_folder_action),
        (
            &mut policy.before_snapshot_root,
            &options.before_snapshot_root_action,
        ),
        (
            &mut policy.after_snapshot_root,
            &options.after_snapshot_root_action,
        ),
    ] {
        if let Some(command) = command {
            changes.0 += 1;
            *field = action(command, limit, mode, persist)?;
        }
    }
    Ok(())
}

fn action(command: &str, limit: i64, mode: ActionMode, persist: bool) -> Result<Option<Action>> {
    if matches!(command, "" | "none" | "inherit") {
        return Ok(None);
    }
    let mut action = Action {
        timeout: limit,
        mode: mode.as_str().to_owned(),
        ..Action::default()
    };
    if persist {
        action.script =
            fs::read_to_string(command).with_context(|| format!("read the script {command}"))?;
        return Ok(Some(action));
    }
    let mut words = words(command)?.into_iter();
    action.path = words.next().unwrap_or_default();
    action.args = words.collect();
    Ok(Some(action))
}

/// Words between spaces; one in double quotes may hold spaces, and a quote in it is written twice.
fn words(command: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut characters = command.chars().peekable();
    while let Some(first) = characters.next_if(|_| true) {
        let mut word = String::new();
        if first == '"' {
            loop {
                match characters.next() {
                    Some('"') if characters.next_if_eq(&'"').is_some() => word.push('"'),
                    Some('"') => break,
                    Some(other) => word.push(other),
                    None => {
                        return Err(
                            UsageError::new(format!("{command:?} lacks a closing quote")).into(),
                        );
                    }
                }
            }
        } else if first != ' ' {
            word.push(first);
            while let Some(other) = characters.next_if(|other| *other != ' ') {
                word.push(other);
            }
        } else {
            continue;
        }
        words.push(word);
    }
    Ok(words)
}

fn upload(
    changes: &mut Changes,
    policy: &mut Upload,
    arguments: &SetPolicyArguments,
) -> Result<()> {
    let options = &arguments.upload;
    changes.set(
        &mut policy.max_parallel_snapshots,
        options.max_parallel_snapshots,
    );
    changes.set(
        &mut policy.max_parallel_file_reads,
        options.max_parallel_file_reads,
    );
    if let Some(setting) = options.parallel_upload_above_size_mib {
        let bytes = match setting.value() {
            Some(size) => Some(size.checked_mul(1 << 20).ok_or_else(|| {
                UsageError::new(format!(
                    "upload.parallelUploadAboveSize: {size} MiB are too much"
                ))
            })?),
            None => None,
        };
        changes.optional(&mut policy.parallel_upload_above_size, Some(bytes));
    }
    Ok(())
}

fn logging(changes: &mut Changes, policy: &mut Logging, arguments: &SetPolicyArguments) {
    let options = &arguments.logging;
    let (directories, entries) = (&mut policy.directories, &mut policy.entries);
    changes.set(&mut directories.snapshotted, options.log_dir_snapshotted);
    changes.set(&mut directories.ignored, options.log_dir_ignored);
    changes.set(&mut entries.snapshotted, options.log_entry_snapshotted);
    changes.set(&mut entries.ignored, options.log_entry_ignored);
    changes.set(&mut entries.cache_hit, options.log_entry_cache_hit);
    changes.set(&mut entries.cache_miss, options.log_entry_cache_miss);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_cut_into_words() -> Result<()> {
        for (command, expected) in [
            ("/bin/true", vec!["/bin/true"]),
            ("run  -a b", vec!["run", "-a", "b"]),
            (
                r#""C:\Program Files\x.exe" "say ""hi""" """#,
                vec![r"C:\Program Files\x.exe", r#"say "hi""#, ""],
            ),
        ] {
            assert_eq!(words(command)?, expected, "{command}");
        }
        assert!(words("\"open").is_err());
        Ok(())
    }

    #[test]
    fn times_are_sorted_and_unique() -> Result<()> {
        let times = times_of_day("23:15,8:05,08:05")?;
        let shown: Vec<_> = times.iter().map(|time| (time.hour, time.minute)).collect();
        assert_eq!(shown, [(8, 5), (23, 15)]);
        assert!(times_of_day("25:00").is_err());
        assert!(times_of_day("inherit")?.is_empty());
        Ok(())
    }
}
