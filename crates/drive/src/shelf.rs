//! The snapshots of a repository as they are now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_repository::snapshot::list;
use holdfast_repository::{Repository, Result, SourceIdentity};
use parking_lot::{Mutex, RwLock};

use crate::catalogue::Catalogue;

/// The catalogue, made anew from time to time.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// Whose snapshots; empty parts stand for all.
    source: Option<SourceIdentity>,
    lasts: Duration,
    present: RwLock<Arc<Catalogue>>,
    /// When it was looked at last; held while somebody looks.
    looked: Mutex<Instant>,
}

impl Shelf {
    /// The snapshots of a source, or of all, which are looked at again when they are older than `lasts`.
    pub(crate) fn new(
        repo: &Repository,
        source: Option<SourceIdentity>,
        lasts: Duration,
    ) -> Result<Self> {
        let catalogue = read(repo, source.as_ref())?;
        Ok(Self {
            source,
            lasts,
            present: RwLock::new(Arc::new(catalogue)),
            looked: Mutex::new(Instant::now()),
        })
    }

    /// Whether there were no snapshots when it was made.
    pub(crate) fn is_empty(&self) -> bool {
        self.present.read().is_empty()
    }

    /// The catalogue. Where it is old, whoever comes first looks again, and the others get the old one. When that fails,
    /// the old one is used until the next time, and `failed` is called.
    pub(crate) fn catalogue(
        &self,
        repo: &Repository,
        failed: impl FnOnce(holdfast_repository::Error),
    ) -> Arc<Catalogue> {
        if let Some(mut looked) = self.looked.try_lock()
            && looked.elapsed() >= self.lasts
        {
            let renewed = repo
                .refresh()
                .and_then(|()| read(repo, self.source.as_ref()));
            match renewed {
                Ok(catalogue) => *self.present.write() = Arc::new(catalogue),
                Err(error) => failed(error),
            }
            *looked = Instant::now();
        }
        Arc::clone(&self.present.read())
    }
}

fn read(repo: &Repository, source: Option<&SourceIdentity>) -> Result<Catalogue> {
    let known = source.map_or(0, |source| {
        let parts = [&source.host, &source.user_name, &source.path];
        parts.iter().take_while(|part| !part.is_empty()).count()
    });
    Ok(Catalogue::of(&list(&repo.manifests()?, source), known))
}
