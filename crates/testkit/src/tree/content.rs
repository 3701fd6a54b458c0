//! What files are filled with. The same seed gives the same bytes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// `length` bytes that do not compress.
pub fn random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// Writes a file of `length` bytes that do not compress, in constant memory.
pub fn write_random_file(path: &Path, seed: u64, length: u64) -> io::Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut file = File::create(path)?;
    let mut block = vec![0; 1 << 20];
    let mut left = length;
    while left > 0 {
        let count = left.min(block.len() as u64) as usize;
        random.fill_bytes(&mut block[..count]);
        file.write_all(&block[..count])?;
        left -= count as u64;
    }
    Ok(())
}

/// Writes a file of `length` bytes that looks and compresses like source code.
pub fn write_text_file(path: &Path, seed: u64, length: u64) -> io::Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut file = BufWriter::with_capacity(64 << 10, File::create(path)?);
    let mut left = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut line = Vec::new();
    while left > 0 {
        line.clear();
        line.resize(4 * random.random_range(0..5), b' ');
        for _ in 0..random.random_range(1..9) {
            line.extend_from_slice(WORDS[random.random_range(0..WORDS.len())].as_bytes());
            // Names and numbers of their own keep two files from being the same words in a row.
            if random.random_range(0..3) == 0 {
                write!(line, "_{:x}", random.random_range(0..0xffff_u32))?;
            }
            line.push(b' ');
        }
        line.push(b'\n');
        let count = line.len().min(left);
        file.write_all(&line[..count])?;
        left -= count;
    }
    file.flush()
}

const WORDS: &[&str] = &[
    "let", "mut", "fn", "pub", "struct", "impl", "return", "match", "self", "value", "buffer",
    "index", "length", "error", "result", "option", "string", "count", "offset", "=", "==", "{",
    "}", "(", ")", ";", "->", "=>", "&", "//", "the", "of", "entry", "writer", "reader", "block",
    "0", "1", "true", "false", "for", "in", "while", "if", "else", "const", "static", "use",
];
