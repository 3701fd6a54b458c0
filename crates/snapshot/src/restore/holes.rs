//! Stretches of zeros that are left as holes.

use std::ops::Range;

/// Holes begin and end at multiples of this in a file, in bytes: smaller ones cost more than they save.
const BLOCK: u64 = 64 << 10;

/// Whether a file of this many bytes can have holes.
pub(super) fn may_have_holes(length: usize) -> bool {
    length as u64 >= BLOCK
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
