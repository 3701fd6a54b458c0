//! Packs: postamble, local index, what the index says about them, and the data in them (format 1 §6.3, §6.4).

use std::collections::HashMap;

use holdfast_storage::BlobId;

use super::indexes::encode_again;
use super::{CheckOptions, CheckProblem, CheckStage, PackState, Run, finding};
use crate::index::{ContentInfo, RANDOM_SUFFIX_LENGTH};
use crate::pack::{LocalIndex, read_payloads};
use crate::parallel;
use crate::repository::{NO_FORMAT_COPY, Repository};
use crate::{ContentFilter, Error, Result};

/// Packs checked at once.
const PARALLEL: usize = 4;
/// The local index begins on a multiple of this, and as much padding at most is before it.
const ALIGNMENT: u64 = 4096;

/// What one pack gave.
#[derive(Default)]
struct PackOutcome {
    problems: Vec<CheckProblem>,
    /// Entries of the index that point into the pack and are in its local index.
    matched: u32,
    contents_read: u64,
    /// It is damaged, and nothing in it is needed.
    useless: bool,
}

impl Run<'_> {
    pub(super) fn packs(&mut self) -> Result<()> {
        let mut packs: Vec<(BlobId, PackState)> = self.packs.drain().collect();
        packs.sort_by(|left, right| left.0.cmp(&right.0));
        let mut incomplete = self.all_packs(&packs)?;
        self.entries_without_local(&mut incomplete)
    }

    /// Checks all packs; returns those whose local index lacks entries that the index has.
    fn all_packs(
        &mut self,
        packs: &[(BlobId, PackState)],
    ) -> Result<HashMap<BlobId, Vec<ContentInfo>>> {
        let repository = self.repository.as_ref();
        // The progress function stays on this thread.
        let (strict, read_data, cancel) = (
            self.options.strict,
            self.options.read_data,
            &self.options.cancel,
        );
        let outcomes = parallel::map(packs, PARALLEL, |(pack, state)| {
            let options = CheckOptions {
                strict,
                read_data,
                cancel: cancel.clone(),
                progress: None,
            };
            check_pack(repository, pack, state, &options)
        })?;
        self.progress(CheckStage::Packs, packs.len() as u64, packs.len() as u64);
        let mut incomplete = HashMap::new();
        for (outcome, (pack, state)) in outcomes.into_iter().zip(packs) {
            if outcome.matched < state.indexed {
                incomplete.insert(pack.clone(), Vec::new());
            }
            self.report.problems.extend(outcome.problems);
            self.report.counts.contents_read += outcome.contents_read;
            self.report.counts.useless_packs += u64::from(outcome.useless);
        }
        self.go_on()?;
        Ok(incomplete)
    }

    /// Contents whose pack does not list them: named, and read where data is to be read.
    fn entries_without_local(
        &mut self,
        incomplete: &mut HashMap<BlobId, Vec<ContentInfo>>,
    ) -> Result<()> {
        if incomplete.is_empty() {
            return Ok(());
        }
        let filter = ContentFilter {
            include_deleted: true,
            prefix: None,
        };
        self.repository.for_each_content(filter, &mut |info| {
            if let Some(entries) = incomplete.get_mut(&info.pack) {
                entries.push(info);
            }
            Ok(())
        })?;
        let mut packs: Vec<_> = incomplete.iter_mut().collect();
        packs.sort_by(|left, right| left.0.cmp(right.0));
        for (pack, entries) in packs {
            let length = self.repository.store().stat(pack)?.length;
            let local = self.repository.local_entries(pack, length);
            if let Ok((_, local)) = &local {
                let known = |info: &ContentInfo| local.iter().any(|other| same_place(info, other));
                entries.retain(|info| !known(info));
                if let Some(first) = entries.first() {
                    let count = entries.len();
                    self.found(
                        format!("pack {pack}"),
                        format_args!(
                            "its local index lacks {count} contents that the index has, such as {}",
                            first.id
                        ),
                    );
                }
            }
            if self.options.read_data {
                entries.retain(|info| !info.deleted);
                entries.sort_by_key(|info| info.offset);
                let mut outcome = PackOutcome::default();
                read_contents(
                    self.repository,
                    pack,
                    length,
                    entries,
                    self.options,
                    &mut outcome,
                )?;
                self.report.problems.extend(outcome.problems);
                self.report.counts.contents_read += outcome.contents_read;
            }
        }
        Ok(())
    }
}

fn check_pack(
    repository: &Repository,
    pack: &BlobId,
    state: &PackState,
    options: &CheckOptions<'_>,
) -> Result<PackOutcome> {
    options.go_on(repository)?;
    let mut outcome = PackOutcome::default();
    let length = state.length.unwrap_or_default();
    let (local, mut entries) = match repository.local_entries(pack, length) {
        Ok(read) => read,
        // Nobody reads it; maintenance deletes it.
        Err(Error::Damaged { .. }) if state.live == 0 => {
            outcome.useless = true;
            return Ok(outcome);
        }
        Err(error) => {
            outcome
                .problems
                .push(finding(format!("pack {pack}"), error)?);
            return Ok(outcome);
        }
    };
    let mut problem = |reason: String| {
        outcome.problems.push(CheckProblem {
            subject: format!("pack {pack}"),
            reason,
        });
    };
    if options.strict {
        layout(pack, length, &local, &entries)
            .into_iter()
            .for_each(&mut problem);
        // What holds nothing any more need not help others.
        if state.live > 0 && repository.lacks_format_copy(pack, length)? {
            problem(NO_FORMAT_COPY.to_owned());
        }
    }
    let mut kept = Vec::new();
    for entry in entries.drain(..) {
        let Some(info) = repository.content_info(&entry.id)? else {
            continue;
        };
        if info.pack != *pack {
            continue;
        }
        if same_place(&info, &entry) {
            outcome.matched += 1;
            if !info.deleted {
                kept.push(info);
            }
        } else {
            outcome.problems.push(CheckProblem {
                subject: format!("pack {pack}"),
                reason: format!(
                    "index and local index place content {} differently",
                    info.id
                ),
            });
        }
    }
    if options.read_data {
        read_contents(repository, pack, length, &kept, options, &mut outcome)?;
    }
    Ok(outcome)
}

/// Whether two entries of one content describe the same payload.
fn same_place(index: &ContentInfo, local: &ContentInfo) -> bool {
    (
        index.id,
        index.offset,
        index.packed_length,
        index.original_length,
        index.compression,
    ) == (
        local.id,
        local.offset,
        local.packed_length,
        local.original_length,
        local.compression,
    )
}

/// What is unusual about the layout of a pack.
fn layout(pack: &BlobId, length: u64, local: &LocalIndex, entries: &[ContentInfo]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut end = 0;
    for entry in entries {
        if u64::from(entry.offset) < end {
            problems.push(format!("content {} overlaps the one before it", entry.id));
        }
        end = end.max(u64::from(entry.offset) + u64::from(entry.packed_length));
    }
    if !local.offset.is_multiple_of(ALIGNMENT) {
        problems.push(format!(
            "its local index does not begin on a multiple of {ALIGNMENT}"
        ));
    }
    if end >= local.offset || local.offset - end > ALIGNMENT {
        problems.push(format!(
            "there is no padding of 1 to {ALIGNMENT} bytes before its local index"
        ));
    }
    if local.offset + local.length >= length || length - (local.offset + local.length) > 256 {
        problems.push("its postamble does not follow its local index".to_owned());
    }
    let metadata = pack.as_str().starts_with('q');
    if let Some(entry) = entries
        .iter()
        .find(|entry| entry.id.is_metadata() != metadata)
    {
        problems.push(format!(
            "content {} does not belong into a pack of this kind",
            entry.id
        ));
    }
    let stable = local.plaintext.len().saturating_sub(RANDOM_SUFFIX_LENGTH);
    match encode_again(pack, &local.plaintext) {
        Ok(again) if again == local.plaintext[..stable] => {}
        _ => problems.push("encoding its local index again gives other bytes".to_owned()),
    }
    problems
}

/// Reads contents of one pack, sorted by offset, and compares each with its id.
fn read_contents(
    repository: &Repository,
    pack: &BlobId,
    length: u64,
    contents: &[ContentInfo],
    options: &CheckOptions<'_>,
    outcome: &mut PackOutcome,
) -> Result<()> {
    // What ends beyond the pack is reported with the entries of the index.
    let within =
        |info: &&ContentInfo| u64::from(info.offset) + u64::from(info.packed_length) <= length;
    let contents: Vec<ContentInfo> = contents.iter().filter(within).cloned().collect();
    read_payloads(repository, pack, length, &contents, &mut |_, read| {
        options.go_on(repository)?;
        outcome.contents_read += 1;
        if let Err(error) = read {
            let problem = finding(format!("pack {pack}"), error)?;
            outcome.problems.push(problem);
        }
        Ok(())
    })
}
