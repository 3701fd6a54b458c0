//! What every engine must keep: figures never fall, a cancel is obeyed within a second, a run that broke off is done
//! again from what is stored, and nothing is left behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_agent::engines::{Assignment, Engine, RunContext, RunResult};
use holdfast_agent::failure::WorkError;
use holdfast_agent::runs::{Figures, RunRecorder};
use holdfast_host::{Cancel, SystemClock};
use holdfast_protocol::agent::events;

/// How soon an engine must end after a cancel.
const CANCEL_TIME: Duration = Duration::from_secs(1);

/// An engine with work for it.
pub(crate) trait Case {
    /// The engine.
    fn engine(&self) -> Arc<dyn Engine>;

    /// Work that takes some seconds. The same every time but for the attempt.
    fn slow(&self, attempt: u32) -> Assignment;

    /// The same work without the brake.
    fn fast(&self, attempt: u32) -> Assignment;

    /// Fails the test when something is left of work that was cancelled.
    fn assert_clean(&self);

    /// Fails the test when the work is not done as it should be.
    fn assert_done(&self, result: &RunResult);
}

/// Runs the suite.
pub(crate) fn conformance(case: &(impl Case + Sync)) {
    cancel_is_obeyed(case, Duration::ZERO);
    cancel_is_obeyed(case, Duration::from_millis(700));
    case.assert_clean();
    figures_never_fall(case);
    done_again(case);
}

struct Running {
    context: RunContext,
}

impl Running {
    fn new() -> Self {
        let recorder = Arc::new(RunRecorder::new(Arc::new(SystemClock::new())));
        Self {
            context: RunContext {
                cancel: Cancel::new(),
                recorder,
            },
        }
    }

    /// Events that the dictionary does not know would have no text.
    fn assert_events_are_known(&self) {
        for event in self.context.recorder.waiting(usize::MAX) {
            assert!(
                events::find(&event.message_id).is_some(),
                "{} is not in the dictionary",
                event.message_id
            );
        }
    }
}

fn cancel_is_obeyed(case: &(impl Case + Sync), after: Duration) {
    let running = Running::new();
    let engine = case.engine();
    std::thread::scope(|scope| {
        let work = scope.spawn(|| engine.run(&case.slow(1), &running.context));
        std::thread::sleep(after);
        let asked = Instant::now();
        running.context.cancel.cancel();
        let result = work.join().unwrap();
        let took = asked.elapsed();
        assert_eq!(
            result,
            Err(WorkError::Cancelled),
            "cancelled after {after:?}"
        );
        assert!(took <= CANCEL_TIME * 3, "the engine took {took:?} to stop");
    });
    running.assert_events_are_known();
}

fn figures_never_fall(case: &(impl Case + Sync)) {
    let running = Running::new();
    let engine = case.engine();
    let mut readings: Vec<Figures> = Vec::new();
    let result = std::thread::scope(|scope| {
        let work = scope.spawn(|| engine.run(&case.slow(2), &running.context));
        while !work.is_finished() {
            // The source itself is asked, so that the guard against falling figures hides nothing.
            readings.extend(running.context.recorder.reading());
            std::thread::sleep(Duration::from_millis(5));
        }
        work.join().unwrap()
    });
    case.assert_done(&result.unwrap());
    readings.extend(running.context.recorder.reading());
    for pair in readings.windows(2) {
        let (before, now) = (&pair[0], &pair[1]);
        assert!(
            now.bytes_handled >= before.bytes_handled,
            "{before:?} {now:?}"
        );
        assert!(
            now.bytes_transferred >= before.bytes_transferred,
            "{before:?} {now:?}"
        );
        assert!(now.files_done >= before.files_done, "{before:?} {now:?}");
        assert!(
            before.bytes_total.is_none() || before.bytes_total == now.bytes_total,
            "{before:?} {now:?}"
        );
    }
    let last = readings.last().unwrap();
    assert_eq!(
        Some(last.bytes_handled),
        last.bytes_total,
        "all is handled at the end"
    );
    running.assert_events_are_known();
}

fn done_again(case: &impl Case) {
    let running = Running::new();
    let result = case.engine().run(&case.fast(3), &running.context).unwrap();
    case.assert_done(&result);
}
