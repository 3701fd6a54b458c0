//! What may be stored as a policy (format 2 §7.1).

use holdfast_planning::ignore::Pattern;
use holdfast_planning::schedule::{Cron, without_comment};

use super::{Action, LogDetails, Policy, PolicyDocument, PolicyTarget};
use crate::compress::CompressionAlgorithm;
use crate::json::{JsonError, Kind, Node, fold_equal, parse_prefix};
use crate::source::is_valid_policy_path;
use crate::splitter::SplitterKind;

/// Longest script that is stored, bytes.
const LONGEST_SCRIPT: usize = 32_000;

/// Why a policy is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// `manual` together with a schedule.
    #[error("scheduling.manual cannot be combined with any other scheduling setting")]
    ManualWithSchedule,
    /// The number of snapshots at a time is a matter of the whole user.
    #[error(
        "upload.maxParallelSnapshots cannot be set for a path; set it for the user or the host"
    )]
    ParallelSnapshotsOfPath,
    /// A path with a final separator.
    #[error("a policy cannot be stored for the path {0:?}: remove the separator at its end")]
    Path(String),
    /// A value that makes the reference implementation fail.
    #[error("upload.parallelUploadAboveSize must not be 0")]
    ZeroPartSize,
    /// A value that no reader of the policy could obey.
    #[error("{field}: {value:?} {reason}")]
    Field {
        /// Name of the field in the document.
        field: &'static str,
        /// The value.
        value: String,
        /// What is wrong with it, as the end of a sentence.
        reason: String,
    },
    /// A text that is no policy.
    #[error("not a policy: {0}")]
    Document(#[from] JsonError),
}

/// Checks a policy before it is stored for a target.
///
/// # Errors
/// The first thing that is wrong.
pub fn validate(target: &PolicyTarget, policy: &Policy) -> Result<(), InvalidPolicy> {
    problems(target, policy)
        .into_iter()
        .next()
        .map_or(Ok(()), Err)
}

/// Checks a policy that takes the place of another: what was wrong before does not stand in the way of a change elsewhere.
///
/// # Errors
/// The first thing that is wrong and was not before.
pub fn validate_change(
    target: &PolicyTarget,
    before: &Policy,
    after: &Policy,
) -> Result<(), InvalidPolicy> {
    let known = problems(target, before);
    let mut new = problems(target, after).into_iter();
    new.find(|problem| !known.contains(problem))
        .map_or(Ok(()), Err)
}

/// Reads and checks a document that was written elsewhere. Stricter than what a stored document needs: beside `manual` not
/// even an empty list may stand.
///
/// # Errors
/// As [`validate`]; a text that is no policy.
pub fn validate_document(
    target: &PolicyTarget,
    text: &[u8],
) -> Result<PolicyDocument, InvalidPolicy> {
    let document = PolicyDocument::parse(text)?;
    let node = parse_prefix(text)?;
    if let Some(Kind::Object(members)) = member(&node, "scheduling").map(|section| &section.kind)
        && document.policy.scheduling.manual
        && members
            .iter()
            .any(|(key, value)| !fold_equal(key, "manual") && value.kind != Kind::Null)
    {
        return Err(InvalidPolicy::ManualWithSchedule);
    }
    validate(target, &document.policy)?;
    Ok(document)
}

fn member<'n, 'a>(node: &'n Node<'a>, name: &str) -> Option<&'n Node<'a>> {
    let Kind::Object(members) = &node.kind else {
        return None;
    };
    let found = members.iter().rfind(|(key, _)| fold_equal(key, name));
    found.map(|(_, value)| value)
}

fn problems(target: &PolicyTarget, policy: &Policy) -> Vec<InvalidPolicy> {
    let mut found = Vec::new();
    let schedule = &policy.scheduling;
    let scheduled = schedule.interval_seconds != 0
        || !schedule.time_of_day.is_empty()
        || schedule.no_parent_time_of_day
        || !schedule.cron.is_empty()
        || schedule.run_missed.is_some();
    if schedule.manual && scheduled {
        found.push(InvalidPolicy::ManualWithSchedule);
    }
    if !target.path.is_empty() && policy.upload.max_parallel_snapshots.is_some() {
        found.push(InvalidPolicy::ParallelSnapshotsOfPath);
    }
    if !target.path.is_empty() && !is_valid_policy_path(&target.path) {
        found.push(InvalidPolicy::Path(target.path.clone()));
    }
    if policy.upload.parallel_upload_above_size == Some(0) {
        found.push(InvalidPolicy::ZeroPartSize);
    }
    let mut fields = Fields(found);
    numbers(&mut fields, policy);
    texts(&mut fields, policy);
    schedules(&mut fields, policy);
    actions(&mut fields, policy);
    logging(
        &mut fields,
        "logging.directories",
        &policy.logging.directories,
    );
    logging(&mut fields, "logging.entries", &policy.logging.entries);
    fields.0
}

/// Collects fields with values that cannot be obeyed.
struct Fields(Vec<InvalidPolicy>);

impl Fields {
    fn refuse(&mut self, field: &'static str, value: impl ToString, reason: impl ToString) {
        self.0.push(InvalidPolicy::Field {
            field,
            value: value.to_string(),
            reason: reason.to_string(),
        });
    }

    fn within(&mut self, field: &'static str, value: Option<i64>, least: i64, most: i64) {
        if let Some(value) = value.filter(|value| !(least..=most).contains(value)) {
            let reason = match most {
                i64::MAX => "must not be negative".to_owned(),
                most => format!("is not between {least} and {most}"),
            };
            self.refuse(field, value, reason);
        }
    }
}

fn numbers(fields: &mut Fields, policy: &Policy) {
    let retention = &policy.retention;
    let uploads = &policy.upload;
    for (field, value) in [
        ("retention.keepLatest", retention.keep_latest),
        ("retention.keepHourly", retention.keep_hourly),
        ("retention.keepDaily", retention.keep_daily),
        ("retention.keepWeekly", retention.keep_weekly),
        ("retention.keepMonthly", retention.keep_monthly),
        ("retention.keepAnnual", retention.keep_annual),
        ("files.maxFileSize", Some(policy.files.max_file_size)),
        ("compression.minSize", Some(policy.compression.min_size)),
        ("compression.maxSize", Some(policy.compression.max_size)),
        (
            "scheduling.intervalSeconds",
            Some(policy.scheduling.interval_seconds),
        ),
        (
            "upload.maxParallelSnapshots",
            uploads.max_parallel_snapshots,
        ),
        (
            "upload.maxParallelFileReads",
            uploads.max_parallel_file_reads,
        ),
    ] {
        fields.within(field, value, 0, i64::MAX);
    }
    let shadow = policy.os_snapshots.volume_shadow_copy.enable;
    fields.within("osSnapshots.volumeShadowCopy.enable", shadow, 0, 2);
}

fn texts(fields: &mut Fields, policy: &Policy) {
    for rule in &policy.files.ignore {
        if let Err(error) = Pattern::parse("", rule) {
            fields.refuse("files.ignore", rule, format_args!("is no rule: {error}"));
        }
    }
    for name in &policy.files.ignore_dot_files {
        if name.is_empty() || name.contains('/') {
            fields.refuse("files.ignoreDotFiles", name, "is no file name");
        }
    }
    for (field, name) in [
        (
            "compression.compressorName",
            &policy.compression.compressor_name,
        ),
        (
            "metadataCompression.compressorName",
            &policy.metadata_compression.compressor_name,
        ),
    ] {
        let known = matches!(name.as_str(), "" | "none")
            || CompressionAlgorithm::by_name(name)
                .is_some_and(|algorithm| algorithm.check_writable().is_ok());
        if !known {
            let names = writable_compressors().collect::<Vec<_>>().join(", ");
            fields.refuse(
                field,
                name,
                format_args!("is no compressor; there are none, {names}"),
            );
        }
    }
    let splitter = &policy.splitter.algorithm;
    if !splitter.is_empty() && SplitterKind::by_name(splitter).is_none() {
        let names = SplitterKind::NAMES.join(", ");
        fields.refuse(
            "splitter.algorithm",
            splitter,
            format_args!("is no splitter; there are {names}"),
        );
    }
}

/// Names of the compressors that can be written, as policies have them.
pub fn writable_compressors() -> impl Iterator<Item = &'static str> {
    CompressionAlgorithm::ALL
        .into_iter()
        .filter(|algorithm| algorithm.check_writable().is_ok())
        .map(CompressionAlgorithm::name)
}

fn schedules(fields: &mut Fields, policy: &Policy) {
    for time in &policy.scheduling.time_of_day {
        if !(0..24).contains(&time.hour) || !(0..60).contains(&time.minute) {
            let text = format!("{}:{:02}", time.hour, time.minute);
            fields.refuse("scheduling.timeOfDay", text, "is no time of day");
        }
    }
    for entry in &policy.scheduling.cron {
        let expression = without_comment(entry);
        if let Err(error) = Cron::parse(expression)
            && !expression.is_empty()
        {
            fields.refuse(
                "scheduling.cron",
                entry,
                format_args!("is no cron expression: {error}"),
            );
        }
    }
}

fn actions(fields: &mut Fields, policy: &Policy) {
    let actions = &policy.actions;
    for (field, action) in [
        ("actions.beforeFolder", &actions.before_folder),
        ("actions.afterFolder", &actions.after_folder),
        ("actions.beforeSnapshotRoot", &actions.before_snapshot_root),
        ("actions.afterSnapshotRoot", &actions.after_snapshot_root),
    ] {
        if let Some(action) = action {
            one_action(fields, field, action);
        }
    }
}

fn one_action(fields: &mut Fields, field: &'static str, action: &Action) {
    if !matches!(
        action.mode.as_str(),
        "" | "essential" | "optional" | "async"
    ) {
        fields.refuse(
            field,
            &action.mode,
            "is no mode; there are essential, optional and async",
        );
    }
    if action.timeout < 0 {
        fields.refuse(field, action.timeout, "is no limit in seconds");
    }
    if action.path.is_empty() && action.script.is_empty() {
        fields.refuse(field, "", "names neither a program nor a script");
    }
    if action.script.len() > LONGEST_SCRIPT {
        let reason = format!("bytes are too long for a script; the most are {LONGEST_SCRIPT}");
        fields.refuse(field, action.script.len(), reason);
    }
}

fn logging(fields: &mut Fields, field: &'static str, details: &LogDetails) {
    for value in [
        details.snapshotted,
        details.ignored,
        details.cache_hit,
        details.cache_miss,
    ] {
        fields.within(field, value, 0, 10);
    }
}
