//! Which blobs a run reads, and how much of a repository was read when: from listing, record and clock alone.

use std::time::Duration;

use holdfast_storage::{BlobId, BlobInfo};
use jiff::{SignedDuration, Timestamp};

use super::record::Record;
use super::report::{Age, Coverage};
use crate::blob_names::BlobFamily;

/// The most that one run reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of all bytes.
    Percent(u32),
}

impl Budget {
    fn bytes(self, total: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Percent(part) => {
                let bytes = u128::from(total) * u128::from(part) / 100;
                u64::try_from(bytes).unwrap_or(u64::MAX)
            }
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The next run may come so late, whatever the distance of the last two; the first one knows of no distance.
const SHORTEST_INTERVAL: Duration = DAY;

/// Upper ends of the ages by which a report counts, in days; a last group has what is older.
const AGES: [u32; 4] = [1, 7, 30, 90];

/// A blob that is to be read again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) id: BlobId,
    pub(super) length: u64,
    /// When it was last read, or else stored.
    pub(super) since: Timestamp,
    /// Whether it was read since it was stored.
    pub(super) read: bool,
    /// Whether it was damaged when it was read.
    pub(super) damaged: bool,
}

/// The blobs of a listing that belong to a repository, with what the record knows of them. One that was stored after `latest`,
/// by a clock that was wrong, counts from the beginning of time until it is read: else it would wait until then.
pub(super) fn items(
    listing: impl IntoIterator<Item = BlobInfo>,
    record: &Record,
    latest: Timestamp,
) -> Vec<Item> {
    listing
        .into_iter()
        .filter(|blob| BlobFamily::of(blob.id.as_str()).is_some())
        .map(|blob| {
            // What was stored since under the same name was not read.
            let stored = Some(blob.modified).filter(|stored| *stored <= latest);
            let read = record
                .read_at(&blob.id)
                .filter(|read| stored.is_none_or(|stored| *read >= stored));
            Item {
                length: blob.length,
                since: read.or(stored).unwrap_or(Timestamp::UNIX_EPOCH),
                read: read.is_some(),
                damaged: record.damaged.contains_key(blob.id.as_str()),
                id: blob.id,
            }
        })
        .collect()
}

/// The blobs to read now, in this order. What was damaged comes first, whatever the budget, because it may have been
/// repaired; then what was not read for longest. `last_run` is when a run last came to its end, `budget` the most that is read
/// of it, apart from one blob that is longer.
pub(super) fn plan(
    mut items: Vec<Item>,
    window: Duration,
    last_run: Option<Timestamp>,
    now: Timestamp,
    budget: Option<Budget>,
) -> Vec<Item> {
    let since_last = last_run.map_or(SHORTEST_INTERVAL, |last| elapsed(last, now));
    let interval = since_last.max(SHORTEST_INTERVAL);
    let total: u64 = items.iter().map(|item| item.length).sum();
    let budget = budget.map(|budget| budget.bytes(total));
    let share = since_last.as_secs_f64() / window.as_secs_f64().max(1.0);
    // A part of a byte is a byte: whatever there is, is read in time.
    let pace = (total as f64 * share).ceil() as u64;
    let latest = window.saturating_sub(interval);
    items.sort_by(|left, right| {
        let order = |item: &Item| (!item.damaged, item.since, item.id.clone());
        order(left).cmp(&order(right))
    });
    let mut chosen = 0_u64;
    let enough = items.iter().position(|item| {
        let due = item.damaged || elapsed(item.since, now) >= latest || chosen < pace;
        let fits = item.damaged || chosen == 0 || budget.is_none_or(|most| chosen < most);
        if !item.damaged {
            chosen += item.length;
        }
        !(due && fits)
    });
    items.truncate(enough.unwrap_or(items.len()));
    items
}

/// How much was read when.
pub(super) fn summary(items: &[Item], record: &Record, now: Timestamp) -> Coverage {
    let days = |days: u32| DAY.saturating_mul(days);
    let mut coverage = Coverage {
        window_days: record.window_days,
        blobs: 0,
        bytes: 0,
        read_blobs: 0,
        read_bytes: 0,
        never_read_blobs: 0,
        never_read_bytes: 0,
        overdue_blobs: 0,
        overdue_bytes: 0,
        oldest: None,
        last_run: record.last_run,
        ages: AGES
            .map(Some)
            .into_iter()
            .chain([None])
            .map(|up_to_days| Age {
                up_to_days,
                blobs: 0,
                bytes: 0,
            })
            .collect(),
        damaged: record.damaged.values().cloned().collect(),
    };
    for item in items {
        let age = elapsed(item.since, now);
        coverage.blobs += 1;
        coverage.bytes += item.length;
        coverage.oldest = Some(
            coverage
                .oldest
                .map_or(item.since, |old| old.min(item.since)),
        );
        if age > days(record.window_days) {
            coverage.overdue_blobs += 1;
            coverage.overdue_bytes += item.length;
        } else if item.read {
            coverage.read_blobs += 1;
            coverage.read_bytes += item.length;
        }
        if !item.read {
            coverage.never_read_blobs += 1;
            coverage.never_read_bytes += item.length;
            continue;
        }
        let group = coverage
            .ages
            .iter_mut()
            .find(|group| group.up_to_days.is_none_or(|most| age <= days(most)));
        if let Some(group) = group {
            group.blobs += 1;
            group.bytes += item.length;
        }
    }
    coverage
}

/// The time from one moment to a later one; none when it is not later.
fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    let elapsed: SignedDuration = to.duration_since(from);
    elapsed.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = DAY.saturating_mul(30);

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + day * 24 * 3600).unwrap()
    }

    fn item(number: u32, length: u64, since: i64) -> Item {
        Item {
            id: BlobId::new(format!("p{number:032x}")).unwrap(),
            length,
            since: day(since),
            read: true,
            damaged: false,
        }
    }

    fn numbers(items: &[Item]) -> Vec<u32> {
        items
            .iter()
            .map(|item| u32::from_str_radix(&item.id.as_str()[1..], 16).unwrap())
            .collect()
    }

    #[test]
    fn what_a_wrong_clock_stored_is_read_soon_and_then_like_others() {
        let blob = BlobInfo {
            id: item(1, 10, 0).id,
            length: 10,
            modified: day(9999),
        };
        let mut record = Record::default();
        let of = |record: &Record| items([blob.clone()], record, day(1)).remove(0);
        assert_eq!(of(&record).since, Timestamp::UNIX_EPOCH);
        record.note(&blob.id, day(1), None);
        assert_eq!((of(&record).since, of(&record).read), (day(1), true));
        // Read before it was stored, it was not read.
        let found = items([blob.clone()], &record, day(9999)).remove(0);
        assert_eq!((found.since, found.read), (day(9999), false));
    }

    #[test]
    fn the_oldest_come_first_and_a_thirtieth_a_day() {
        let items: Vec<Item> = (0..60)
            .map(|number| item(number, 10, 100 - i64::from(number) % 7))
            .collect();
        let now = day(101);
        let found = plan(items.clone(), WINDOW, Some(day(100)), now, None);
        assert_eq!(numbers(&found), [6, 13]);
        // Three days later it is three times as much.
        let found = plan(items.clone(), WINDOW, Some(day(98)), now, None);
        assert_eq!(numbers(&found), [6, 13, 20, 27, 34, 41]);
        // Twice as often, it is half as much each time.
        let half = day(101) - SignedDuration::from_hours(12);
        assert_eq!(plan(items.clone(), WINDOW, Some(half), now, None).len(), 1);
        // The first run begins as if there had been one the day before.
        assert_eq!(plan(items, WINDOW, None, now, None).len(), 2);
    }

    #[test]
    fn what_would_be_too_old_before_the_next_run_is_read_whatever_that_takes() {
        let items: Vec<Item> = (0..60)
            .map(|number| item(number, 10, i64::from(number / 20)))
            .collect();
        // Runs are daily: at 29 days what was read on day 0 has to go.
        let at = |now| plan(items.clone(), WINDOW, Some(day(now - 1)), day(now), None).len();
        assert_eq!((at(28), at(29), at(30), at(31)), (2, 20, 40, 60));
        // A budget holds it back, except for one blob.
        let least = |most| {
            let budget = Some(Budget::Bytes(most));
            plan(items.clone(), WINDOW, Some(day(28)), day(29), budget).len()
        };
        assert_eq!(
            (least(0), least(1), least(10), least(11), least(100)),
            (1, 1, 1, 2, 10)
        );
        let tenth = Some(Budget::Percent(10));
        assert_eq!(
            plan(items.clone(), WINDOW, Some(day(28)), day(29), tenth).len(),
            6
        );
    }

    #[test]
    fn everything_is_read_even_when_it_is_little() {
        assert_eq!(
            plan(vec![item(1, 1, 0)], WINDOW, None, day(1), None).len(),
            1
        );
        assert_eq!(plan(vec![], WINDOW, None, day(1), None), []);
        // Blobs without bytes count for nothing, and come when they are due.
        let empty = vec![item(1, 0, 0)];
        assert_eq!(
            plan(empty.clone(), WINDOW, Some(day(27)), day(28), None),
            []
        );
        assert_eq!(plan(empty, WINDOW, Some(day(28)), day(29), None).len(), 1);
    }

    #[test]
    fn what_was_damaged_is_looked_at_in_every_run() {
        let mut items: Vec<Item> = (0..60).map(|number| item(number, 10, 100)).collect();
        items[50].damaged = true;
        items[51].damaged = true;
        let found = plan(
            items,
            WINDOW,
            Some(day(100)),
            day(101),
            Some(Budget::Bytes(1)),
        );
        assert_eq!(numbers(&found), [50, 51, 0]);
    }

    #[test]
    fn ages_and_parts_are_counted() {
        let record = Record {
            last_run: Some(day(90)),
            ..Record::default()
        };
        let mut items: Vec<Item> = [100, 99, 90, 80, 70, 69, 0]
            .into_iter()
            .zip(0..)
            .map(|(since, number)| item(number, 1 << number, since))
            .collect();
        items[0].read = false;
        let found = summary(&items, &record, day(100));
        assert_eq!((found.blobs, found.bytes), (7, 127));
        assert_eq!((found.read_blobs, found.read_bytes), (4, 0b1_1110));
        assert_eq!((found.overdue_blobs, found.overdue_bytes), (2, 0b110_0000));
        assert_eq!((found.never_read_blobs, found.never_read_bytes), (1, 1));
        assert_eq!(found.oldest, Some(day(0)));
        let ages: Vec<_> = found
            .ages
            .iter()
            .map(|age| (age.up_to_days, age.bytes))
            .collect();
        assert_eq!(
            ages,
            [
                (Some(1), 2),
                (Some(7), 0),
                (Some(30), 0b1_1100),
                (Some(90), 0b10_0000),
                (None, 0b100_0000)
            ]
        );
    }
}
