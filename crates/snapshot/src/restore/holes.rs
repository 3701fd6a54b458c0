//! Stretches of zeros that are left as holes.

use std::fs::File;
use std::io;
use std::ops::Range;

use holdfast_host::dir::extended::allow_holes;
use holdfast_host::dir::write_all_at;
use holdfast_host::fs::read_exact_at;

/// Holes begin and end at multiples of this in a file, in bytes: smaller ones cost more than they save.
const BLOCK: u64 = 64 << 10;

/// Whether a file of this many bytes can have holes.
pub(super) fn may_have_holes(length: u64) -> bool {
    length >= BLOCK
}

/// Gives a new file its length as one hole; as zeros where the file system has no holes.
pub(super) fn set_hollow_length(file: &File, length: u64) -> io::Result<()> {
    if let Err(error) = allow_holes(file) {
        tracing::debug!(%error, "holes become zeros on this file system");
    }
    file.set_len(length)
}

/// What lies in a file where zeros are to be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    /// Nothing was written there, so it reads as zeros.
    Hole,
    /// Something may have been.
    Anything,
}

/// Writes those stretches of `data`, which belongs at `offset` of a file, and leaves the rest of it as holes, unless
/// something else lies there already. The file is open for reading as well.
pub(super) fn write_stretches(
    file: &File,
    data: &[u8],
    offset: u64,
    stretches: &[Range<usize>],
    below: Below,
) -> io::Result<()> {
    let at = |position: usize| offset + position as u64;
    for stretch in stretches {
        write_all_at(file, &data[stretch.clone()], at(stretch.start))?;
    }
    if below == Below::Hole {
        return Ok(());
    }
    let starts = std::iter::once(0).chain(stretches.iter().map(|stretch| stretch.end));
    let ends = stretches.iter().map(|stretch| stretch.start);
    let zeros = starts.zip(ends.chain(std::iter::once(data.len())));
    let mut there = Vec::new();
    for block in zeros.flat_map(|(start, end)| blocks(start..end)) {
        there.resize(block.len(), 0);
        read_exact_at(file, &mut there, at(block.start))?;
        if there.iter().any(|&byte| byte != 0) {
            write_all_at(file, &data[block.clone()], at(block.start))?;
        }
    }
    Ok(())
}

fn blocks(stretch: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = stretch.end;
    stretch
        .step_by(BLOCK as usize)
        .map(move |start| start..end.min(start + BLOCK as usize))
}

/// The stretches of `data` that are written when the rest is left as holes. `data` belongs at `offset` of its file.
pub(super) fn without_holes(data: &[u8], offset: u64) -> Vec<Range<usize>> {
    let mut written: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let to_boundary = BLOCK - (offset + at as u64) % BLOCK;
        let end = data.len().min(at + to_boundary as usize);
        let is_hole = data[at..end].iter().all(|&byte| byte == 0);
        match written.last_mut() {
            _ if is_hole => {}
            Some(last) if last.end == at => last.end = end,
            _ => written.push(at..end),
        }
        at = end;
    }
    written
}

/// The stretches of `data`, which begins at `offset` of its file, that are written when the file had data in `extents` and
/// holes elsewhere. What is not zero is written wherever it is.
pub(super) fn around_holes(data: &[u8], offset: u64, extents: &[(u64, u64)]) -> Vec<Range<usize>> {
    let end = offset + data.len() as u64;
    let within = |position: u64| (position - offset) as usize;
    let mut written = Vec::new();
    let mut at = offset;
    let mut next = extents.partition_point(|(start, length)| start.saturating_add(*length) <= at);
    while at < end {
        let (start, stop) = match extents.get(next) {
            Some((start, length)) => (
                (*start).clamp(at, end),
                start.saturating_add(*length).min(end),
            ),
            None => (end, end),
        };
        if start > at {
            let hole = within(at)..within(start);
            // What the map of a damaged snapshot calls a hole is not lost.
            if data[hole.clone()].iter().any(|byte| *byte != 0) {
                written.push(hole);
            }
            at = start;
        }
        if stop > at {
            written.push(within(at)..within(stop));
            at = stop;
        }
        next += 1;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_replace_what_lies_there_and_make_no_data_of_holes() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join("file");
        let options = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path);
        let file = options.expect("make a file");
        file.set_len(8 * BLOCK).expect("set the length");
        write_all_at(&file, &[9; 100], 5 * BLOCK).expect("write");
        let mut data = vec![0; 4 * BLOCK as usize];
        data[BLOCK as usize] = 1;
        let written = |below| {
            let stretches = without_holes(&data, 3 * BLOCK);
            write_stretches(&file, &data, 3 * BLOCK, &stretches, below).expect("write");
            std::fs::read(&path).expect("read")
        };
        let mut expected = vec![0; 8 * BLOCK as usize];
        expected[4 * BLOCK as usize] = 1;
        expected[5 * BLOCK as usize..][..100].fill(9);
        assert!(written(Below::Hole) == expected);
        expected[5 * BLOCK as usize..][..100].fill(0);
        assert!(written(Below::Anything) == expected);
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let blocks = file.metadata().expect("metadata").blocks();
            assert!(blocks * 512 <= 3 * BLOCK, "{blocks}");
        }
    }

    #[test]
    fn whole_blocks_of_zeros_are_left_out() {
        let block = BLOCK as usize;
        let mut data = vec![0; 5 * block];
        assert!(without_holes(&data, 0).is_empty());
        data[block] = 1;
        data[3 * block - 1] = 1;
        let only = |written: Vec<Range<usize>>| (written.len(), written[0].clone());
        assert_eq!(only(without_holes(&data, 0)), (1, block..3 * block));
        // Blocks are those of the file, and the ends of a content are parts of some.
        assert_eq!(
            without_holes(&data, BLOCK / 2),
            [block / 2..3 * block / 2, 5 * block / 2..7 * block / 2]
        );
        assert_eq!(only(without_holes(&[1], 7)), (1, 0..1));
        assert!(without_holes(&[], 7).is_empty());
    }

    #[test]
    fn holes_of_the_snapshot_are_left_out_and_data_never() {
        let written = |data: &[u8], extents: &[(u64, u64)]| -> Vec<(usize, usize)> {
            let pieces = around_holes(data, 100, extents).into_iter();
            pieces.map(|piece| (piece.start, piece.end)).collect()
        };
        let data = [0, 0, 1, 1, 0, 0, 0, 0];
        assert_eq!(written(&data, &[(102, 2)]), [(2, 4)]);
        assert_eq!(
            written(&data, &[(0, 101), (102, 2), (107, 50)]),
            [(0, 1), (2, 4), (7, 8)]
        );
        assert_eq!(written(&data, &[]), [(0, 8)], "no hole where there is data");
        assert_eq!(written(&[0; 8], &[]), []);
        // Maps that no program writes.
        assert_eq!(written(&data, &[(106, 1), (101, 4)]), [(0, 6), (6, 7)]);
        assert_eq!(written(&data, &[(102, u64::MAX)]), [(2, 8)]);
    }
}
