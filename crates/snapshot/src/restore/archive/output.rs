//! Where an archive is written to.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write};

/// Bytes that are gathered before they are written.
const BUFFER: usize = 256 << 10;

/// A file, which can be corrected, or a stream, which cannot.
pub(super) enum Output<'a> {
    Stream(BufWriter<&'a mut (dyn Write + Send)>),
    File(BufWriter<File>),
}

/// An output and how much went into it.
pub(super) struct Position<'a> {
    output: Output<'a>,
    at: u64,
}

impl<'a> Position<'a> {
    pub(super) fn stream(stream: &'a mut (dyn Write + Send)) -> Self {
        let output = Output::Stream(BufWriter::with_capacity(BUFFER, stream));
        Self { output, at: 0 }
    }

    /// `file` is empty.
    pub(super) fn file(file: File) -> Self {
        let output = Output::File(BufWriter::with_capacity(BUFFER, file));
        Self { output, at: 0 }
    }

    /// Whether what was written stays as it is.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self.output, Output::Stream(_))
    }

    /// Bytes written so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.output {
            Output::Stream(stream) => stream.write_all(bytes)?,
            Output::File(file) => file.write_all(bytes)?,
        }
        self.at += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn zeros(&mut self, mut count: u64) -> io::Result<()> {
        const ZEROS: [u8; 4096] = [0; 4096];
        while count > 0 {
            let length = count.min(ZEROS.len() as u64);
            self.write(&ZEROS[..length as usize])?;
            count -= length;
        }
        Ok(())
    }

    /// Takes back what was written from `at` on; says whether the output can.
    pub(super) fn take_back(&mut self, at: u64) -> io::Result<bool> {
        let Output::File(file) = &mut self.output else {
            return Ok(false);
        };
        file.seek(SeekFrom::Start(at))?;
        file.get_ref().set_len(at)?;
        self.at = at;
        Ok(true)
    }

    /// Writes over earlier bytes of a file; nothing in a stream.
    pub(super) fn correct(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if let Output::File(file) = &mut self.output {
            file.seek(SeekFrom::Start(at))?;
            file.write_all(bytes)?;
            file.seek(SeekFrom::Start(self.at))?;
        }
        Ok(())
    }

    /// Hands on what is still gathered.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match &mut self.output {
            Output::Stream(stream) => stream.flush(),
            Output::File(file) => file.flush(),
        }
    }
}
