//! A stream, such as standard input, as the only file of a tree.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use holdfast_host::dir::extended::{Extents, Found};
use parking_lot::Mutex;

use crate::listing::Listing;
use crate::metadata::{Kind, Metadata};
use crate::tree::{Root, RootNode, SourceDirectory, SourceFile, SourceTree};

/// The time of the root that the reference implementation gives to such a tree: its zero time, wrapped (format 2 §5.11).
const ROOT_TIME: i64 = -6_795_364_578_871_345_152;

/// A folder with one file that is read once, from its beginning to its end.
pub struct StreamTree {
    root: Vec<u8>,
    directory: Arc<StreamDirectory>,
}

type Stream = Box<dyn Read + Send>;

struct StreamDirectory {
    name: Vec<u8>,
    modified: i64,
    stream: Mutex<Option<Stream>>,
}

impl StreamTree {
    /// A tree under the name `root` whose file `name` was modified at a time in nanoseconds since 1970.
    pub fn new(root: &Path, name: &str, modified: i64, stream: impl Read + Send + 'static) -> Self {
        let directory = StreamDirectory {
            name: name.as_bytes().to_vec(),
            modified,
            stream: Mutex::new(Some(Box::new(stream))),
        };
        Self {
            root: holdfast_host::dir::path_to_bytes(root.as_os_str()),
            directory: Arc::new(directory),
        }
    }
}

fn metadata(kind: Kind, modified: i64) -> Metadata {
    Metadata {
        kind,
        mode: 0o777,
        size: 0,
        modified,
        changed: modified,
        uid: 0,
        gid: 0,
        device: 0,
        inode: 0,
        links: 1,
        may_have_holes: false,
        is_stream: kind == Kind::File,
    }
}

impl SourceTree for StreamTree {
    fn root(&self) -> io::Result<Root> {
        Ok(Root {
            name: self.root.clone(),
            metadata: metadata(Kind::Directory, ROOT_TIME),
            node: RootNode::Directory(Arc::clone(&self.directory) as Arc<dyn SourceDirectory>),
        })
    }
}

impl StreamDirectory {
    fn check(&self, name: &[u8]) -> io::Result<()> {
        if name == self.name {
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}

impl SourceDirectory for StreamDirectory {
    fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::with_capacity(1);
        listing.push(&self.name, metadata(Kind::File, self.modified));
        Ok(listing)
    }

    fn open_directory(&self, _name: &[u8]) -> io::Result<Arc<dyn SourceDirectory>> {
        Err(io::ErrorKind::NotADirectory.into())
    }

    fn open_file(&self, name: &[u8]) -> io::Result<Box<dyn SourceFile>> {
        self.check(name)?;
        let stream = self.stream.lock().take();
        match stream {
            Some(stream) => Ok(Box::new(StreamFile(Mutex::new((0, stream))))),
            None => Err(io::Error::other("the stream was read already")),
        }
    }

    fn read_small(&self, name: &[u8], _expected: usize, _buffer: &mut [u8]) -> io::Result<usize> {
        self.check(name)?;
        Err(io::Error::other("a stream is read once"))
    }

    fn read_small_extended(
        &self,
        name: &[u8],
        expected: usize,
        buffer: &mut [u8],
        _may_have_holes: bool,
    ) -> io::Result<(usize, Found)> {
        let length = self.read_small(name, expected, buffer)?;
        Ok((length, Found::default()))
    }

    fn extended(&self) -> Found {
        Found::default()
    }

    fn entry_extended(&self, _name: &[u8], _may_have_holes: bool) -> Found {
        Found::default()
    }

    fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        self.check(name)?;
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn read_following(&self, _name: &[u8], _limit: usize) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

/// The stream and how far it was read.
struct StreamFile(Mutex<(u64, Stream)>);

impl SourceFile for StreamFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let (position, stream) = &mut *self.0.lock();
        if *position != offset {
            return Err(io::Error::other("a stream cannot be read out of order"));
        }
        let mut filled = 0;
        while filled < buffer.len() {
            match stream.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        *position += filled as u64;
        Ok(filled)
    }

    fn extended(&self) -> Found {
        Found::default()
    }

    fn data_extents(&self) -> io::Result<Option<Extents>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_once_and_in_order() {
        let tree = StreamTree::new(Path::new("/db"), "dump.sql", 5, &b"0123456789"[..]);
        let root = tree.root().expect("open");
        assert_eq!(
            (root.name.as_slice(), root.metadata.mode),
            (&b"/db"[..], 0o777)
        );
        let RootNode::Directory(directory) = root.node else {
            panic!("a directory")
        };
        let listing = directory.list().expect("list");
        assert_eq!((listing.len(), listing.get(0).name), (1, &b"dump.sql"[..]));
        assert!(listing.get(0).metadata.is_stream);
        let file = directory.open_file(b"dump.sql").expect("open");
        let mut buffer = [0; 6];
        assert_eq!(file.read_at(&mut buffer, 0).expect("read"), 6);
        assert!(file.read_at(&mut buffer, 0).is_err());
        assert_eq!(file.read_at(&mut buffer, 6).expect("read"), 4);
        assert_eq!(&buffer[..4], b"6789");
        assert_eq!(file.read_at(&mut buffer, 10).expect("read"), 0);
        assert!(directory.open_file(b"dump.sql").is_err());
        assert!(directory.open_file(b"other").is_err());
    }
}
