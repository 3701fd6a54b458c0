//! Blob configuration and format blob, which both are sealed under the password.
//!
//! No store replaces two blobs at once. A missing configuration means that there is no object lock, so it is away while the
//! format blob is replaced, as when a password is changed: after every step the copy opens with the password of the format
//! blob that it has.

use bytes::Bytes;
use holdfast_storage::{BlobId, BlobStore};

use crate::Result;
use crate::blob_names::{BLOBCFG, FORMAT, blob_id};
use crate::error::Error;

/// How often both are read until they fit together.
const ATTEMPTS: u32 = 10;

/// Both blobs as they lay in a store at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) format: Option<Bytes>,
    pub(super) configuration: Option<Bytes>,
}

/// One change of the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Put(&'static str, Bytes),
    Delete(&'static str),
}

/// Reads both from a store in which somebody may change the password meanwhile.
pub(super) fn read(store: &(dyn BlobStore + 'static)) -> Result<Settings> {
    let (format, configuration) = (blob_id(FORMAT.to_owned())?, blob_id(BLOBCFG.to_owned())?);
    for _ in 0..ATTEMPTS {
        let before = get(store, &format)?;
        let configuration = get(store, &configuration)?;
        if get(store, &format)? == before {
            return Ok(Settings {
                format: before,
                configuration,
            });
        }
    }
    Err(Error::SourceUnstable {
        location: store.location(),
    })
}

fn get(store: &(dyn BlobStore + 'static), id: &BlobId) -> Result<Option<Bytes>> {
    match store.get(id) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The steps from what a copy has to what its source has.
pub(super) fn steps(source: &Settings, copy: &Settings) -> Vec<Step> {
    let put = |name, bytes: &Option<Bytes>| bytes.clone().map(|bytes| Step::Put(name, bytes));
    let format = (source.format != copy.format).then(|| put(FORMAT, &source.format));
    let format = format.flatten();
    if source.configuration == copy.configuration {
        return format.into_iter().collect();
    }
    let configuration = put(BLOBCFG, &source.configuration);
    match (&format, &copy.format) {
        // Nobody opens it before it has a format blob, and then it has everything.
        (Some(_), None) => configuration.into_iter().chain(format).collect(),
        (Some(_), Some(_)) => {
            let away = copy
                .configuration
                .is_some()
                .then_some(Step::Delete(BLOBCFG));
            away.into_iter()
                .chain(format)
                .chain(configuration)
                .collect()
        }
        (None, _) => vec![configuration.unwrap_or(Step::Delete(BLOBCFG))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_away_while_the_format_blob_changes() {
        let bytes =
            |text: &'static str| (!text.is_empty()).then(|| Bytes::from_static(text.as_bytes()));
        let settings = |format, configuration| Settings {
            format: bytes(format),
            configuration: bytes(configuration),
        };
        let put = |name, text: &'static str| Step::Put(name, Bytes::from_static(text.as_bytes()));
        for (source, copy, expected) in [
            (("a", "x"), ("a", "x"), vec![]),
            (("b", "x"), ("a", "x"), vec![put(FORMAT, "b")]),
            (("a", "y"), ("a", "x"), vec![put(BLOBCFG, "y")]),
            (("a", ""), ("a", "x"), vec![Step::Delete(BLOBCFG)]),
            (
                ("b", "y"),
                ("a", "x"),
                vec![Step::Delete(BLOBCFG), put(FORMAT, "b"), put(BLOBCFG, "y")],
            ),
            (
                ("b", "y"),
                ("a", ""),
                vec![put(FORMAT, "b"), put(BLOBCFG, "y")],
            ),
            (
                ("b", ""),
                ("a", "x"),
                vec![Step::Delete(BLOBCFG), put(FORMAT, "b")],
            ),
            (
                ("a", "x"),
                ("", ""),
                vec![put(BLOBCFG, "x"), put(FORMAT, "a")],
            ),
            (
                ("b", "y"),
                ("", "x"),
                vec![put(BLOBCFG, "y"), put(FORMAT, "b")],
            ),
        ] {
            let found = steps(&settings(source.0, source.1), &settings(copy.0, copy.1));
            assert_eq!(found, expected, "{source:?} over {copy:?}");
        }
    }
}
