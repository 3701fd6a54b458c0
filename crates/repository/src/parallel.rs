//! The same work for many items, several at once. On a remote store the time goes into waiting.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// How many requests without a body run at once.
pub(crate) const REQUESTS: usize = 16;

/// Does `each` for every item on at most `threads` threads, this one included; the results are in the order of the
/// items. After a failure nothing more is begun, and the failure of the earliest item that failed is returned.
pub(crate) fn map<T, R, E>(
    items: &[T],
    threads: usize,
    each: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E>
where
    T: Sync,
    R: Send,
    E: Send,
{
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let failure: Mutex<Option<(usize, E)>> = Mutex::new(None);
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                return;
            };
            match each(item) {
                Ok(result) => results.lock().push((at, result)),
                Err(error) => {
                    next.store(items.len(), Ordering::Relaxed);
                    let mut failure = failure.lock();
                    if failure.as_ref().is_none_or(|(first, _)| at < *first) {
                        *failure = Some((at, error));
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(items.len()) {
            scope.spawn(work);
        }
        work();
    });
    if let Some((_, error)) = failure.into_inner() {
        return Err(error);
    }
    let mut results = results.into_inner();
    results.sort_unstable_by_key(|(at, _)| *at);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn results_are_in_order_whatever_the_number_of_threads() {
        for (items, threads) in [(0, 4), (1, 4), (5, 1), (1000, 8)] {
            let items: Vec<usize> = (0..items).collect();
            let doubled: Result<Vec<usize>, ()> = map(&items, threads, |item| Ok(item * 2));
            let expected: Vec<usize> = items.iter().map(|item| item * 2).collect();
            assert_eq!(doubled, Ok(expected));
        }
    }

    #[test]
    fn so_many_threads_work_at_once() {
        // Nobody passes before all four are there.
        let barrier = Barrier::new(4);
        let passed: Result<Vec<()>, ()> = map(&[(); 4], 4, |()| {
            barrier.wait();
            Ok(())
        });
        assert_eq!(passed.map(|all| all.len()), Ok(4));
    }

    #[test]
    fn a_failure_ends_the_work_and_the_earliest_one_is_named() {
        let items: Vec<usize> = (0..100_000).collect();
        let begun = AtomicUsize::new(0);
        let failed: Result<Vec<()>, usize> = map(&items, 1, |item| {
            begun.fetch_add(1, Ordering::Relaxed);
            match *item {
                3 => Err(3),
                _ => Ok(()),
            }
        });
        assert_eq!((failed, begun.into_inner()), (Err(3), 4));
        // Both fail, the later one first.
        let barrier = Barrier::new(2);
        let second = Barrier::new(2);
        let failed: Result<Vec<()>, usize> = map(&[0, 1], 2, |item| {
            barrier.wait();
            if *item == 1 {
                second.wait();
                return Err(1);
            }
            second.wait();
            Err(0)
        });
        assert_eq!(failed, Err(0));
    }
}
