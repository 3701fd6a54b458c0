//! Further names of files, once the files are complete.

use std::fs::File;
use std::io;

use holdfast_files::Refused;
use holdfast_host::dir::{self, FileId};
use holdfast_planning::restore::Action;

use super::Writer;
use crate::error::Result;
use crate::restore::directories::{DirectoryCache, is_full};

impl Writer<'_> {
    /// Gives files that are complete their further names. Returns the names that have to be files of their own.
    pub(super) fn link_all(&self) -> Result<Vec<usize>> {
        let mut cache = DirectoryCache::new(self.directories);
        let mut copies = Vec::new();
        for (index, first) in self.links.to_make(self.plan()) {
            self.request.cancel.check()?;
            let entry = &self.plan().entries[index];
            if self.directories.is_missing(entry.directory) {
                continue;
            }
            // Its first name is named already where it could not be written.
            let Some(id) = self.links.id_of(first) else {
                copies.push(index);
                continue;
            };
            match self.link(index, first, id, &mut cache) {
                Ok(()) => self.finished(0),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists || is_full(&error) => {
                    self.write_failed(index, &error)?;
                }
                Err(error) => {
                    let what = "the hard link, which is a file of its own now,".to_owned();
                    self.owners
                        .refuse(Refused { what, error }, &|| self.path_of(index));
                    copies.push(index);
                }
            }
        }
        Ok(copies)
    }

    /// Links a name to the file `id`, which is complete under the name of `first`.
    fn link(
        &self,
        index: usize,
        first: usize,
        id: FileId,
        cache: &mut DirectoryCache<'_>,
    ) -> io::Result<()> {
        let (entry, first) = (&self.plan().entries[index], &self.plan().entries[first]);
        let from = cache.get(first.directory)?;
        let dir = cache.get(entry.directory)?;
        let name = self.unfinished.name(index);
        from.link(&first.name, &dir, &name)?;
        // Whoever may write to the directory of the first name could have put another file there.
        let linked = dir
            .metadata(&name)
            .and_then(|there| match there.id() == Some(id) {
                true => self.put_in_place(index, &name, &dir),
                false => Err(io::Error::other(
                    "another file took the place of its first name",
                )),
            });
        if linked.is_err() || entry.action == Action::Replace {
            // Where the target had both names of the file already, renaming one to the other leaves both.
            let _ = dir.remove_file(&name);
        }
        linked
    }

    /// Notes which file a first name of several is.
    pub(super) fn note_first(&self, index: usize, file: &File) -> io::Result<()> {
        if self.links.is_first(index)
            && let Some(id) = dir::file_state(file)?.id()
        {
            self.links.completed(index, id);
        }
        Ok(())
    }
}
