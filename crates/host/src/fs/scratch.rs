//! Large buffers that the system may move to disk.

use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use memmap2::MmapMut;

use super::with_path;

/// A file without a name, gone with its last handle, for bytes that are too many for memory.
#[derive(Debug)]
pub struct ScratchFile {
    file: File,
}

impl ScratchFile {
    /// An empty file on the file system of `directory`.
    pub fn new_in(directory: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(directory)
            .map_err(|error| with_path(error, "create a temporary file in", directory))?;
        Ok(Self { file })
    }

    /// Fills `buffer` with the bytes from `offset` on; a file that ends earlier is the error `UnexpectedEof`. Call it when
    /// everything is written.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        super::read_exact_at(&self.file, buffer, offset)
    }

    /// The whole file as memory, `length` bytes, which may be more than was written: those are zero. The system writes
    /// pages back to the file when memory is short, so they do not count as memory of this program.
    pub fn into_memory(self, length: u64) -> io::Result<ScratchMemory> {
        self.file.set_len(length)?;
        // SAFETY: the file has no name and its only handle is given up here, so nobody else can change or cut it.
        #[allow(unsafe_code)]
        let map = unsafe { MmapMut::map_mut(&self.file)? };
        Ok(ScratchMemory(map))
    }
}

impl io::Write for ScratchFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The bytes of a [`ScratchFile`].
#[derive(Debug)]
pub struct ScratchMemory(MmapMut);

impl Deref for ScratchMemory {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for ScratchMemory {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl AsRef<[u8]> for ScratchMemory {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for ScratchMemory {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_was_written_is_read_from_anywhere() {
        let directory = tempfile::tempdir().unwrap();
        let mut scratch = ScratchFile::new_in(directory.path()).unwrap();
        scratch.write_all(b"written").unwrap();
        let mut part = [0; 3];
        scratch.read_exact_at(&mut part, 2).unwrap();
        assert_eq!(&part, b"itt");
        let error = scratch.read_exact_at(&mut part, 5).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_was_written_is_in_memory_and_no_name_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let mut scratch = ScratchFile::new_in(directory.path()).unwrap();
        scratch.write_all(b"written").unwrap();
        let mut memory = scratch.into_memory(9).unwrap();
        memory[8] = b'!';
        assert_eq!(&memory[..], b"written\0!");
        drop(memory);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
