//! One damaged byte, anywhere in a pack.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_repository::pack::Postamble;
use holdfast_repository::{ContentInfo, ObjectId, OpenOptions, Repository};
use holdfast_storage::LocalStore;
use holdfast_testkit::soak;
use holdfast_testkit::tree::random_bytes;
use holdfast_tests::cli::Cli;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// A part of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Preamble,
    Payload,
    Padding,
    LocalIndex,
    Postamble,
}

/// In which order parts are damaged; payloads come twice, because they are nearly everything.
const PARTS: [Part; 6] = [
    Part::Payload,
    Part::Preamble,
    Part::Payload,
    Part::Padding,
    Part::LocalIndex,
    Part::Postamble,
];

/// A pack, with what lies where.
struct Pack {
    name: String,
    path: PathBuf,
    contents: Vec<ContentInfo>,
    index: Range<u64>,
    length: u64,
}

impl Pack {
    fn bytes_of(&self, part: Part, random: &mut StdRng) -> Range<u64> {
        let start = self
            .contents
            .iter()
            .map(|content| span(content).start)
            .min();
        let end = self.contents.iter().map(|content| span(content).end).max();
        let (start, end) = (start.expect("contents"), end.expect("contents"));
        match part {
            Part::Preamble => 0..start,
            Part::Payload => start + random.random_range(0..end - start)..end,
            Part::Padding => end..self.index.start,
            Part::LocalIndex => self.index.clone(),
            Part::Postamble => self.index.end..self.length,
        }
    }

    /// The files below `root` that have a content around `offset`.
    fn files_at(&self, repository: &Repository, root: &str, offset: u64) -> BTreeSet<String> {
        let hit: BTreeSet<_> = self
            .contents
            .iter()
            .filter(|content| span(content).contains(&offset))
            .map(|content| content.id)
            .collect();
        let mut found = BTreeSet::new();
        let mut open = vec![(String::new(), root.parse::<ObjectId>().expect("an object"))];
        while let Some((above, directory)) = open.pop() {
            for entry in repository
                .read_directory(&directory)
                .expect("a directory")
                .entries
            {
                let path = format!("{above}{}", entry.name_text());
                let object = entry.object.expect("every entry has an object");
                if entry.is_directory() {
                    open.push((format!("{path}/"), object));
                    continue;
                }
                let mut covers = false;
                repository
                    .for_each_object_content(&object, &mut |content| {
                        covers |= hit.contains(&content);
                        Ok(())
                    })
                    .expect("the contents of a file");
                if covers {
                    found.insert(path);
                }
            }
        }
        found
    }
}

fn span(content: &ContentInfo) -> Range<u64> {
    let start = u64::from(content.offset);
    start..start + u64::from(content.packed_length)
}

/// About 9.5 MB in files of all sizes; some files are equal, so that one content belongs to several.
fn fill(source: &Path, number: u64) {
    let inside = source.join("folder/deeper");
    fs::create_dir_all(&inside).expect("create the source");
    for file in 0..40 {
        let directory = if file % 3 == 0 { &inside } else { source };
        let data = random_bytes(
            (number << 8) | (file / 2),
            20_000 + 10_000 * (file as usize / 2),
        );
        fs::write(directory.join(format!("file-{file}")), data).expect("fill the source");
    }
    let large = random_bytes((number << 8) | 0xff, 7_000_000);
    fs::write(source.join("large"), large).expect("fill the source");
}

fn packs_of(repository: &Repository, store: &LocalStore) -> Vec<Pack> {
    let mut packs: Vec<Pack> = Vec::new();
    for content in repository.contents().expect("the index") {
        let name = content.pack.as_str();
        if !name.starts_with('p') {
            continue;
        }
        let at = packs.iter().position(|pack| pack.name == name);
        let at = at.unwrap_or_else(|| {
            let path = store.path_of(&content.pack).expect("a path");
            let bytes = fs::read(&path).expect("read the pack");
            let tail = &bytes[bytes.len().saturating_sub(300)..];
            let postamble = Postamble::find(tail).expect("a postamble");
            packs.push(Pack {
                name: name.to_owned(),
                path,
                contents: Vec::new(),
                index: postamble.offset..postamble.offset + postamble.length,
                length: bytes.len() as u64,
            });
            packs.len() - 1
        });
        packs[at].contents.push(content);
    }
    packs
}

/// Inverts one byte of a file in place.
fn flip(path: &Path, offset: u64) {
    let mut bytes = fs::read(path).expect("read the pack");
    bytes[offset as usize] ^= 0xff;
    fs::write(path, bytes).expect("write the pack");
}

#[test]
fn verification_names_exactly_the_files_that_are_hit() {
    let seed: u64 = match std::env::var("HOLDFAST_TEST_SEED") {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => rand::random(),
    };
    println!("HOLDFAST_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let count = if soak() { 50 } else { PARTS.len() as u64 };

    let folder = tempfile::tempdir().expect("temporary directory");
    let directory = folder.path().join("repository");
    let cli = Cli::directory(&directory);
    cli.succeed(["repo", "create"]);
    let mut reports = Vec::new();
    for number in 0..count {
        let source = folder.path().join(format!("source-{number}"));
        fill(&source, number);
        // One worker, one pack.
        let arguments = [
            "snapshot".as_ref(),
            "create".as_ref(),
            "--parallel=1".as_ref(),
            source.as_os_str(),
        ];
        reports.push(cli.json(arguments));
        fs::remove_dir_all(&source).expect("remove the source");
    }
    let store = LocalStore::open(&directory).expect("the repository's directory");
    let password = cli.password().to_owned().into();
    let repository = Repository::open(Arc::new(store.clone()), &password, &OpenOptions::default())
        .expect("open");
    let packs = packs_of(&repository, &store);
    assert_eq!(packs.len() as u64, count);

    for (number, pack) in packs.iter().enumerate() {
        let part = PARTS[number % PARTS.len()];
        let bytes = pack.bytes_of(part, &mut random);
        assert!(!bytes.is_empty(), "pack {} has no {part:?}", pack.name);
        let offset = random.random_range(bytes);
        let expected: BTreeSet<(String, String)> = reports
            .iter()
            .flat_map(|report| {
                let root = report["root_object"].as_str().expect("a root");
                let id = report["id"].as_str().expect("an id").to_owned();
                let files = pack.files_at(&repository, root, offset);
                files.into_iter().map(move |path| (id.clone(), path))
            })
            .collect();
        assert_eq!(expected.is_empty(), part != Part::Payload);
        flip(&pack.path, offset);
        check(&cli, pack, part, offset, &expected);
        flip(&pack.path, offset);
    }
    cli.succeed(["snapshot", "verify", "--read-data"]);
    cli.succeed(["repo", "check", "--strict"]);
}

fn check(cli: &Cli, pack: &Pack, part: Part, offset: u64, expected: &BTreeSet<(String, String)>) {
    let about = format!(
        "{part:?}, byte {offset} of {} in pack {}",
        pack.length, pack.name
    );
    let verified = cli.run(["--json", "snapshot", "verify", "--read-data"]);
    let report: Value = serde_json::from_str(&verified.stdout)
        .unwrap_or_else(|error| panic!("{about}: {error}: {verified:#?}"));
    let named: BTreeSet<(String, String)> = report["damaged"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| {
            let text = |key: &str| file[key].as_str().expect("a text").to_owned();
            (text("snapshot"), text("path"))
        })
        .collect();
    assert_eq!(named, *expected, "{about}");
    assert_eq!(
        verified.code,
        i32::from(!expected.is_empty()),
        "{about}: {verified:#?}"
    );
    if matches!(part, Part::LocalIndex | Part::Postamble) {
        let checked = cli.run(["repo", "check", "--strict"]);
        assert_eq!(checked.code, 1, "{about}: {checked:#?}");
        let all = format!("{}{}", checked.stdout, checked.stderr);
        assert!(
            all.contains(&pack.name),
            "{about}: the pack is not named in {all}"
        );
    }
}
