//! What a run has to say: figures, stages and events, written by the engine and read by the reporter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_host::Clock;
use holdfast_protocol::agent::events;
use holdfast_protocol::agent::text::{Language, PRODUCT_NAME};
use holdfast_protocol::agent::{LogLevel, LogLine, RunEvent, RunUpdate, StageReport};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::figures::{Figures, Meter};
use super::log::LogBuffer;

/// Most events that wait while the server is away; of more, progress events are dropped first.
const MOST_WAITING: usize = 2000;

type Source = Box<dyn Fn() -> Figures + Send + Sync>;

/// The record of one run.
pub struct RunRecorder {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    wake: Notify,
}

struct Inner {
    source: Option<Source>,
    meter: Meter,
    work_began: Option<Instant>,
    stages: Vec<StageReport>,
    waiting: Vec<RunEvent>,
    last_seq: u64,
    log: LogBuffer,
}

impl RunRecorder {
    /// An empty record.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let inner = Inner {
            source: None,
            meter: Meter::default(),
            work_began: None,
            stages: Vec::new(),
            waiting: Vec::new(),
            last_seq: 0,
            log: LogBuffer::default(),
        };
        Self {
            clock,
            inner: Mutex::new(inner),
            wake: Notify::new(),
        }
    }

    /// From now on figures are read from `source`, which is asked every two seconds and must answer at once.
    pub fn watch(&self, source: impl Fn() -> Figures + Send + Sync + 'static) {
        let mut inner = self.inner.lock();
        inner.source = Some(Box::new(source));
        inner.work_began.get_or_insert_with(Instant::now);
    }

    /// A stage begins; the one before ends. Pushes the event `id` with the stage's name.
    pub fn stage(&self, id: &'static str, stage: &'static str) {
        let now = self.clock.now();
        {
            let mut inner = self.inner.lock();
            end_stage(&mut inner.stages, now);
            inner.stages.push(StageReport {
                name: stage.to_owned(),
                started_at: now,
                duration_ms: None,
            });
        }
        self.event(id, [("stage", Value::from(stage))]);
    }

    /// Ends the last stage.
    pub fn end_stages(&self) {
        let now = self.clock.now();
        end_stage(&mut self.inner.lock().stages, now);
    }

    /// Writes a line into the run's full log. It is English, without secrets, and may hold paths.
    pub fn log(&self, level: LogLevel, text: &str) {
        let time = self.clock.now();
        self.inner.lock().log.push(time, level, text);
    }

    /// Pushes an event with the type and level of the dictionary; its sentence stands in the log as well.
    pub fn event(&self, id: &'static str, params: impl IntoIterator<Item = (&'static str, Value)>) {
        let params: Map<String, Value> = params
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let (kind, level) =
            events::find(id).map_or(("info", "info"), |event| (event.kind, event.level));
        let time = self.clock.now();
        let sentence = events::format(id, &params, Language::English, PRODUCT_NAME);
        let mut inner = self.inner.lock();
        inner.log.push(time, LogLevel::of_event(level), &sentence);
        if inner.waiting.len() >= MOST_WAITING {
            let victim = inner
                .waiting
                .iter()
                .position(|event| event.kind == "progress")
                .unwrap_or(0);
            inner.waiting.remove(victim);
        }
        inner.last_seq += 1;
        let seq = inner.last_seq;
        inner.waiting.push(RunEvent {
            seq,
            time,
            kind: kind.to_owned(),
            level: level.to_owned(),
            message_id: id.to_owned(),
            params_json: params,
        });
        drop(inner);
        if kind != "progress" {
            self.wake.notify_one();
        }
    }

    /// What the engine's source says at this moment, unguarded; `None` before there is one.
    pub fn reading(&self) -> Option<Figures> {
        self.inner.lock().source.as_ref().map(|source| source())
    }

    /// The present figures.
    pub fn figures(&self) -> Figures {
        let mut inner = self.inner.lock();
        observe(&mut inner)
    }

    /// Writes figures and stages into an update.
    pub fn fill(&self, update: &mut RunUpdate, is_restore: bool) {
        let mut inner = self.inner.lock();
        if inner.source.is_some() {
            observe(&mut inner);
            let elapsed = inner
                .work_began
                .map_or(Duration::ZERO, |began| began.elapsed());
            inner.meter.fill(update, elapsed, is_restore);
        }
        update.stages = inner.stages.clone();
    }

    /// Waits until something is worth reporting at once.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }

    /// The first `most` events that were not acknowledged.
    pub fn waiting(&self, most: usize) -> Vec<RunEvent> {
        self.inner
            .lock()
            .waiting
            .iter()
            .take(most)
            .cloned()
            .collect()
    }

    /// The first lines of the log that were not acknowledged, as many as one request holds.
    pub fn waiting_log(&self) -> Vec<LogLine> {
        self.inner.lock().log.batch()
    }

    /// All lines of the log that were not acknowledged.
    pub fn rest_of_log(&self) -> Vec<LogLine> {
        self.inner.lock().log.all()
    }

    /// Forgets lines of the log up to `seq`: the server has them, or will never take them.
    pub fn acknowledge_log(&self, seq: u64) {
        self.inner.lock().log.acknowledge(seq);
    }

    /// Forgets events up to `seq`: the server has them.
    pub fn acknowledge(&self, seq: u64) {
        self.inner.lock().waiting.retain(|event| event.seq > seq);
    }
}

fn observe(inner: &mut Inner) -> Figures {
    match &inner.source {
        Some(source) => {
            let reading = source();
            inner.meter.observe(reading).clone()
        }
        None => inner.meter.figures().clone(),
    }
}

fn end_stage(stages: &mut [StageReport], now: jiff::Timestamp) {
    if let Some(last) = stages
        .last_mut()
        .filter(|stage| stage.duration_ms.is_none())
    {
        let duration = now.duration_since(last.started_at).as_millis();
        last.duration_ms = Some(u64::try_from(duration).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use holdfast_host::ManualClock;
    use holdfast_protocol::agent::{Attempt, RunId, events::stages};

    use super::*;

    fn recorder() -> RunRecorder {
        RunRecorder::new(Arc::new(ManualClock::new(jiff::Timestamp::UNIX_EPOCH)))
    }

    #[test]
    fn events_are_numbered_and_kept_until_acknowledged() {
        let recorder = recorder();
        recorder.event(events::BACKUP_STARTING, []);
        recorder.stage(events::STAGE, stages::STORAGE_INIT);
        recorder.event(events::KOPIA_UPLOAD_COMPLETE, []);
        let seqs: Vec<u64> = recorder.waiting(2).iter().map(|event| event.seq).collect();
        assert_eq!(seqs, [1, 2]);
        recorder.acknowledge(2);
        let left = recorder.waiting(10);
        assert_eq!((left.len(), left[0].seq), (1, 3));
    }

    #[test]
    fn a_long_outage_costs_progress_events_first() {
        let recorder = recorder();
        recorder.event(events::BACKUP_STARTING, []);
        for _ in 0..MOST_WAITING + 100 {
            recorder.event(events::KOPIA_PROGRESS_UPDATE, []);
        }
        recorder.event(events::KOPIA_UPLOAD_COMPLETE, []);
        let waiting = recorder.waiting(usize::MAX);
        assert_eq!(waiting.len(), MOST_WAITING);
        assert_eq!(waiting[0].message_id, events::BACKUP_STARTING);
        assert_eq!(
            waiting[MOST_WAITING - 1].message_id,
            events::KOPIA_UPLOAD_COMPLETE
        );
    }

    #[test]
    fn stages_follow_each_other() {
        let recorder = recorder();
        recorder.stage(events::STAGE, stages::STORAGE_INIT);
        recorder.stage(events::STAGE, stages::SCAN);
        recorder.watch(|| Figures {
            bytes_handled: 3,
            ..Figures::default()
        });
        let mut update = RunUpdate::heartbeat(RunId(1), Attempt(1), 1);
        recorder.fill(&mut update, false);
        assert_eq!(update.bytes_processed, Some(3));
        let done: Vec<bool> = update
            .stages
            .iter()
            .map(|stage| stage.duration_ms.is_some())
            .collect();
        assert_eq!(done, [true, false]);
    }
}
