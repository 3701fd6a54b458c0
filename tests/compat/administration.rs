//! What changes a repository as a whole, done by one program and lived with by the other one.

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::parameters::Parameters;
use crate::rounds::{Program, Shared, change};
use crate::stock::program;

fn in_version(version: u32) -> Parameters {
    Parameters {
        version,
        ..Parameters::default()
    }
}

#[test]
fn a_password_that_stock_or_we_change_counts_for_both() {
    let Some(program) = program() else { return };
    for version in [2, 3] {
        let mut shared = Shared::new(&program, &in_version(version));
        let folder = shared.path("source");
        change(&folder, &mut StdRng::seed_from_u64(4));
        let mut kept = vec![shared.snapshot(Program::Ours, &folder, "copy")];

        let changed = shared.stock.change_password("by stock");
        assert!(changed.status.success(), "{changed:?}");
        let (exit, code) = shared.ours.fail(&["snapshot", "list"]);
        assert_eq!((exit, code.as_str()), (Some(1), "wrong_password"));
        shared.ours = shared.ours.with_password("by stock");
        shared.stock = shared.stock.with_password("by stock");
        kept.push(shared.snapshot(Program::Ours, &folder, "after stock"));
        shared.assert_all_there(Program::Theirs, &kept);

        let changed = shared.ours.change_password("by us");
        assert!(changed.status.success(), "{changed:?}");
        let said = shared.stock.fail(&["snapshot", "list"]);
        assert!(said.contains("invalid repository password"), "{said}");
        shared.ours = shared.ours.with_password("by us");
        shared.stock = shared.stock.with_password("by us");
        kept.push(shared.snapshot(Program::Theirs, &folder, "after us"));
        shared.assert_all_there(Program::Theirs, &kept);
        shared.assert_all_there(Program::Ours, &kept);
        shared.ours.assert_strictly_clean();
    }
}

/// Neither program changes the password of the first format, and neither harms it by trying.
#[test]
fn a_password_of_the_first_format_stays_with_stock_and_us() {
    let Some(program) = program() else { return };
    let shared = Shared::new(&program, &in_version(1));
    assert!(!shared.ours.change_password("new").status.success());
    assert!(!shared.stock.change_password("new").status.success());
    shared.assert_all_there(Program::Ours, &[]);
    shared.assert_all_there(Program::Theirs, &[]);
    shared.ours.assert_strictly_clean();
}

#[test]
fn a_repository_that_stock_upgraded_is_used_by_us() {
    let Some(program) = program() else { return };
    let shared = Shared::new(&program, &in_version(1));
    let folder = shared.path("source");
    let mut random = StdRng::seed_from_u64(5);
    let mut kept = Vec::new();
    for by in [Program::Ours, Program::Theirs, Program::Ours] {
        change(&folder, &mut random);
        let copy = format!("before-{}", kept.len());
        kept.push(shared.snapshot(by, &folder, &copy));
    }
    shared
        .stock
        .run(&["repository", "set-parameters", "--upgrade"]);
    let status = shared.ours.json(&["repo", "status"]);
    let format = &status["contentFormat"];
    assert_eq!(format["indexVersion"], 2, "{format}");
    assert_eq!(format["epochParameters"]["Enabled"], true, "{format}");
    shared.ours.assert_strictly_clean();

    for by in [Program::Ours, Program::Theirs] {
        change(&folder, &mut random);
        let copy = format!("after-{by:?}");
        kept.push(shared.snapshot(by, &folder, &copy));
        shared.delete(by, &kept.remove(0));
    }
    for by in [Program::Ours, Program::Theirs] {
        shared.maintain(by);
        shared.ours.assert_strictly_clean();
        shared.assert_all_there(by, &kept);
    }
}

/// Stock lives beside the blob in which we keep when each blob was last read, and leaves it alone.
#[test]
fn the_record_of_what_was_read_back_is_nothing_to_stock() {
    let Some(program) = program() else { return };
    let shared = Shared::new(&program, &Parameters::default());
    let folder = shared.path("source");
    let mut random = StdRng::seed_from_u64(21);
    let mut kept = Vec::new();
    for number in 0..3 {
        change(&folder, &mut random);
        kept.push(shared.snapshot(Program::Ours, &folder, &format!("copy-{number}")));
    }
    // The record keeps seconds: what was stored in the second of its reading counts as stored after it.
    std::thread::sleep(std::time::Duration::from_millis(1001));
    let verify = ["snapshot", "verify", "--coverage-days", "1"];
    let report = shared.ours.json(&verify);
    assert_eq!(report["coverage"]["readBlobs"], report["coverage"]["blobs"]);
    shared.delete(Program::Theirs, &kept.remove(0));
    for _ in 0..2 {
        shared.maintain(Program::Theirs);
    }
    shared.stock.verify();
    shared.assert_all_there(Program::Theirs, &kept);
    let status = shared.ours.json(&["maintenance", "status"]);
    assert!(
        status["readBack"]["readBlobs"].as_u64() > Some(0),
        "{status:#}"
    );
    // What stock wrote is read by us like our own, its logs included.
    let report = shared.ours.json(&verify);
    assert_eq!(report["coverage"]["readBlobs"], report["coverage"]["blobs"]);
    shared.ours.assert_strictly_clean();
}
