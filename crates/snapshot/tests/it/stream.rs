//! A stream of unknown length as a source.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdfast_files::{SourceTree, StreamTree};
use holdfast_host::{Cancel, ManualClock};
use holdfast_repository::directory::DirectoryEntry;
use holdfast_snapshot::{
    Error, ProblemCode, SnapshotRequest, Source, VerifyRequest, create, read_file, verify,
};

use crate::support::{Place, id, identity, policy, random, saved};

/// Gives its bytes in pieces of odd lengths, and calls a function before each.
struct Pipe<F> {
    content: io::Cursor<Vec<u8>>,
    before: F,
}

impl<F: FnMut(u64) -> io::Result<()>> Read for Pipe<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (self.before)(self.content.position())?;
        let most = buffer.len().min(9_973);
        self.content.read(&mut buffer[..most])
    }
}

fn pipe(
    content: Vec<u8>,
    before: impl FnMut(u64) -> io::Result<()> + Send + 'static,
) -> SnapshotRequest {
    let content = io::Cursor::new(content);
    let modified = 1_700_000_000_123_456_789;
    let pipe = Pipe { content, before };
    let tree = StreamTree::new(Path::new("/dumps/shop"), "shop.sql", modified, pipe);
    let tree: Arc<dyn SourceTree> = Arc::new(tree);
    let mut request = SnapshotRequest::new(vec![Source {
        tree,
        identity: identity("/dumps/shop"),
    }]);
    request.policy = policy(|policy| {
        policy.splitter.algorithm = "DYNAMIC-128K-BUZHASH".to_owned();
        // Files that are larger are read in parts; a stream never is.
        policy.upload.parallel_upload_above_size = Some(1);
    });
    request
}

fn the_file(place: &Place, root: &DirectoryEntry) -> DirectoryEntry {
    let object = root.object.expect("an object");
    let mut directory = place.repo.read_directory(&object).expect("read");
    assert_eq!(directory.entries.len(), 1);
    directory.entries.remove(0)
}

#[test]
fn a_stream_of_any_length_becomes_a_file() {
    let place = Place::new();
    for length in [0, 1, 9_973, 100_000, 12 << 20] {
        let content = random(7, length);
        let mut report = create(&place.repo, &pipe(content.clone(), |_| Ok(()))).expect("snapshot");
        let report = report.sources.remove(0);
        assert_eq!(report.problems, [], "{length}");
        let root = saved(&report).manifest.root_entry.clone().expect("a root");
        assert_eq!(root.name, b"/dumps/shop");
        assert_eq!((root.mode.to_unix(), root.uid, root.gid), (0o777, 0, 0));
        assert_eq!(
            root.mtime.0, -6_795_364_578_871_345_152,
            "as a stock program has it"
        );
        let file = the_file(&place, &root);
        assert_eq!(
            (file.name.as_slice(), file.mode.to_unix()),
            (&b"shop.sql"[..], 0o777)
        );
        assert_eq!(
            (file.size, file.mtime.0),
            (length as i64, 1_700_000_000_123_456_789)
        );
        let mut stored = Vec::new();
        read_file(
            &place.repo,
            &id(&report),
            "shop.sql",
            &mut stored,
            &Cancel::new(),
        )
        .expect("read");
        assert!(stored == content, "{length}");
    }
    // The same once more is read and not stored again.
    let mut again = create(&place.repo, &pipe(random(7, 12 << 20), |_| Ok(()))).expect("snapshot");
    let again = again.sources.remove(0);
    assert_eq!(
        (again.bytes_read, again.bytes_new < 1 << 20),
        (12 << 20, true)
    );
    let report = verify(&place.repo, &VerifyRequest::new(Vec::new(), true)).expect("verify");
    assert_eq!((report.damaged.as_slice(), report.snapshots), (&[][..], 6));
}

#[test]
fn a_stream_that_breaks_is_no_file() {
    let place = Place::new();
    let broken = |position| match position > 3 << 20 {
        true => Err(io::Error::other("the pipe broke")),
        false => Ok(()),
    };
    let mut report = create(&place.repo, &pipe(random(1, 8 << 20), broken)).expect("snapshot");
    let report = report.sources.remove(0);
    let problems = report.problems.iter();
    let named: Vec<_> = problems.map(|p| (p.path.as_str(), p.code)).collect();
    assert_eq!(named, [("shop.sql", ProblemCode::ReadFailed)]);
    assert_eq!(report.errors(), 1);
}

#[test]
fn a_long_stream_leaves_a_checkpoint() {
    let store = Place::new().store;
    let clock = Arc::new(ManualClock::new(jiff::Timestamp::now()));
    let place = Place::open_with(Arc::clone(&store), clock.clone());
    let cancel = Cancel::new();
    let (late, hook) = (AtomicBool::new(false), cancel.clone());
    let mut stopped = pipe(random(1, 60 << 20), move |position| {
        if position > 20 << 20 && !late.swap(true, Ordering::SeqCst) {
            clock.advance(Duration::from_secs(46 * 60));
        }
        if position > 50 << 20 {
            hook.cancel();
        }
        Ok(())
    });
    stopped.cancel = cancel;
    assert!(matches!(
        create(&place.repo, &stopped),
        Err(Error::Cancelled)
    ));
    let place = Place::open(store);
    let [checkpoint] = place.snapshots().try_into().expect("one snapshot");
    assert_eq!(checkpoint.incomplete_reason, "checkpoint");
    let file = the_file(&place, checkpoint.root_entry.as_ref().expect("a root"));
    assert!(file.name.starts_with(b".checkpointed.shop.sql."));
    let object = file.object.expect("an object");
    let length = place.repo.object_length(&object).expect("length");
    assert!((1..60 << 20).contains(&length), "{length}");
    let report = verify(&place.repo, &VerifyRequest::new(Vec::new(), true)).expect("verify");
    assert_eq!(report.damaged, []);
}
