use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use holdfast_host::{Cancel, Cancelled};

#[test]
fn a_clone_sees_the_request() {
    let cancel = Cancel::new();
    let clone = cancel.clone();
    assert_eq!(clone.check(), Ok(()));
    cancel.cancel();
    assert_eq!(clone.check(), Err(Cancelled));
}

#[test]
fn waiting_ends_early_when_cancelled() {
    let cancel = Cancel::new();
    let waiter = {
        let cancel = cancel.clone();
        std::thread::spawn(move || {
            let start = Instant::now();
            (
                cancel.wait_timeout(Duration::from_secs(60)),
                start.elapsed(),
            )
        })
    };
    cancel.cancel();
    let (cancelled, waited) = waiter.join().unwrap();
    assert!(cancelled);
    assert!(waited < Duration::from_secs(30));
    assert!(!Cancel::new().wait_timeout(Duration::from_millis(5)));
}

#[test]
fn callbacks_run_once_and_can_be_forgotten() {
    let count = Arc::new(AtomicUsize::new(0));
    let raise = |count: &Arc<AtomicUsize>| {
        let count = Arc::clone(count);
        move || {
            count.fetch_add(1, Ordering::SeqCst);
        }
    };
    let cancel = Cancel::new();
    let _kept = cancel.on_cancel(raise(&count));
    drop(cancel.on_cancel(raise(&count)));
    cancel.cancel();
    cancel.cancel();
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let _late = cancel.on_cancel(raise(&count));
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[test]
fn a_child_follows_its_parent_but_not_the_other_way_round() {
    let parent = Cancel::new();
    let (first, second) = (parent.child(), parent.child());
    first.cancel();
    assert!(!parent.is_cancelled() && !second.is_cancelled());
    parent.cancel();
    assert!(second.is_cancelled());
    assert!(parent.child().is_cancelled());
}
