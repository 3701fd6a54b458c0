use std::time::Duration;

use holdfast_host::{Clock, ManualClock, SystemClock};

#[test]
fn the_manual_clock_moves_only_when_told() {
    let start = "2026-01-02T03:04:05Z".parse().unwrap();
    let clock = ManualClock::new(start);
    assert_eq!(clock.now(), start);
    clock.sleep(Duration::from_secs(90));
    assert_eq!(clock.now().to_string(), "2026-01-02T03:05:35Z");
    clock.set_wall_clock(start);
    assert_eq!(clock.now(), start);
    assert_eq!(clock.monotonic(), Duration::from_secs(90));
}

#[test]
fn the_system_clock_never_goes_back() {
    let clock = SystemClock::new();
    let first = clock.monotonic();
    clock.sleep(Duration::from_millis(1));
    assert!(clock.monotonic() > first);
}
