//! What messages say: subject and text of a mail, body of a webhook, in English and German.
//!
//! The outbox keeps what happened, not the words: they are made when the message leaves, in the language that its channel has
//! then. File names and what agents say in their own words do not leave the server.

use holdfast_protocol::{
    Time,
    agent::text::{Language, PRODUCT_NAME, sanitise},
    alerts::{AlertKind, AlertValues, reason},
    api::notifications::RunResult,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Longest subject, in characters.
const LONGEST_SUBJECT: usize = 200;

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub(crate) enum Message {
    /// An alert is open.
    #[serde(rename = "alert.opened")]
    AlertOpened(AlertMessage),
    /// An alert is over.
    #[serde(rename = "alert.closed")]
    AlertClosed(AlertMessage),
    /// A run is over.
    #[serde(rename = "run.ended")]
    RunEnded(RunMessage),
    /// Somebody tries the channel.
    #[serde(rename = "test")]
    Test { channel: String },
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AlertMessage {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) severity: String,
    pub(crate) object_type: String,
    pub(crate) object_id: Uuid,
    pub(crate) object_name: String,
    pub(crate) params: Map<String, Value>,
    pub(crate) target_type: String,
    pub(crate) target_id: Uuid,
    pub(crate) since: Time,
    pub(crate) opened_at: Time,
    pub(crate) closed_at: Option<Time>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunMessage {
    pub(crate) id: Uuid,
    /// `backup` or `restore`.
    pub(crate) run_type: String,
    pub(crate) status: RunResult,
    /// It is the first that succeeds after one that did not.
    pub(crate) recovered: bool,
    pub(crate) job_id: Option<Uuid>,
    pub(crate) job_name: String,
    pub(crate) machine: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) problems: i64,
    pub(crate) started_at: Option<Time>,
    pub(crate) finished_at: Option<Time>,
}

/// What every message says about where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Envelope<'a> {
    /// Stays the same for each attempt.
    pub(crate) id: Uuid,
    pub(crate) created_at: Time,
    pub(crate) tenant: &'a str,
    /// Where pages are; empty when nobody said so.
    pub(crate) public_url: &'a str,
    pub(crate) language: Language,
}

impl Message {
    /// Name of the event.
    pub(crate) fn event(&self) -> &'static str {
        match self {
            Self::AlertOpened(_) => "alert.opened",
            Self::AlertClosed(_) => "alert.closed",
            Self::RunEnded(_) => "run.ended",
            Self::Test { .. } => "test",
        }
    }

    /// Subject of a mail: one line.
    pub(super) fn subject(&self, envelope: &Envelope<'_>) -> String {
        let line = format!(
            "[{PRODUCT_NAME}] {}: {}",
            envelope.tenant,
            self.sentence(envelope.language)
        );
        one_line(&line)
    }

    /// Text of a mail.
    pub(super) fn text(&self, envelope: &Envelope<'_>) -> String {
        let language = envelope.language;
        let mut parts = vec![self.sentence(language)];
        parts.extend(self.detail(language).filter(|text| !text.is_empty()));
        let facts = self.facts(language);
        if !facts.is_empty() {
            parts.push(facts.join("\n"));
        }
        parts.extend(self.link(envelope.public_url));
        let foot = pick(
            language,
            "Who gets which message is set under Notifications.",
            "Wer welche Nachricht bekommt, steht unter Benachrichtigungen.",
        );
        parts.push(format!("-- \n{PRODUCT_NAME}, {}. {foot}", envelope.tenant));
        let text: Vec<String> = parts.iter().map(|part| without_controls(part)).collect();
        text.join("\n\n") + "\n"
    }

    /// Body of a webhook.
    pub(super) fn body(&self, envelope: &Envelope<'_>) -> Value {
        let language = envelope.language;
        let mut body = json!({
            "version": 1,
            "id": envelope.id,
            "created_at": envelope.created_at,
            "tenant": envelope.tenant,
            "title": one_line(&self.sentence(language)),
            "detail": self.detail(language).unwrap_or_default(),
            "url": self.link(envelope.public_url),
        });
        if let (Value::Object(body), Ok(Value::Object(own))) =
            (&mut body, serde_json::to_value(self))
        {
            let event = own.get("event").cloned().unwrap_or_default();
            body.insert("event".to_owned(), event);
            let object = match self {
                Self::AlertOpened(_) | Self::AlertClosed(_) => "alert",
                Self::RunEnded(_) => "run",
                Self::Test { .. } => "test",
            };
            let own = own.into_iter().filter(|(key, _)| key != "event");
            body.insert(object.to_owned(), Value::Object(own.collect()));
        }
        body
    }

    /// What happened, one sentence.
    fn sentence(&self, language: Language) -> String {
        match self {
            Self::AlertOpened(alert) | Self::AlertClosed(alert) => {
                let is_over = matches!(self, Self::AlertClosed(_));
                alert.sentence(is_over, language)
            }
            Self::RunEnded(run) => run.sentence(language),
            Self::Test { channel } => match language {
                Language::English => format!("This is a test of the channel {channel}."),
                Language::German => format!("Das ist ein Test des Kanals {channel}."),
            },
        }
    }

    /// Why, and what to do.
    fn detail(&self, language: Language) -> Option<String> {
        match self {
            Self::AlertOpened(alert) => {
                let kind = AlertKind::parse(&alert.kind)?;
                let words = kind.detail_words(&alert.values());
                Some(pick(language, words.en, words.de))
            }
            Self::AlertClosed(_) => None,
            Self::RunEnded(run) => match run.status {
                RunResult::Failed | RunResult::Cancelled => {
                    let code = run.error_code.as_deref()?;
                    Some(reason(code, language).to_owned())
                }
                RunResult::PartialSuccess => Some(match language {
                    Language::English => format!("Items that are missing: {}.", run.problems),
                    Language::German => format!("Fehlende Eintr\u{e4}ge: {}.", run.problems),
                }),
                RunResult::Success => None,
            },
            Self::Test { .. } => Some(pick(
                language,
                "Messages of this channel arrive.".to_owned(),
                "Die Nachrichten dieses Kanals kommen an.".to_owned(),
            )),
        }
    }

    /// Names and times, a line each.
    fn facts(&self, language: Language) -> Vec<String> {
        let line =
            |en: &str, de: &str, value: String| format!("{}: {value}", pick(language, en, de));
        let mut facts = Vec::new();
        match self {
            Self::AlertOpened(alert) => facts.push(line("Since", "Seit", alert.since.to_string())),
            Self::AlertClosed(alert) => {
                facts.push(line("Since", "Seit", alert.since.to_string()));
                if let Some(at) = alert.closed_at {
                    facts.push(line("Until", "Bis", at.to_string()));
                }
            }
            Self::RunEnded(run) => {
                if let Some(machine) = &run.machine {
                    facts.push(line("Machine", "Rechner", machine.clone()));
                }
                for (en, de, at) in [
                    ("Started", "Begonnen", run.started_at),
                    ("Ended", "Beendet", run.finished_at),
                ] {
                    if let Some(at) = at {
                        facts.push(line(en, de, at.to_string()));
                    }
                }
            }
            Self::Test { .. } => {}
        }
        facts
    }

    /// The page to open.
    fn link(&self, public_url: &str) -> Option<String> {
        if public_url.is_empty() {
            return None;
        }
        let path = match self {
            Self::AlertOpened(alert) | Self::AlertClosed(alert) => match alert.target_type.as_str()
            {
                noun @ ("runs" | "jobs" | "agents" | "vaults") => {
                    format!("/{noun}/{}", alert.target_id)
                }
                _ => "/alerts".to_owned(),
            },
            Self::RunEnded(run) => format!("/runs/{}", run.id),
            Self::Test { .. } => "/notifications".to_owned(),
        };
        Some(format!("{public_url}{path}"))
    }
}

impl AlertMessage {
    fn values(&self) -> AlertValues<'_> {
        AlertValues {
            name: &self.object_name,
            params: &self.params,
        }
    }

    fn sentence(&self, is_over: bool, language: Language) -> String {
        match AlertKind::parse(&self.kind) {
            Some(kind) => {
                let words = if is_over {
                    kind.over_words(&self.values())
                } else {
                    kind.title_words(&self.values())
                };
                pick(language, words.en, words.de)
            }
            None => format!("{}: {}", self.kind, self.object_name),
        }
    }
}

impl RunMessage {
    fn sentence(&self, language: Language) -> String {
        let name = sanitise(&self.job_name, PRODUCT_NAME);
        let is_restore = self.run_type == "restore";
        match (language, self.status) {
            (Language::English, RunResult::Success) if self.recovered => {
                format!("{name} works again.")
            }
            (Language::German, RunResult::Success) if self.recovered => {
                format!("{name} funktioniert wieder.")
            }
            (Language::English, status) => {
                let what = if is_restore { "A restore" } else { "A run" };
                let how = match status {
                    RunResult::Failed => "failed",
                    RunResult::PartialSuccess => "left something out",
                    RunResult::Success => "succeeded",
                    RunResult::Cancelled => "was cancelled",
                };
                format!("{what} of {name} {how}.")
            }
            (Language::German, status) => {
                let what = if is_restore {
                    "Eine Wiederherstellung"
                } else {
                    "Ein Lauf"
                };
                let how = match status {
                    RunResult::Failed => "ist fehlgeschlagen",
                    RunResult::PartialSuccess => "hat etwas ausgelassen",
                    RunResult::Success => "war erfolgreich",
                    RunResult::Cancelled => "wurde abgebrochen",
                };
                format!("{what} von {name} {how}.")
            }
        }
    }
}

fn pick<T>(language: Language, en: T, de: T) -> T {
    match language {
        Language::English => en,
        Language::German => de,
    }
}

/// A text on one line of bounded length: nothing in a name begins another header.
fn one_line(text: &str) -> String {
    let line = text.split(|letter: char| letter.is_control() || letter.is_whitespace());
    let line: Vec<&str> = line.filter(|word| !word.is_empty()).collect();
    let line = line.join(" ");
    match line.char_indices().nth(LONGEST_SUBJECT) {
        Some((at, _)) => format!("{}\u{2026}", &line[..at]),
        None => line,
    }
}

fn without_controls(text: &str) -> String {
    text.chars()
        .filter(|letter| *letter == '\n' || !letter.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::{Time, agent::text::Language, api::notifications::RunResult};
    use serde_json::{Map, json};
    use uuid::Uuid;

    use super::{AlertMessage, Envelope, Message, RunMessage};

    fn envelope(language: Language) -> Envelope<'static> {
        Envelope {
            id: Uuid::nil(),
            created_at: Time::from_millis(1_800_000_000_000),
            tenant: "Harbour",
            public_url: "https://backup.example",
            language,
        }
    }

    fn run(status: RunResult, name: &str) -> Message {
        Message::RunEnded(RunMessage {
            id: Uuid::nil(),
            run_type: "backup".to_owned(),
            status,
            recovered: false,
            job_id: None,
            job_name: name.to_owned(),
            machine: Some("web-01".to_owned()),
            error_code: Some("storage_denied".to_owned()),
            problems: 3,
            started_at: None,
            finished_at: Some(Time::from_millis(1_800_000_000_000)),
        })
    }

    fn alert(name: &str) -> AlertMessage {
        AlertMessage {
            id: Uuid::nil(),
            kind: "vault_unopenable".to_owned(),
            severity: "bad".to_owned(),
            object_type: "vaults".to_owned(),
            object_id: Uuid::nil(),
            object_name: name.to_owned(),
            params: Map::from_iter([("code".to_owned(), json!("storage_denied"))]),
            target_type: "vaults".to_owned(),
            target_id: Uuid::nil(),
            since: Time::from_millis(1_800_000_000_000),
            opened_at: Time::from_millis(1_800_000_000_000),
            closed_at: None,
        }
    }

    // Requirements: RST-7
    #[test]
    fn both_languages_say_what_happened_why_and_where_to_look() {
        let failed = run(RunResult::Failed, "Projects");
        let english = failed.text(&envelope(Language::English));
        assert!(
            english.starts_with("A run of Projects failed.\n\nThe storage refuses access."),
            "{english}"
        );
        assert!(
            english.contains("Machine: web-01") && english.contains("https://backup.example/runs/"),
            "{english}"
        );
        let german = failed.text(&envelope(Language::German));
        assert!(
            german.starts_with(
                "Ein Lauf von Projects ist fehlgeschlagen.\n\nDer Speicher verweigert"
            ),
            "{german}"
        );
        let mut restore = run(RunResult::Success, "Projects");
        if let Message::RunEnded(run) = &mut restore {
            run.run_type = "restore".to_owned();
        }
        assert_eq!(
            restore.subject(&envelope(Language::English)),
            "[Holdfast] Harbour: A restore of Projects succeeded."
        );
        let closed = Message::AlertClosed(alert("offsite"));
        assert_eq!(
            closed.subject(&envelope(Language::German)),
            "[Holdfast] Harbour: offsite l\u{e4}sst sich von jedem Rechner \u{f6}ffnen, der ihn benutzt."
        );
    }

    #[test]
    fn a_name_cannot_add_a_line_to_a_subject() {
        let evil = "x\r\nBcc: all@example.org\u{2028}\u{0}y";
        for message in [
            run(RunResult::Failed, evil),
            Message::AlertOpened(alert(evil)),
        ] {
            let subject = message.subject(&envelope(Language::English));
            assert!(
                !subject.contains(|letter: char| letter.is_control()),
                "{subject:?}"
            );
            assert!(!subject.contains('\u{2028}'), "{subject:?}");
            let text = message.text(&envelope(Language::English));
            assert!(!text.contains(['\r', '\0']), "{text:?}");
        }
        let long = run(RunResult::Failed, &"x".repeat(5000));
        assert!(long.subject(&envelope(Language::English)).chars().count() <= 201);
    }

    #[test]
    fn a_webhook_names_the_event_and_its_object() {
        let opened = Message::AlertOpened(alert("offsite")).body(&envelope(Language::English));
        assert_eq!(
            (&opened["event"], &opened["version"]),
            (&json!("alert.opened"), &json!(1))
        );
        assert_eq!(opened["alert"]["kind"], "vault_unopenable");
        assert_eq!(opened["title"], "offsite cannot be opened.");
        assert!(
            opened["url"]
                .as_str()
                .is_some_and(|url| url.contains("/vaults/"))
        );
        let ended = run(RunResult::PartialSuccess, "Projects").body(&envelope(Language::German));
        assert_eq!(
            (&ended["event"], &ended["run"]["status"]),
            (&json!("run.ended"), &json!("partial_success"))
        );
        let stored = serde_json::to_string(&run(RunResult::Failed, "P")).unwrap();
        assert_eq!(
            serde_json::from_str::<Message>(&stored).unwrap(),
            run(RunResult::Failed, "P")
        );
    }
}
