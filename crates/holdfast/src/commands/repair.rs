//! `repo repair`.

use std::fmt::Write;

use anyhow::Result;
use holdfast_repository::OpenOptions;
use holdfast_repository::repair::{LostManifests, RepairOptions, RepairReport, repair};

use crate::arguments::{LostManifestsArgument, RepairArguments};
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
        lost_manifests: match arguments.lost_manifests {
            LostManifestsArgument::Wait => LostManifests::Wait,
            LostManifestsArgument::SetAside => LostManifests::SetAside,
            LostManifestsArgument::GiveUp => LostManifests::GiveUp,
        },
        lock_directory: Some(
            arguments
                .cache_dir
                .clone()
                .unwrap_or_else(repository::cache_directory),
        ),
        cancel,
    };
    let report = repair(store, &password, &OpenOptions::default(), &options)?;
    console.result(&report, || text(&report, options.lost_manifests))?;
    Ok(outcome(&report))
}

/// Done when nothing is wrong any more, failed when changes wait for `--apply`, partial when contents are lost.
fn outcome(report: &RepairReport) -> Outcome {
    if report.is_clean() {
        Outcome::Done
    } else if report.applied {
        let kept = report.unreadable_indexes.iter().any(|index| index.kept);
        Outcome::of_items(usize::from(report.lost_contents > 0 || kept))
    } else {
        Outcome::Failed
    }
}

fn text(report: &RepairReport, lost_manifests: LostManifests) -> String {
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
        line(match index.kept {
            false => format!("index blob {}: {}", index.blob, index.reason),
            true => format!(
                "index blob {}: {}; it stays, because it may name packs of sessions that have not ended: run this again \
                 when no backup is at work, or with --uncertain when none is and markers of killed ones are left",
                index.blob, index.reason
            ),
        });
    }
    if !report.unreadable_indexes.is_empty() {
        line(
            "what only a lost index knew, in packs that are lost as well, is told by `snapshot verify`"
                .to_owned(),
        );
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
    let waiting = match lost_manifests {
        LostManifests::Wait => report.lost_manifest_containers,
        LostManifests::SetAside | LostManifests::GiveUp => 0,
    };
    let lost = report.lost_contents - report.lost_manifest_containers;
    if lost > 0 {
        line(format!(
            "{lost} contents are lost and marked as deleted: the next snapshot stores again what its source still has; \
             `snapshot verify --read-data` names the files"
        ));
    }
    if waiting > 0 {
        line(format!(
            "{waiting} manifest containers are lost and left as they are: no program can list the snapshots before their \
             packs are back; --lost-manifests set-aside lets you go on without what they list until then"
        ));
    }
    if report.returned_manifest_containers > 0 {
        line(format!(
            "{} manifest containers that were set aside can be read again; their snapshots and policies come back",
            report.returned_manifest_containers
        ));
    }
    if report.set_aside_manifest_containers > 0 {
        line(format!(
            "{} manifest containers are set aside: what they list is missing until their packs are back and this runs \
             again; until then maintenance frees nothing and no snapshot expires. Other programs do not know that: let \
             none of them maintain the repository. --lost-manifests give-up ends the waiting",
            report.set_aside_manifest_containers
        ));
    }
    let given_up = match lost_manifests {
        LostManifests::GiveUp => {
            report.lost_manifest_containers + report.given_up_manifest_containers
        }
        LostManifests::Wait | LostManifests::SetAside => 0,
    };
    if given_up > 0 {
        line(format!(
            "{given_up} manifest containers are given up: the snapshots and policies in them are lost; take new snapshots \
             before the next maintenance, which frees what no snapshot needs"
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
    let kept = report.unreadable_indexes.iter().any(|index| index.kept);
    line(
        match (report.is_clean(), report.applied) {
            (true, _) => "nothing is to be repaired",
            (false, true) if waiting > 0 || kept => {
                "the repository is repaired as far as it can be"
            }
            (false, true) => "the repository is repaired",
            (false, false) => "nothing was changed; --apply makes these changes",
        }
        .to_owned(),
    );
    text
}
