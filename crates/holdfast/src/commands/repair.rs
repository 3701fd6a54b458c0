//! `repo repair`.

use std::fmt::Write;

use anyhow::Result;
use holdfast_repository::OpenOptions;
use holdfast_repository::repair::{RepairOptions, RepairReport, repair};

use crate::arguments::RepairArguments;
use crate::console::Console;
use crate::interrupt;
use crate::outcome::Outcome;
use crate::password::{self, Purpose};
use crate::repository::{self, Access};

pub(super) fn run(arguments: &RepairArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let access = match arguments.apply {
        true => Access::write(&cancel),
        false => Access::read(&cancel),
    };
    let given = &arguments.repository;
    let store = repository::store(given, access)?;
    let password = password::obtain(given.password_file.as_deref(), Purpose::Open)?;
    let options = RepairOptions {
        apply: arguments.apply,
        read_data: arguments.read_data,
        uncertain: arguments.uncertain,
        cancel,
    };
    let report = repair(store, &password, &OpenOptions::default(), &options)?;
    console.result(&report, || text(&report))?;
    Ok(outcome(&report))
}

/// Done when nothing is wrong any more, failed when changes wait for `--apply`, partial when contents are lost.
fn outcome(report: &RepairReport) -> Outcome {
    if report.is_clean() {
        Outcome::Done
    } else if report.applied {
        Outcome::of_items(usize::from(report.lost_contents > 0))
    } else {
        Outcome::Failed
    }
}

fn text(report: &RepairReport) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    if let Some(format) = &report.format_blob {
        line(format!(
            "format blob: taken from pack {} ({})",
            format.pack, format.reason
        ));
    }
    for index in &report.unreadable_indexes {
        line(format!("index blob {}: {}", index.blob, index.reason));
    }
    if report.recovered_contents > 0 {
        line(format!(
            "index: {} contents of {} packs come back",
            report.recovered_contents, report.recovered_packs
        ));
    }
    for pack in &report.damaged_packs {
        line(format!(
            "pack {}: {}; {} contents can be read and are stored once more, {} are lost",
            pack.pack, pack.reason, pack.readable_contents, pack.lost_contents
        ));
    }
    if report.lost_contents > 0 {
        line(format!(
            "{} contents are lost and marked as deleted: the next snapshot stores again what its source still has; \
             `snapshot verify --read-data` names the files",
            report.lost_contents
        ));
    }
    if report.lost_manifest_containers > 0 {
        line(format!(
            "{} of them listed snapshots and policies, which are lost; take new snapshots before the next maintenance, \
             which frees what no snapshot needs",
            report.lost_manifest_containers
        ));
    }
    if report.packs_under_way > 0 {
        line(format!(
            "{} packs belong to sessions that have not ended and were left out; run it again when no backup is at work",
            report.packs_under_way
        ));
    }
    if report.uncertain_contents > 0 {
        line(format!(
            "{} contents are in packs and not in the index, most likely because they were deleted; if snapshots are \
             missing, --uncertain brings them back",
            report.uncertain_contents
        ));
    }
    line(
        match (report.is_clean(), report.applied) {
            (true, _) => "nothing is to be repaired",
            (false, true) => "the repository is repaired",
            (false, false) => "nothing was changed; --apply makes these changes",
        }
        .to_owned(),
    );
    text
}
