//! In which points an entry has one state: stretches of the points' numbers.

use super::codec::{Reader, push_number};

/// The end of a stretch that has not ended: the state is that of the latest point, and of those to come until it changes.
pub(super) const OPEN: u32 = u32::MAX;

/// Stretches of numbers, first and last included, ascending, with gaps between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spans(Vec<(u32, u32)>);

impl Spans {
    pub(super) fn of(first: u32, last: u32) -> Self {
        Self(vec![(first, last)])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn stretches(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Whether the latest point has the state.
    pub(super) fn is_open(&self) -> bool {
        self.0.last().is_some_and(|(_, last)| *last == OPEN)
    }

    /// Adds all points of another.
    pub(super) fn unite(&mut self, other: &Self) {
        if self.0 == other.0 {
            return;
        }
        let mut all = std::mem::take(&mut self.0);
        all.extend_from_slice(&other.0);
        all.sort_unstable();
        for (first, last) in all {
            match self.0.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => self.0.push((first, last)),
            }
        }
    }

    /// Ends an open stretch with the point `last`.
    pub(super) fn close(&mut self, last: u32) {
        if let Some((_, end)) = self.0.last_mut() {
            *end = last.min(*end);
        }
    }

    /// Leaves the end of a stretch open that ends with the point `last`.
    pub(super) fn open_at(&mut self, last: u32) {
        if let Some((_, end)) = self.0.last_mut().filter(|(_, end)| *end == last) {
            *end = OPEN;
        }
    }

    /// Forgets stretches in which none of `points`, ascending, is left.
    pub(super) fn keep(&mut self, points: &[u32]) {
        self.0.retain(|(first, last)| {
            let next = points.partition_point(|point| point < first);
            points.get(next).is_some_and(|point| point <= last)
        });
    }

    pub(super) fn push(&self, out: &mut Vec<u8>) {
        push_number(out, self.0.len() as u64);
        for (first, last) in &self.0 {
            push_number(out, u64::from(*first));
            // 0 for an open end.
            push_number(
                out,
                match *last {
                    OPEN => 0,
                    last => u64::from(last - first) + 1,
                },
            );
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let count: usize = reader.narrow()?;
        let mut spans = Vec::new();
        for _ in 0..count {
            let first: u32 = reader.narrow()?;
            let last = match reader.narrow::<u32>()? {
                0 => OPEN,
                length => first.checked_add(length - 1)?,
            };
            spans.push((first, last));
        }
        Some(Self(spans))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(points: &BTreeSet<u32>) -> Spans {
        let mut spans = Spans::default();
        points
            .iter()
            .for_each(|point| spans.unite(&Spans::of(*point, *point)));
        spans
    }

    fn points() -> impl Strategy<Value = BTreeSet<u32>> {
        proptest::collection::btree_set(0..20u32, 0..12)
    }

    proptest! {
        #[test]
        fn spans_are_sets(left in points(), right in points()) {
            let mut both = of(&left);
            both.unite(&of(&right));
            prop_assert_eq!(&both, &of(&(&left | &right)));
            let listed: BTreeSet<u32> = both.stretches().iter().flat_map(|(first, last)| *first..=*last).collect();
            prop_assert_eq!(listed, &left | &right);
            prop_assert!(both.stretches().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }

        #[test]
        fn stretches_without_points_are_forgotten(all in points(), left in points()) {
            let mut spans = of(&all);
            let before = spans.clone();
            spans.keep(&left.iter().copied().collect::<Vec<_>>());
            for stretch in before.stretches() {
                let stays = left.iter().any(|point| (stretch.0..=stretch.1).contains(point));
                prop_assert_eq!(spans.stretches().contains(stretch), stays);
            }
        }

        #[test]
        fn what_was_written_is_read(all in points(), open: bool) {
            let mut spans = of(&all);
            if let (true, Some(last)) = (open, all.last()) {
                spans.open_at(*last);
                prop_assert!(spans.is_open());
            }
            let mut out = Vec::new();
            spans.push(&mut out);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(Spans::read(&mut reader), Some(spans));
            prop_assert!(reader.is_empty());
        }
    }

    #[test]
    fn a_state_that_goes_on_is_one_stretch_and_one_that_returns_two() {
        let mut spans = Spans::of(0, OPEN);
        spans.close(3);
        spans.unite(&Spans::of(4, OPEN));
        assert_eq!(spans.stretches(), [(0, OPEN)]);
        spans.close(5);
        spans.unite(&Spans::of(7, OPEN));
        assert_eq!(spans.stretches(), [(0, 5), (7, OPEN)]);
    }
}
