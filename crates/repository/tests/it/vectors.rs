//! Loads the golden vectors and expands their data generators.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Folder with the vectors and fixtures.
pub(crate) fn data_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/kopia")
}

pub(crate) fn load<T: DeserializeOwned>(name: &str) -> T {
    let path = data_dir().join("vectors").join(name);
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("read {}: {e}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|e| panic!("parse {}: {e}", path.display()))
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Bytes given literally or by a generator.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Data {
    #[serde(rename = "gen")]
    generator: String,
    #[serde(default)]
    hex: String,
    #[serde(default)]
    byte: u8,
    #[serde(default)]
    seed: u64,
    len: usize,
}

impl Data {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len + 64);
        match self.generator.as_str() {
            "hex" => out = hex(&self.hex),
            "const" => out.resize(self.len, self.byte),
            "words" => {
                let mut i = 0;
                while out.len() < self.len {
                    out.extend_from_slice(
                        format!("line {} of the test text\n", i % 1000).as_bytes(),
                    );
                    i += 1;
                }
            }
            "xs64" => {
                let mut s = self.seed;
                while out.len() < self.len {
                    s ^= s >> 12;
                    s ^= s << 25;
                    s ^= s >> 27;
                    out.extend_from_slice(&s.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
                }
            }
            other => panic!("unknown generator {other}"),
        }
        out.truncate(self.len);
        assert_eq!(out.len(), self.len);
        out
    }
}
