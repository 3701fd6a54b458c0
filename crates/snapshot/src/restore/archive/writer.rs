//! Members of an archive, one after the other.

use std::io;

use holdfast_repository::directory::EntryKind;

use super::Format;
use super::output::Position;
use super::tar::{self, Kind, Member};
use super::zip::{self, Written};
use crate::restore::plan::{Attributes, Plan};

/// What a member is of the plan.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    Directory(usize),
    Entry(usize),
}

/// An archive that is being written.
pub(super) struct ArchiveWriter<'a> {
    format: Format,
    plan: &'a Plan,
    output: Position<'a>,
    /// Members of a ZIP archive and their sizes, for its directory at the end.
    written: Vec<(Node, u64, Written)>,
    open: Option<Open>,
}

/// The member that is being written.
struct Open {
    node: Node,
    size: u64,
    offset: u64,
    /// Bytes of its content so far.
    done: u64,
    checksum: crc32fast::Hasher,
}

/// What the plan says of a member.
struct Described {
    path: Vec<u8>,
    kind: Kind,
    attributes: Attributes,
}

impl Described {
    fn of(plan: &Plan, node: Node) -> Self {
        match node {
            Node::Directory(index) => {
                let directory = &plan.directories[index];
                let path = match index {
                    0 => b".".to_vec(),
                    _ => plan.raw_path(directory.parent, &directory.name),
                };
                Self {
                    path,
                    kind: Kind::Directory,
                    attributes: directory.attributes,
                }
            }
            Node::Entry(index) => {
                let entry = &plan.entries[index];
                Self {
                    path: plan.raw_path(entry.directory, &entry.name),
                    kind: match entry.kind {
                        EntryKind::Symlink => Kind::Symlink,
                        _ => Kind::File,
                    },
                    attributes: entry.attributes,
                }
            }
        }
    }

    fn member<'a>(&'a self, link: &'a [u8], size: u64) -> Member<'a> {
        Member {
            path: &self.path,
            kind: self.kind,
            link,
            size,
            mode: self.attributes.mode,
            uid: self.attributes.uid,
            gid: self.attributes.gid,
            modified: self.attributes.modified,
        }
    }
}

impl<'a> ArchiveWriter<'a> {
    pub(super) fn new(format: Format, plan: &'a Plan, output: Position<'a>) -> Self {
        Self {
            format,
            plan,
            output,
            written: Vec::new(),
            open: None,
        }
    }

    /// Writes a member of which everything is at hand: a directory, a file, or a link and its target.
    pub(super) fn member(&mut self, node: Node, content: &[u8]) -> io::Result<()> {
        let described = Described::of(self.plan, node);
        let link = match described.kind {
            Kind::Symlink => content,
            _ => &[],
        };
        // Tar keeps the target of a link in the header, ZIP in its place as content.
        let content = match self.format {
            Format::Tar if described.kind == Kind::Symlink => &[],
            _ => content,
        };
        let member = described.member(link, content.len() as u64);
        match self.format {
            Format::Tar => self.output.write(&tar::header(&member))?,
            Format::Zip => {
                let written = Written {
                    checksum: crc32fast::hash(content),
                    offset: self.output.at(),
                    is_late: false,
                };
                let header = zip::local_header(&member, written.checksum);
                self.output.write(&header)?;
                self.written.push((node, member.size, written));
            }
        }
        self.output.write(content)?;
        self.pad(content.len() as u64)
    }

    /// Begins a file whose content follows in pieces.
    pub(super) fn begin(&mut self, node: Node, size: u64) -> io::Result<()> {
        let offset = self.output.at();
        let described = Described::of(self.plan, node);
        let member = described.member(&[], size);
        let header = match self.format {
            Format::Tar => tar::header(&member),
            // The checksum is written here, or follows, when it is known.
            Format::Zip if self.output.is_stream() => zip::late_local_header(&member),
            Format::Zip => zip::local_header(&member, 0),
        };
        self.output.write(&header)?;
        self.open = Some(Open {
            node,
            size,
            offset,
            done: 0,
            checksum: crc32fast::Hasher::new(),
        });
        Ok(())
    }

    /// Adds the next piece of the file that was begun.
    pub(super) fn piece(&mut self, data: &[u8]) -> io::Result<()> {
        if let Some(open) = &mut self.open {
            open.done += data.len() as u64;
            if self.format == Format::Zip {
                open.checksum.update(data);
            }
        }
        self.output.write(data)
    }

    /// Ends the file that was begun, which got all its pieces.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        if self.format == Format::Zip {
            let written = Written {
                checksum: open.checksum.finalize(),
                offset: open.offset,
                is_late: self.output.is_stream(),
            };
            if written.is_late {
                let descriptor = zip::descriptor(open.size, written.checksum);
                self.output.write(&descriptor)?;
            } else {
                let (at, checksum) = zip::late_checksum(&written);
                self.output.correct(at, &checksum)?;
            }
            self.written.push((open.node, open.size, written));
        }
        self.pad(open.size)
    }

    /// Gives up the file that was begun. Says whether nothing of it is in the archive; else the rest of it is zeros.
    pub(super) fn give_up(&mut self) -> io::Result<bool> {
        let Some(open) = self.open.take() else {
            return Ok(true);
        };
        if self.output.take_back(open.offset)? {
            return Ok(true);
        }
        self.output.zeros(open.size - open.done)?;
        self.pad(open.size)?;
        Ok(false)
    }

    /// Writes what the archive ends with.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self.format {
            Format::Tar => self.output.write(&tar::end())?,
            Format::Zip => {
                let offset = self.output.at();
                let entries = self.written.len() as u64;
                for (node, size, written) in std::mem::take(&mut self.written) {
                    let described = Described::of(self.plan, node);
                    let header = zip::central_header(&described.member(&[], size), &written);
                    self.output.write(&header)?;
                }
                let size = self.output.at() - offset;
                self.output.write(&zip::end(entries, size, offset))?;
            }
        }
        self.output.finish()
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        match self.format {
            Format::Tar => self.output.zeros(tar::padding(size) as u64),
            Format::Zip => Ok(()),
        }
    }
}
