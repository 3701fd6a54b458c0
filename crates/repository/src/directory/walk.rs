//! Walking the tree below an entry.

use std::ops::ControlFlow;

use super::{Directory, DirectoryEntry};
use crate::Result;
use crate::repository::Repository;

/// An entry on a walk.
#[derive(Debug, Clone, Copy)]
pub struct TreeItem<'t> {
    /// Path from the root with `/` between stored names; `.` for the root.
    pub path: &'t str,
    /// The entry.
    pub entry: &'t DirectoryEntry,
    /// What a directory holds.
    pub directory: Option<&'t Directory>,
}

impl Repository {
    /// Calls `visit` for the entry and everything below, parents before children, in the order of the streams. When
    /// it breaks on a directory, the walk goes on behind that directory.
    ///
    /// # Errors
    /// Those of reading a directory, and what `visit` returns.
    pub fn walk_tree(
        &self,
        root: &DirectoryEntry,
        visit: &mut dyn FnMut(TreeItem<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        // A stack of open directories instead of recursion: trees may be deeper than a thread's stack.
        let mut open: Vec<(String, std::vec::IntoIter<DirectoryEntry>)> = Vec::new();
        self.visit_entry(".", root, visit, &mut open)?;
        while let Some((parent, rest)) = open.last_mut() {
            let Some(entry) = rest.next() else {
                open.pop();
                continue;
            };
            let name = entry.name_text();
            let path = if parent == "." {
                name.into_owned()
            } else {
                format!("{parent}/{name}")
            };
            self.visit_entry(&path, &entry, visit, &mut open)?;
        }
        Ok(())
    }

    fn visit_entry(
        &self,
        path: &str,
        entry: &DirectoryEntry,
        visit: &mut dyn FnMut(TreeItem<'_>) -> Result<ControlFlow<()>>,
        open: &mut Vec<(String, std::vec::IntoIter<DirectoryEntry>)>,
    ) -> Result<()> {
        let directory = match &entry.object {
            Some(object) if entry.is_directory() => Some(self.read_directory(object)?),
            _ => None,
        };
        let flow = visit(TreeItem {
            path,
            entry,
            directory: directory.as_ref(),
        })?;
        if let Some(directory) = directory.filter(|_| flow.is_continue()) {
            open.push((path.to_owned(), directory.entries.into_iter()));
        }
        Ok(())
    }
}
