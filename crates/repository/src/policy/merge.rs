//! The effective policy from all levels (format 2 §7.3).

use super::{
    Actions, Compression, Files, LogDetails, Policy, Retention, Scheduling, default_policy,
};

/// Merges policies, the most specific first, and the defaults.
///
/// The first policy is the one of the source itself; give an empty one when none is defined for it.
pub fn effective<'p>(levels: impl IntoIterator<Item = &'p Policy>) -> Policy {
    let mut merged = Policy::default();
    let mut folder_actions = Actions::default();
    let mut lists = OpenLists {
        only: true,
        never: true,
        times: true,
    };
    for (level, policy) in levels.into_iter().enumerate() {
        if level == 0 {
            folder_actions = policy.actions.clone();
        }
        merge_level(&mut merged, policy, &mut lists);
        if policy.no_parent {
            return merged;
        }
    }
    merge_level(&mut merged, &default_policy(), &mut lists);
    merged.actions.before_folder = folder_actions.before_folder;
    merged.actions.after_folder = folder_actions.after_folder;
    merged
}

/// Which of the joined lists still take values of less specific levels.
struct OpenLists {
    only: bool,
    never: bool,
    times: bool,
}

fn merge_level(merged: &mut Policy, level: &Policy, lists: &mut OpenLists) {
    retention(&mut merged.retention, &level.retention);
    files(&mut merged.files, &level.files);
    let (errors, from) = (&mut merged.error_handling, &level.error_handling);
    first_set(&mut errors.ignore_file_errors, &from.ignore_file_errors);
    first_set(
        &mut errors.ignore_directory_errors,
        &from.ignore_directory_errors,
    );
    first_set(&mut errors.ignore_unknown_types, &from.ignore_unknown_types);
    scheduling(&mut merged.scheduling, &level.scheduling, lists);
    compression(&mut merged.compression, &level.compression, lists);
    let metadata = &mut merged.metadata_compression.compressor_name;
    first_text(metadata, &level.metadata_compression.compressor_name);
    first_text(&mut merged.splitter.algorithm, &level.splitter.algorithm);
    first_set(
        &mut merged.actions.before_snapshot_root,
        &level.actions.before_snapshot_root,
    );
    first_set(
        &mut merged.actions.after_snapshot_root,
        &level.actions.after_snapshot_root,
    );
    let shadow = &mut merged.os_snapshots.volume_shadow_copy.enable;
    first_set(shadow, &level.os_snapshots.volume_shadow_copy.enable);
    logging(&mut merged.logging.directories, &level.logging.directories);
    logging(&mut merged.logging.entries, &level.logging.entries);
    let (upload, from) = (&mut merged.upload, &level.upload);
    first_set(
        &mut upload.max_parallel_snapshots,
        &from.max_parallel_snapshots,
    );
    first_set(
        &mut upload.max_parallel_file_reads,
        &from.max_parallel_file_reads,
    );
    first_set(
        &mut upload.parallel_upload_above_size,
        &from.parallel_upload_above_size,
    );
}

fn retention(merged: &mut Retention, level: &Retention) {
    first_set(&mut merged.keep_latest, &level.keep_latest);
    first_set(&mut merged.keep_hourly, &level.keep_hourly);
    first_set(&mut merged.keep_daily, &level.keep_daily);
    first_set(&mut merged.keep_weekly, &level.keep_weekly);
    first_set(&mut merged.keep_monthly, &level.keep_monthly);
    first_set(&mut merged.keep_annual, &level.keep_annual);
    first_set(
        &mut merged.ignore_identical_snapshots,
        &level.ignore_identical_snapshots,
    );
}

fn files(merged: &mut Files, level: &Files) {
    first_list(&mut merged.ignore, &level.ignore);
    merged.no_parent_ignore |= level.no_parent_ignore;
    first_list(&mut merged.ignore_dot_files, &level.ignore_dot_files);
    merged.no_parent_dot_files |= level.no_parent_dot_files;
    first_set(&mut merged.ignore_cache_dirs, &level.ignore_cache_dirs);
    first_number(&mut merged.max_file_size, level.max_file_size);
    first_set(&mut merged.one_file_system, &level.one_file_system);
}

fn scheduling(merged: &mut Scheduling, level: &Scheduling, lists: &mut OpenLists) {
    first_number(&mut merged.interval_seconds, level.interval_seconds);
    join(
        &mut lists.times,
        &mut merged.time_of_day,
        &level.time_of_day,
    );
    close(
        &mut lists.times,
        &mut merged.no_parent_time_of_day,
        level.no_parent_time_of_day,
    );
    merged.manual |= level.manual;
    first_list(&mut merged.cron, &level.cron);
    first_set(&mut merged.run_missed, &level.run_missed);
}

fn compression(merged: &mut Compression, level: &Compression, lists: &mut OpenLists) {
    first_text(&mut merged.compressor_name, &level.compressor_name);
    join(
        &mut lists.only,
        &mut merged.only_compress,
        &level.only_compress,
    );
    close(
        &mut lists.only,
        &mut merged.no_parent_only_compress,
        level.no_parent_only_compress,
    );
    join(
        &mut lists.never,
        &mut merged.never_compress,
        &level.never_compress,
    );
    close(
        &mut lists.never,
        &mut merged.no_parent_never_compress,
        level.no_parent_never_compress,
    );
    first_number(&mut merged.min_size, level.min_size);
    first_number(&mut merged.max_size, level.max_size);
}

fn logging(merged: &mut LogDetails, level: &LogDetails) {
    first_set(&mut merged.snapshotted, &level.snapshotted);
    first_set(&mut merged.ignored, &level.ignored);
    first_set(&mut merged.cache_hit, &level.cache_hit);
    first_set(&mut merged.cache_miss, &level.cache_miss);
}

fn first_set<T: Clone>(merged: &mut Option<T>, level: &Option<T>) {
    if merged.is_none() {
        merged.clone_from(level);
    }
}

fn first_text(merged: &mut String, level: &str) {
    if merged.is_empty() {
        level.clone_into(merged);
    }
}

fn first_list<T: Clone>(merged: &mut Vec<T>, level: &[T]) {
    if merged.is_empty() {
        merged.extend_from_slice(level);
    }
}

fn first_number(merged: &mut i64, level: i64) {
    if *merged == 0 {
        *merged = level;
    }
}

/// Adds a level's list while it is open: sorted, each value once.
fn join<T: Clone + Ord>(open: &mut bool, merged: &mut Vec<T>, level: &[T]) {
    if *open {
        merged.extend_from_slice(level);
        merged.sort();
        merged.dedup();
    }
}

/// Ends a list behind a level that has the flag.
fn close(open: &mut bool, merged: &mut bool, level: bool) {
    if *open && level {
        *merged = true;
        *open = false;
    }
}
