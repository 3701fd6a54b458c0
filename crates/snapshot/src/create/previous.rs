//! Which earlier snapshots an upload compares with (format 2 §5.2).

use holdfast_repository::snapshot::SnapshotManifest;

/// The complete snapshot that started last, followed by the incomplete ones that started after it, oldest first.
/// `snapshots` are those of one source.
pub(super) fn select(snapshots: Vec<SnapshotManifest>) -> Vec<SnapshotManifest> {
    let mut complete: Option<SnapshotManifest> = None;
    let mut incomplete = Vec::new();
    for snapshot in snapshots {
        if !snapshot.is_complete() {
            incomplete.push(snapshot);
        } else if complete
            .as_ref()
            .is_none_or(|best| snapshot.start_time > best.start_time)
        {
            complete = Some(snapshot);
        }
    }
    if let Some(complete) = &complete {
        incomplete.retain(|snapshot| snapshot.start_time > complete.start_time);
    }
    incomplete.sort_by(SnapshotManifest::list_order);
    complete.into_iter().chain(incomplete).collect()
}

#[cfg(test)]
mod tests {
    use holdfast_repository::json::UnixNanos;

    use super::*;

    fn snapshot(start: i64, incomplete: &str) -> SnapshotManifest {
        SnapshotManifest {
            start_time: UnixNanos(start),
            incomplete_reason: incomplete.to_owned(),
            ..SnapshotManifest::default()
        }
    }

    fn selected(snapshots: &[(i64, &str)]) -> Vec<i64> {
        let snapshots = snapshots
            .iter()
            .map(|(start, incomplete)| snapshot(*start, incomplete))
            .collect();
        select(snapshots)
            .into_iter()
            .map(|snapshot| snapshot.start_time.0)
            .collect()
    }

    #[test]
    fn the_last_complete_one_and_what_began_after_it() {
        assert_eq!(selected(&[]), [0; 0]);
        assert_eq!(selected(&[(1, ""), (3, ""), (2, "")]), [3]);
        assert_eq!(
            selected(&[
                (5, "checkpoint"),
                (1, ""),
                (3, ""),
                (2, "canceled"),
                (4, "canceled")
            ]),
            [3, 4, 5]
        );
        assert_eq!(selected(&[(2, "canceled"), (1, "checkpoint")]), [1, 2]);
    }
}
