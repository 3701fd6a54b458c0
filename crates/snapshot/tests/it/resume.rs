//! Uploads that were cut off: what they published is not sent again.

use std::sync::Arc;

use holdfast_files::MemoryTree;
use holdfast_host::Cancel;
use holdfast_snapshot::{Error, create};

use crate::support::{Place, id, random, request};

const MIB: u64 = 1 << 20;

#[test]
fn a_cut_off_upload_sends_little_twice() {
    let mut tree = MemoryTree::new("data");
    for number in 0..6 {
        tree.file(format!("large-{number}"), random(number, 40 << 20));
    }
    let total = 240 * MIB;
    let place = Place::new();
    let cancel = Cancel::new();
    let hook = cancel.clone();
    let read = std::sync::atomic::AtomicU64::new(0);
    let cut_off = tree.clone().on_read(move |_, _| {
        // Each read is 2 MiB at the beginning of a chunk and 256 KiB after that: about 180 MiB are read in the end.
        if read.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 450 {
            hook.cancel();
        }
    });
    let mut first = request(&cut_off);
    first.cancel = cancel;
    assert!(matches!(create(&place.repo, &first), Err(Error::Cancelled)));
    let sent = first.progress.bytes_uploaded();
    assert!(sent > 80 * MIB && sent < total, "{sent}");

    // Another process, which knows only what was published.
    let again = Place::open(Arc::clone(&place.store));
    assert!(again.snapshots().is_empty());
    let second = again.snapshot(&tree);
    let published = total - second.bytes_new;
    assert!(
        published >= 64 * MIB,
        "{published} of {sent} were found again"
    );
    // What is sent twice is what came after the last time that 64 MiB were together, and packs that were not full.
    assert!(
        sent + second.bytes_uploaded < total + 64 * MIB + 50 * MIB,
        "{sent} + {}",
        second.bytes_uploaded
    );
    let mut content = Vec::new();
    holdfast_snapshot::read_file(
        &again.repo,
        &id(&second),
        "large-5",
        &mut content,
        &Cancel::new(),
    )
    .expect("read");
    assert!(content == random(5, 40 << 20));
}
