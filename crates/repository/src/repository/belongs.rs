//! Whether the data in a place is that of the repository that was opened: all of it, and nothing of another one.

use std::collections::HashSet;
use std::ops::ControlFlow;

use holdfast_storage::BlobInfo;

use super::Repository;
use crate::blob_names::{DATA_PACK, METADATA_PACK, SESSION, session_of};
use crate::error::{Error, Result};
use crate::pack::is_sealed_for;

/// Packs of each class that are looked at when an index blob cannot be read.
const SAMPLE: usize = 16;
/// A few packs with damage do not make another repository.
const MIN_FOREIGN: usize = 2;
/// Nor does a small share of them.
const MIN_SHARE: usize = 4;

impl Repository {
    /// Says more about an index blob that cannot be decrypted: another repository may have been written or copied to
    /// the same place. Its packs tell, because they are whole and still cannot be opened.
    pub(super) fn explain(&self, error: Error) -> Error {
        match &error {
            Error::Damaged { what, reason } => {
                let way_out = Error::damaged(
                    what,
                    format_args!("{reason}; `repo repair` builds the index anew from the packs"),
                );
                self.find_foreign().ok().flatten().unwrap_or(way_out)
            }
            _ => error,
        }
    }

    pub(super) fn find_foreign(&self) -> Result<Option<Error>> {
        let (mut own, mut foreign, mut example) = (0, 0, None);
        for class in [DATA_PACK, METADATA_PACK] {
            for pack in self.some_packs(class)? {
                match is_sealed_for(self.store.as_ref(), &self.cipher, &pack.id, pack.length)? {
                    Some(true) => own += 1,
                    Some(false) => {
                        foreign += 1;
                        example = Some(pack.id);
                    }
                    None => {}
                }
            }
        }
        let Some(example) =
            example.filter(|_| foreign >= MIN_FOREIGN && foreign * MIN_SHARE >= own)
        else {
            return Ok(None);
        };
        let what = match own {
            0 => format!(
                "its packs, such as {example}, belong to another repository than its format blob"
            ),
            _ => format!("some of its packs, such as {example}, belong to another repository"),
        };
        Ok(Some(Error::RepositoriesMixed {
            location: self.location(),
            what,
        }))
    }

    fn some_packs(&self, class: char) -> Result<Vec<BlobInfo>> {
        let mut packs = Vec::new();
        self.store.list(&class.to_string(), &mut |pack| {
            packs.push(pack);
            match packs.len() < SAMPLE {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        Ok(packs)
    }

    /// Refuses a repository without index whose packs are not those of a first session that never ended: it was copied
    /// without its index, and a snapshot taken now would begin a second history beside the lost one.
    pub(super) fn refuse_lost_index(&self) -> Result<()> {
        if !self.index.read().tables().is_empty() {
            return Ok(());
        }
        let mut sessions = None;
        for class in [DATA_PACK, METADATA_PACK] {
            for pack in self.some_packs(class)? {
                let sessions = match &mut sessions {
                    Some(sessions) => sessions,
                    none => none.insert(self.sessions_with_marker()?),
                };
                let name = pack.id.as_str();
                if !session_of(name).is_some_and(|session| sessions.contains(session)) {
                    return Err(Error::RepositoryIncomplete {
                        location: self.location(),
                        found: format!("the pack {name}"),
                        missing: "the index, whose blobs begin with n or x,".to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    pub(crate) fn sessions_with_marker(&self) -> Result<HashSet<String>> {
        let markers = self.store.list_all(SESSION)?;
        let sessions = markers
            .iter()
            .filter_map(|marker| session_of(marker.id.as_str()).map(str::to_owned));
        Ok(sessions.collect())
    }
}
