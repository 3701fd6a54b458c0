//! Vector `splitters.json`.

use holdfast_repository::Splitter;
use holdfast_repository::splitter::{DEFAULT_SPLITTER, SplitterKind};
use serde::Deserialize;

use crate::vectors::{Data, load};

#[derive(Deserialize)]
struct Splitters {
    algorithms: Vec<Algorithm>,
    default: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Algorithm {
    name: String,
    max_segment_size: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    data: Data,
    splits: Vec<usize>,
}

/// Cuts `data`, showing `step` more bytes at a time.
fn cut(splitter: &mut Splitter, data: &[u8], step: usize) -> Vec<usize> {
    splitter.reset();
    let (mut cuts, mut start, mut shown) = (Vec::new(), 0, 0);
    while shown < data.len() {
        shown = data.len().min(shown + step);
        while let Some(length) = splitter.next_cut(&data[start..shown]) {
            assert!(length >= splitter.min_length() && length <= splitter.max_length());
            start += length;
            cuts.push(start);
        }
    }
    cuts
}

#[test]
fn streams_are_cut_where_expected() {
    let vectors: Splitters = load("splitters.json");
    assert_eq!(vectors.default, DEFAULT_SPLITTER);
    let mut names: Vec<&str> = vectors.algorithms.iter().map(|a| a.name.as_str()).collect();
    let mut known = SplitterKind::NAMES;
    names.sort();
    known.sort();
    assert_eq!(names, known);
    let mut streams: Vec<(String, Vec<u8>)> = Vec::new();
    let mut checked = 0;
    for vector in &vectors.algorithms {
        let mut splitter = Splitter::new(&vector.name).expect("known");
        assert_eq!(
            splitter.max_length(),
            vector.max_segment_size,
            "{}",
            vector.name
        );
        for case in &vector.cases {
            let key = format!("{:?}", case.data);
            let at = streams
                .iter()
                .position(|(k, _)| *k == key)
                .unwrap_or_else(|| {
                    streams.push((key, case.data.bytes()));
                    streams.len() - 1
                });
            let data = &streams[at].1;
            assert_eq!(
                cut(&mut splitter, data, data.len().max(1)),
                case.splits,
                "{}",
                vector.name
            );
            assert_eq!(
                cut(&mut splitter, data, 256 << 10),
                case.splits,
                "{} in steps",
                vector.name
            );
            checked += 1;
        }
    }
    assert_eq!(checked, 23 * 6);
}
