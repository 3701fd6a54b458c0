//! `object.json`: the contents that an object is cut into, their indexes, and concatenations.

use std::collections::BTreeMap;

use holdfast_repository::object::{
    ContentSink, IndirectEntry, ObjectId, ObjectOptions, ObjectWriter, concatenate_objects,
    decode_indirect,
};
use holdfast_repository::{
    Compression, CompressionAlgorithm, HashAlgorithm, Hasher, Result, Splitter,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::data::{list, text, vectors};

/// Records what is written.
struct Recorder {
    hasher: Hasher,
    contents: BTreeMap<String, (Vec<u8>, Compression)>,
}

impl ContentSink for Recorder {
    fn put_chunk(
        &mut self,
        prefix: Option<u8>,
        data: &[u8],
        compression: Compression,
    ) -> Result<ObjectId> {
        let id = self.hasher.content_id(prefix, data);
        self.contents
            .insert(id.to_string(), (data.to_vec(), compression));
        Ok(id.into())
    }
}

impl Recorder {
    fn new(vectors: &Value) -> Self {
        let hash = &vectors["hash"];
        let algorithm = HashAlgorithm::by_name(text(hash, "name")).expect("hash");
        let secret = hex::decode(text(hash, "hmacSecretHex")).expect("secret");
        Self {
            hasher: Hasher::new(algorithm, &secret).expect("hasher"),
            contents: BTreeMap::new(),
        }
    }
}

/// The data of a vector, in pieces.
fn generate(kind: &str, seed: u64, length: usize, each: &mut dyn FnMut(&[u8])) {
    let mut state = seed;
    let mut left = length;
    while left > 0 {
        let mut piece = vec![0; left.min(1 << 20)];
        match kind {
            "zeros" => {}
            "zeros-then-tail" if left <= 1 << 20 => {
                let tail = piece.len() - 4;
                piece[tail..].copy_from_slice(b"tail");
            }
            "zeros-then-tail" => {}
            "lcg" => piece.fill_with(|| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            }),
            kind => panic!("unknown generator {kind}"),
        }
        left -= piece.len();
        each(&piece);
    }
}

fn compression(name: &str) -> Compression {
    CompressionAlgorithm::by_name(name)
}

fn splitter(name: &str) -> Splitter {
    Splitter::new(name).expect("splitter")
}

/// Compares what was written with the vector's list of contents.
fn compare(name: &str, recorder: &Recorder, case: &Value, check_compression: bool) {
    let expected = list(case, "contents");
    assert_eq!(recorder.contents.len(), expected.len(), "{name}");
    for content in expected {
        let (data, compression) = &recorder.contents[text(content, "id")];
        assert_eq!(
            hex::encode(Sha256::digest(data)),
            text(content, "sha256"),
            "{name}"
        );
        if check_compression {
            let requested = compression.map(|algorithm| format!("0x{:04x}", algorithm.id()));
            assert_eq!(
                requested.as_deref(),
                content["requestedCompression"].as_str(),
                "{name}"
            );
        }
    }
}

#[test]
fn objects_are_cut_and_indexed_as_by_the_reference() {
    let vectors = vectors("object");
    for case in list(&vectors, "objects") {
        let name = text(case, "name");
        let (default, named) = (
            text(case, "defaultSplitter"),
            text(case, "overrideSplitter"),
        );
        let index = splitter(default);
        let data = splitter(if named.is_empty() { default } else { named });
        let options = ObjectOptions {
            prefix: text(case, "prefix").bytes().next(),
            compression: compression(text(case, "compressor")),
            metadata_compression: compression(text(case, "metadataCompressor")),
            splitter: data,
            index_splitter: index,
        };
        let mut recorder = Recorder::new(&vectors);
        let mut writer = ObjectWriter::new(&mut recorder, options);
        let length = case["length"].as_u64().expect("length");
        let seed = case["seed"].as_u64().unwrap_or_default();
        generate(
            text(case, "generator"),
            seed,
            length as usize,
            &mut |piece| {
                writer.append(piece).expect("append");
            },
        );
        assert_eq!(writer.length(), length);
        let object = writer.finish().expect("finish");
        assert_eq!(object.to_string(), text(case, "objectID"), "{name}");
        // Under index version 1 the content layer drops the request.
        compare(name, &recorder, case, case["indexV2"] == true);
    }
}

#[test]
fn concatenations_are_indexed_as_by_the_reference() {
    let vectors = vectors("object");
    for case in list(&vectors, "concatenations") {
        let name = text(case, "name");
        let mut recorder = Recorder::new(&vectors);
        let splitter = splitter("FIXED-128K");
        let options = ObjectOptions::data(splitter, None, compression("zstd-fastest"));
        let mut parts: Vec<(ObjectId, u64)> = Vec::new();
        for (at, length) in list(case, "partLengths").iter().enumerate() {
            let length = length.as_u64().expect("length");
            let mut writer = ObjectWriter::new(&mut recorder, options.clone());
            generate("lcg", 100 + at as u64, length as usize, &mut |piece| {
                writer.append(piece).expect("append");
            });
            parts.push((writer.finish().expect("finish"), length));
        }
        let ids: Vec<String> = parts.iter().map(|(id, _)| id.to_string()).collect();
        assert_eq!(Value::from(ids), case["partObjectIDs"], "{name}");
        let object = match parts.as_slice() {
            [(only, _)] => *only,
            parts => {
                let entries: Vec<_> = parts.iter().map(|part| entries(&recorder, part)).collect();
                concatenate_objects(&mut recorder, entries, &options).expect("concatenate")
            }
        };
        assert_eq!(object.to_string(), text(case, "objectID"), "{name}");
    }
}

/// The entries of an object that the recorder has.
fn entries(recorder: &Recorder, &(object, length): &(ObjectId, u64)) -> Vec<IndirectEntry> {
    match object.index_object() {
        None => vec![IndirectEntry {
            start: 0,
            length,
            object,
        }],
        Some(index) => decode_indirect(&recorder.contents[&index.to_string()].0).expect("index"),
    }
}
