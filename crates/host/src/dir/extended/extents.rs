//! Gathering the stretches of a sparse file that hold data.

use std::io;

use super::Extents;

/// Stretches that are told apart at most; behind the last one the rest of the file counts as data.
const MOST: usize = 65_536;

/// The stretches of a file of `end` bytes. `next` gives the first one at or behind a position, or `None` when only a hole
/// follows. `None` when the whole file is data.
pub(super) fn gather(
    end: u64,
    mut next: impl FnMut(u64) -> io::Result<Option<(u64, u64)>>,
) -> io::Result<Option<Extents>> {
    let mut extents = Extents::new();
    let mut position = 0;
    while position < end
        && let Some((start, stop)) = next(position)?
    {
        // Another process may change the file meanwhile; what is gathered stays ascending and inside.
        let (start, mut stop) = (start.max(position), stop.min(end));
        if start >= stop {
            break;
        }
        if extents.len() + 1 == MOST {
            stop = end;
        }
        match extents.last_mut() {
            Some((last, length)) if *last + *length == start => *length += stop - start,
            _ => extents.push((start, stop - start)),
        }
        position = stop;
    }
    let whole = end == 0 || extents == [(0, end)];
    Ok((!whole).then_some(extents))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(end: u64, given: &[(u64, u64)]) -> Option<Extents> {
        let next = |position| Ok(given.iter().copied().find(|(_, stop)| *stop > position));
        gather(end, next).expect("no error")
    }

    #[test]
    fn holes_are_what_is_left() {
        assert_eq!(gathered(10, &[(0, 10)]), None);
        assert_eq!(gathered(0, &[]), None);
        assert_eq!(gathered(10, &[]), Some(vec![]));
        assert_eq!(
            gathered(100, &[(10, 20), (40, 200)]),
            Some(vec![(10, 10), (40, 60)])
        );
        // Stretches that touch are one.
        assert_eq!(gathered(10, &[(0, 4), (4, 10)]), None);
        assert_eq!(gathered(10, &[(0, 4), (4, 8)]), Some(vec![(0, 8)]));
    }

    #[test]
    fn a_file_of_very_many_holes_ends_in_data() {
        let every_second: Vec<(u64, u64)> = (0..MOST as u64 + 10)
            .map(|at| (2 * at + 1, 2 * at + 2))
            .collect();
        let end = 2 * (MOST as u64 + 10);
        // Looking them up one by one must not be quadratic here.
        let next = |position: u64| Ok(every_second.get(position.div_ceil(2) as usize).copied());
        let extents = gather(end, next).expect("no error").expect("holes");
        assert_eq!(extents.len(), MOST);
        let (start, length) = extents[MOST - 1];
        assert_eq!(start + length, end);
    }
}
