//! What has to be done so that an index is about these snapshots and no others: no reading here.

use super::file::Header;
use super::state::Digest;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing: every point is there.
    UpToDate,
    /// Add these points, by their places in what is wanted.
    Extend(Vec<usize>),
    /// Read everything.
    Rebuild,
}

/// So many new points are added one by one in any case.
const FEW: usize = 8;

/// Decides by the identities of the wanted points. Where folders could not be read, an index is about exactly the points it
/// was made for, because nobody knows which others have them.
pub(super) fn plan(header: Option<&Header>, source: &str, wanted: &[Digest]) -> Plan {
    let Some(header) = header.filter(|header| header.source == source) else {
        return Plan::Rebuild;
    };
    let has = |identity: &Digest| header.points.iter().any(|(_, known)| known == identity);
    let new: Vec<usize> = (0..wanted.len()).filter(|at| !has(&wanted[*at])).collect();
    let same = new.is_empty() && header.points.len() == wanted.len();
    if !header.unread.is_empty() && !same {
        return Plan::Rebuild;
    }
    match new.len() {
        0 => Plan::UpToDate,
        // Each passes over the whole file.
        few if few <= FEW.max(header.points.len() / 4) => Plan::Extend(new),
        _ => Plan::Rebuild,
    }
}

/// Whether so many points have gone that all blocks are worth writing anew.
pub(super) fn is_time_to_tidy_up(gone: usize, left: usize) -> bool {
    gone > 16.max(left)
}

#[cfg(test)]
mod tests {
    use super::super::file::Unread;
    use super::super::state::DIGEST;
    use super::*;

    fn points(identities: impl IntoIterator<Item = u8>) -> Vec<Digest> {
        identities.into_iter().map(|byte| [byte; DIGEST]).collect()
    }

    fn header(identities: impl IntoIterator<Item = u8>) -> Header {
        Header {
            source: "s".to_owned(),
            points: (0..).zip(points(identities)).collect(),
            ..Header::default()
        }
    }

    #[test]
    fn new_points_are_added_and_many_are_read_together() {
        for (known, wanted, expected) in [
            (vec![1, 2], vec![1, 2], Plan::UpToDate),
            (vec![1, 2], vec![2], Plan::UpToDate),
            (vec![1, 2], vec![], Plan::UpToDate),
            (vec![1, 2], vec![2, 3, 4], Plan::Extend(vec![1, 2])),
            (vec![], (0..8).collect(), Plan::Extend((0..8).collect())),
            (vec![], (0..9).collect(), Plan::Rebuild),
            (
                (0..40).collect(),
                (0..50).collect(),
                Plan::Extend((40..50).collect()),
            ),
            ((0..40).collect(), (0..51).collect(), Plan::Rebuild),
        ] {
            let plan = plan(Some(&header(known.clone())), "s", &points(wanted.clone()));
            assert_eq!(plan, expected, "{known:?} {wanted:?}");
        }
        assert_eq!(plan(None, "s", &points([1])), Plan::Rebuild);
        assert_eq!(plan(Some(&header([1])), "t", &points([1])), Plan::Rebuild);
    }

    #[test]
    fn with_unread_folders_the_points_must_be_the_same() {
        let mut header = header([1, 2]);
        header.unread = vec![Unread {
            key: Vec::new(),
            object: "kaa".to_owned(),
            reason: "damaged".to_owned(),
        }];
        for (wanted, expected) in [
            (vec![2, 1], Plan::UpToDate),
            (vec![1], Plan::Rebuild),
            (vec![1, 2, 3], Plan::Rebuild),
        ] {
            assert_eq!(plan(Some(&header), "s", &points(wanted)), expected);
        }
    }
}
