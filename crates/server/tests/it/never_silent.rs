//! Never silent: each kind of alert has a fault here, and each fault is told of once, by mail and by webhook, although both
//! receivers were down for a while; so is its end.

use std::{collections::BTreeMap, time::Duration};

use holdfast_host::Clock;
use holdfast_protocol::alerts::AlertKind;
use holdfast_server::FixedSettings;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{
    eventually,
    receivers::{HookSink, MailSink, Mood},
    scene::{Scene, opened_by},
    server::number,
};

const MINUTE: Duration = Duration::from_secs(60);

/// How often one message arrived at each receiver, by what it tells of.
type Counts = BTreeMap<String, usize>;

struct Receivers {
    mail: MailSink,
    hook: HookSink,
}

impl Receivers {
    fn set_down(&self, down: bool) {
        self.mail.set_down(down);
        self.hook.set(if down { Mood::Down } else { Mood::Well });
    }

    /// What the webhooks told of: event, kind or status, and object. A delivery that came twice counts once, as its receiver
    /// would count it.
    fn hooks(&self) -> Counts {
        let mut ids = std::collections::BTreeSet::new();
        let mut counts = Counts::new();
        for hook in self.hook.hooks() {
            if ids.insert(hook.header("x-holdfast-delivery").to_owned()) {
                let name = name_of(&hook.body());
                *counts.entry(name).or_default() += 1;
            }
        }
        counts
    }

    /// How many mails have come with each subject.
    fn mails(&self) -> Counts {
        let mut counts = Counts::new();
        for mail in self.mail.mails() {
            *counts.entry(mail.header("Subject")).or_default() += 1;
        }
        counts
    }
}

fn name_of(body: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match word(&body["event"]).as_str() {
        "run.ended" => format!("run {}", word(&body["run"]["status"])),
        event => format!(
            "{event} {} {}",
            word(&body["alert"]["kind"]),
            word(&body["alert"]["object_id"])
        ),
    }
}

fn sum(counts: &Counts, prefix: &str) -> usize {
    let matching = counts.iter().filter(|(name, _)| name.starts_with(prefix));
    matching.map(|(_, count)| count).sum()
}

/// What tells of a fault, and of its end.
fn events(kind: AlertKind) -> (String, String) {
    match kind {
        AlertKind::RunFailed => ("run failed".to_owned(), "run success".to_owned()),
        AlertKind::FilesSkipped => ("run partial_success".to_owned(), "run success".to_owned()),
        _ => (
            format!("alert.opened {} ", kind.as_str()),
            format!("alert.closed {} ", kind.as_str()),
        ),
    }
}

// Requirements: ALR-3, NOTIF-1
#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_told_of_once_and_so_is_its_end() {
    let receivers = Receivers {
        mail: MailSink::start().await,
        hook: HookSink::start().await,
    };
    let private = FixedSettings {
        private_targets: Some(true),
        ..FixedSettings::default()
    };
    let mut scene = Scene::with(private).await;
    let rules = json!({ "alerts": "info", "runs": ["failed", "partial_success"] });
    let mail = json!({ "kind": "email", "host": "127.0.0.1", "port": receivers.mail.address.port(), "encryption": "none",
        "user": "", "from": "backup@example.org", "to": ["it@example.org", "ops@example.org"] });
    let hook = json!({ "kind": "webhook", "url": receivers.hook.url() });
    for (name, target) in [("mail", mail), ("hook", hook)] {
        let channel = json!({ "name": name, "target": target, "rules": rules });
        scene
            .admin
            .post("/notification-channels", channel)
            .await
            .expect(201);
    }
    let rounds = if holdfast_testkit::soak() { 3 } else { 1 };
    for round in 0..rounds {
        for (index, kind) in AlertKind::ALL.iter().copied().enumerate() {
            // Now and then nobody is there when it happens; in a soak each time.
            let away = rounds > 1 || (index + round) % 4 == 0;
            let away = away && kind != AlertKind::NotificationFailed;
            told_once(&mut scene, &receivers, kind, away).await;
        }
        scene.server.stop().await;
        scene.server.resume().await;
    }
}

/// Breaks what a kind tells of and repairs it; each is noticed within its interval and five minutes, and is told of once.
async fn told_once(scene: &mut Scene, receivers: &Receivers, kind: AlertKind, away: bool) {
    let (opened, closed) = events(kind);
    let (hooks, mails) = (receivers.hooks(), receivers.mails());
    receivers.set_down(away);
    scene.break_it(kind).await;
    let at = scene.clock.now();
    let expected = opened_by(kind, scene.vaults);
    scene.wait_for(kind, expected).await;
    let noticed = scene.alerts(kind).await[0]["opened_at"].clone();
    let noticed: Timestamp = noticed.as_str().expect("a time").parse().expect("a time");
    assert!(
        noticed.duration_since(at) <= SignedDuration::from_mins(5),
        "{kind:?}: {noticed}, not {at}"
    );
    if away {
        // Long enough for several attempts, and not for the alert about the receivers themselves.
        for _ in 0..2 {
            scene.clock.advance(5 * MINUTE);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    receivers.set_down(false);
    arrives(scene, receivers, &hooks, &opened, expected).await;
    scene.repair(kind).await;
    scene.wait_for(kind, 0).await;
    arrives(scene, receivers, &hooks, &closed, expected).await;
    let waiting = "SELECT count(*) FROM outbox JOIN notification_channels c ON c.id = outbox.channel_id \
        WHERE outbox.state = 'pending' AND c.enabled";
    eventually("nothing waits", async || {
        (number(&scene.server, waiting).await == Some(0)).then_some(())
    })
    .await;
    // The mails are as many as the requests, and none came twice.
    let new = |now: &Counts, before: &Counts| sum(now, "") - sum(before, "");
    eventually("each mail has come", async || {
        let (mails_now, hooks_now) = (receivers.mails(), receivers.hooks());
        let (came, expected) = (new(&mails_now, &mails), new(&hooks_now, &hooks));
        (came >= expected).then(|| assert_eq!(came, expected, "{mails_now:#?} {hooks_now:#?}"))
    })
    .await;
}

/// Waits until so many messages have arrived that were not there before; what waits for the receiver to be back waits a few
/// minutes at most.
async fn arrives(
    scene: &Scene,
    receivers: &Receivers,
    before: &Counts,
    prefix: &str,
    expected: usize,
) {
    let steps = std::cell::Cell::new(0);
    eventually(&format!("{expected} messages \"{prefix}\""), async || {
        let arrived = sum(&receivers.hooks(), prefix) - sum(before, prefix);
        assert!(arrived <= expected, "{prefix}: {:#?}", receivers.hooks());
        if arrived < expected {
            steps.set(steps.get() + 1);
            if steps.get() % 10 == 0 && steps.get() <= 100 {
                scene.clock.advance(MINUTE);
            }
        }
        (arrived == expected).then_some(())
    })
    .await;
}
