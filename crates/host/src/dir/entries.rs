//! Names of a directory, kept in one allocation.

use super::Kind;

/// The entries of a directory without `.` and `..`, in the order the file system gave them.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    names: Vec<u8>,
    /// End of each name in `names`, and what the directory says the entry is.
    ends: Vec<(u32, Kind)>,
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its raw name.
    pub name: &'a [u8],
    /// What the directory says it is.
    pub kind: Kind,
}

impl Entries {
    /// Adds an entry. All names of one directory must fit into 4 GiB; what does not is refused.
    pub(super) fn push(&mut self, name: &[u8], kind: Kind) -> std::io::Result<()> {
        let end = u32::try_from(self.names.len() + name.len()).map_err(|_| {
            std::io::Error::other("the names in this directory take more than 4 GiB")
        })?;
        self.names.extend_from_slice(name);
        self.ends.push((end, kind));
        Ok(())
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the directory is empty.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The entries in turn.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut start = 0;
        self.ends.iter().map(move |&(end, kind)| {
            let name = &self.names[start as usize..end as usize];
            start = end;
            Entry { name, kind }
        })
    }
}
