//! Which file holds which blob (format 1 §1.3).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::BlobId;

/// The name of the file that says how blobs are spread over directories.
pub(crate) const SHARDS_FILE: &str = ".shards";

/// The ending of every file that is a blob.
pub(crate) const BLOB_SUFFIX: &str = ".f";

/// The content of `.shards`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharding {
    /// Lengths of the directory names, from the root down; `null` in the file is the same as empty.
    #[serde(default, deserialize_with = "null_as_empty")]
    default: Vec<usize>,
    /// Names up to this length lie in the root.
    #[serde(default, rename = "maxNonShardedLength")]
    max_unsharded_length: usize,
    #[serde(
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    overrides: Vec<Override>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Override {
    #[serde(default)]
    prefix: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    shards: Vec<usize>,
}

fn null_as_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<Vec<T>>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Sharding {
    /// What a new repository gets.
    pub fn for_new_repository() -> Self {
        Self::uniform(&[1, 3])
    }

    /// What holds for a repository that lost its `.shards`, or never had one.
    pub fn for_repository_without_file() -> Self {
        Self::uniform(&[3, 3])
    }

    fn uniform(default: &[usize]) -> Self {
        Self {
            default: default.to_vec(),
            max_unsharded_length: 20,
            overrides: Vec::new(),
        }
    }

    /// Reads the content of `.shards`.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// The content of `.shards`: compact JSON and a newline.
    pub fn to_file(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec(self).expect("plain numbers and strings");
        text.push(b'\n');
        text
    }

    /// The path of a blob's file below the root. `None` when the name would leave the root, which
    /// takes a name of dots that no repository uses.
    pub fn path_of(&self, id: &BlobId) -> Option<PathBuf> {
        let mut rest = id.as_str();
        let mut path = PathBuf::new();
        if rest.len() > self.max_unsharded_length {
            for &length in self.shards_of(id) {
                if rest.len() <= length {
                    break;
                }
                // Names are ASCII, so every split is legal.
                let (directory, tail) = rest.split_at(length);
                if matches!(directory, "." | "..") {
                    return None;
                }
                path.push(directory);
                rest = tail;
            }
        }
        path.push(format!("{rest}{BLOB_SUFFIX}"));
        Some(path)
    }

    /// Whether blobs may lie below a directory of this name, which is that many levels below the root.
    pub(crate) fn may_lead_to_blobs(&self, level: usize, name: &str) -> bool {
        let lengths = self.overrides.iter().map(|one| &one.shards);
        BlobId::new(name).is_ok()
            && lengths
                .chain([&self.default])
                .any(|lengths| lengths.get(level) == Some(&name.len()))
    }

    fn shards_of(&self, id: &BlobId) -> &[usize] {
        self.overrides
            .iter()
            .find(|one| id.as_str().starts_with(&one.prefix))
            .map_or(&self.default, |one| &one.shards)
    }
}
