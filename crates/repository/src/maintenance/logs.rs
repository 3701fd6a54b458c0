//! Old diagnostic logs (format 1 §9.5).

use holdfast_storage::BlobInfo;
use jiff::Timestamp;

use super::LogRetention;

/// Splits logs into those that stay and those that go, the newest first: from the first one on that exceeds a limit.
pub(super) fn plan(
    mut logs: Vec<BlobInfo>,
    limits: LogRetention,
    now: Timestamp,
) -> (Vec<BlobInfo>, Vec<BlobInfo>) {
    let limits = limits.or_default();
    logs.sort_by_key(|log| std::cmp::Reverse(log.modified));
    let mut bytes = 0u64;
    let mut stays = |(number, log): (usize, &BlobInfo)| {
        let with_this = bytes.saturating_add(log.length);
        let age = now.duration_since(log.modified).as_nanos();
        let exceeds = limits.max_total_size > 0
            && i128::from(with_this) > i128::from(limits.max_total_size)
            || limits.max_count > 0 && number as i128 >= i128::from(limits.max_count)
            || limits.max_age > 0 && age > i128::from(limits.max_age);
        bytes = with_this;
        !exceeds
    };
    let kept = logs
        .iter()
        .enumerate()
        .take_while(|log| stays(*log))
        .count();
    let gone = logs.split_off(kept);
    (logs, gone)
}

#[cfg(test)]
mod tests {
    use holdfast_storage::BlobId;

    use super::*;

    fn logs(count: usize) -> Vec<BlobInfo> {
        // Log 0 is the oldest; out of order.
        let mut logs: Vec<BlobInfo> = (0..count)
            .map(|number| BlobInfo {
                id: BlobId::new(format!("_log_{number}")).unwrap(),
                length: 100,
                modified: Timestamp::from_second(1000 * number as i64).unwrap(),
            })
            .collect();
        logs.reverse();
        logs.swap(0, count - 1);
        logs
    }

    #[test]
    fn the_first_limit_that_is_exceeded_counts() {
        let now = Timestamp::from_second(10_000).unwrap();
        let none = LogRetention::default();
        for (limits, kept) in [
            (none, 10),
            (
                LogRetention {
                    max_count: 3,
                    ..none
                },
                3,
            ),
            (
                LogRetention {
                    max_total_size: 450,
                    ..none
                },
                4,
            ),
            (
                LogRetention {
                    max_total_size: 400,
                    ..none
                },
                4,
            ),
            // Seconds 5000 to 9000 are at most 5000 seconds old.
            (
                LogRetention {
                    max_age: 5_000_000_000_000,
                    ..none
                },
                5,
            ),
            (
                LogRetention {
                    max_age: 5_000_000_000_000,
                    max_count: 2,
                    ..none
                },
                2,
            ),
        ] {
            let (stay, go) = plan(logs(10), limits, now);
            assert_eq!((stay.len(), go.len()), (kept, 10 - kept), "{limits:?}");
            assert!(
                stay.iter()
                    .all(|old| go.iter().all(|gone| gone.modified < old.modified))
            );
        }
    }
}
