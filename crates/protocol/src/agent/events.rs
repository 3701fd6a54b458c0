//! Events of runs: every message id that an agent sends, with its type, level and sentences. The ids are wire names; the
//! sentences never name an engine.

use serde_json::{Map, Value};

use super::text::{Language, Sentence, fill};

/// One entry of the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventText {
    /// Message id.
    pub id: &'static str,
    /// Type.
    pub kind: &'static str,
    /// Level; a caller may raise it where the table of the contract says so.
    pub level: &'static str,
    /// Templates.
    pub text: Sentence,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident: $kind:literal, $level:literal, $en:literal, $de:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $name: &str = stringify!($name);
        )*

        /// The dictionary.
        pub const EVENTS: &[EventText] = &[
            $(EventText { id: $name, kind: $kind, level: $level, text: Sentence { en: $en, de: $de } },)*
        ];
    };
}

events! {
    /// The engine begins a claimed run; first event of every backup.
    BACKUP_STARTING: "info", "info", "The backup has begun.", "Die Sicherung hat begonnen.";
    /// The agent was given its own run back after a restart; `attempt`.
    RUN_RESUMED: "info", "warn",
        "The agent was restarted and continues this run; data that was already sent is not sent again.",
        "Der Agent wurde neu gestartet und setzt diesen Lauf fort; bereits gesendete Daten werden nicht noch einmal gesendet.";
    /// The engine enters a phase; `stage`.
    STAGE: "stage", "info", "Step: {stage:stage}.", "Schritt: {stage:stage}.";
    /// The policy in force; `compression`.
    KOPIA_POLICY: "info", "info",
        "Settings in force: compression {compression}.", "Geltende Einstellungen: Komprimierung {compression}.";
    /// The upload begins; `source`, `bucket`, `prefix`.
    KOPIA_UPLOAD_START: "info", "info", "Sending {source} to {bucket}[/{prefix}].", "{source} wird nach {bucket}[/{prefix}] gesendet.";
    /// Regular progress; `bytes_uploaded`, `bytes_processed`, `bytes_total`.
    KOPIA_PROGRESS_UPDATE: "progress", "info",
        "Progress: {bytes_processed:size} processed, {bytes_uploaded:size} sent[, {bytes_total:size} in total].",
        "Fortschritt: {bytes_processed:size} verarbeitet, {bytes_uploaded:size} gesendet[, {bytes_total:size} insgesamt].";
    /// Data and manifest are stored; `bytes_uploaded`, `bytes_processed`.
    KOPIA_UPLOAD_COMPLETE: "info", "info", "All data has been sent.", "Alle Daten wurden gesendet.";
    /// The upload broke off; `error`.
    KOPIA_UPLOAD_FAILED: "error", "error", "The data could not be sent: {error}", "Die Daten konnten nicht gesendet werden: {error}";
    /// One item could not be read, the run goes on; `path`, `message`.
    ITEM_FAILED: "warning", "warn", "{path} could not be backed up: {message}", "{path} konnte nicht gesichert werden: {message}";
    /// More items failed than events show; `count`.
    ITEMS_FAILED: "warning", "warn",
        "{count} items could not be handled; the list of problems names them.",
        "{count} Elemente konnten nicht verarbeitet werden; die Problemliste nennt sie.";
    /// End of a backup with counts; `files`, `bytes_total`, `bytes_uploaded`.
    BACKUP_COMPLETE: "summary", "info",
        "The backup is complete: {files} files, {bytes_total:size}, of which {bytes_uploaded:size} had to be sent.",
        "Die Sicherung ist vollst\u{e4}ndig: {files} Dateien, {bytes_total:size}, davon {bytes_uploaded:size} neu gesendet.";
    /// End of a backup in which items failed; `errors`, `files`.
    BACKUP_INCOMPLETE: "summary", "warn",
        "The backup is finished, but {errors} items could not be backed up ({files} files were).",
        "Die Sicherung ist beendet, aber {errors} Elemente konnten nicht gesichert werden ({files} Dateien wurden gesichert).";
    /// The agent saw the cancel request.
    CANCEL_REQUESTED: "cancelled", "warn", "A user asked to stop this run.", "Ein Benutzer hat diesen Lauf angehalten.";
    /// Clean-up is over, the run ends as cancelled; `message`.
    CANCELLED: "info", "info", "This operation was stopped on request.", "Dieser Vorgang wurde auf Wunsch angehalten.";
    /// A restore begins.
    RESTORE_STARTING: "info", "info", "The restore has begun.", "Die Wiederherstellung hat begonnen.";
    /// Regular progress; `files`, `dirs`, `bytes`.
    RESTORE_PROGRESS: "progress", "info",
        "Restored so far: {files} files, {dirs} folders, {bytes:size}.",
        "Bisher wiederhergestellt: {files} Dateien, {dirs} Ordner, {bytes:size}.";
    /// Phase of a restore: the repository is being opened; `stage`.
    KOPIA_RESTORE_STAGE: "stage", "info", "Restore step: {stage:stage}.", "Schritt der Wiederherstellung: {stage:stage}.";
    /// The restore ended well; `files`, `dirs`, `bytes`.
    RESTORE_COMPLETED: "info", "info", "The restore is finished.", "Die Wiederherstellung ist beendet.";
    /// The restore ended, items failed; `errors`.
    RESTORE_INCOMPLETE: "summary", "warn",
        "The restore is finished, but {errors} items could not be restored.",
        "Die Wiederherstellung ist beendet, aber {errors} Elemente konnten nicht wiederhergestellt werden.";
    /// The restore broke off; `message`.
    RESTORE_FAILED: "error", "error",
        "The restore did not succeed: {message}", "Die Wiederherstellung ist fehlgeschlagen: {message}";
    /// The run failed before its engine could start; `message`.
    RUN_FAILED: "error", "error", "The run failed: {message}", "Der Lauf ist fehlgeschlagen: {message}";
    /// The report of a run that had been closed as failed arrived later.
    RUN_REPORTED_LATE: "info", "warn",
        "The agent was away and has now reported how this run ended.",
        "Der Agent war nicht erreichbar und hat das Ergebnis dieses Laufs nachgereicht.";
    /// The schedule asked for a run while this one was at work; `due`.
    SCHEDULE_SKIPPED: "warning", "warn",
        "The run that was due at {due} was left out, because this one was still at work.",
        "Der Lauf, der um {due} f\u{e4}llig war, wurde ausgelassen, weil dieser noch lief.";
    /// The run came into the time at which its schedule stops runs.
    WINDOW_ENDED: "cancelled", "warn",
        "The time window of this job has ended. The run is stopped, and the next one goes on from what was uploaded.",
        "Das Zeitfenster dieses Auftrags ist zu Ende. Der Lauf wird angehalten, und der n\u{e4}chste macht bei dem weiter, was hochgeladen ist.";
    /// The machine did not take the run in time, and its job makes up for nothing.
    SCHEDULE_MISSED: "cancelled", "warn",
        "The machine did not take this run in time. Its job does not make up for missed runs.",
        "Der Rechner hat diesen Lauf nicht rechtzeitig begonnen. Sein Auftrag holt ausgefallene L\u{e4}ufe nicht nach.";
    /// The run's job was disabled, or its schedule was taken away, before it began.
    SCHEDULE_WITHDRAWN: "cancelled", "warn",
        "This run was withdrawn before it began, because its job does not start by itself any more.",
        "Dieser Lauf wurde zur\u{fc}ckgezogen, bevor er begann, weil sein Auftrag nicht mehr von selbst startet.";
    /// The agent started the run without the server; `due`.
    STARTED_OFFLINE: "info", "info",
        "The server could not be reached, so the agent started the run that was due at {due} by itself.",
        "Der Server war nicht erreichbar, deshalb hat der Agent den Lauf, der um {due} f\u{e4}llig war, selbst gestartet.";
    /// The server had started a run for the same time; `due`.
    STARTED_TWICE: "warning", "warn",
        "For {due} there is a run that the server started; this one is a further run.",
        "F\u{fc}r {due} gibt es einen Lauf, den der Server gestartet hat; dieser ist ein weiterer Lauf.";
    /// The job's retention was applied; `count`.
    RETENTION_APPLIED: "info", "info",
        "{count} restore points were deleted by the retention of this job. Maintenance of the vault frees their space, as a rule within three days.",
        "{count} Wiederherstellungspunkte wurden nach der Aufbewahrung dieses Auftrags gel\u{f6}scht. Die Wartung des Tresors gibt ihren Platz frei, in der Regel innerhalb von drei Tagen.";
    /// Points that the retention does not keep stay; `count`.
    RETENTION_REFUSED: "info", "info",
        "{count} restore points that the retention does not keep stay: they are pinned, or are not what the server's list says.",
        "{count} Wiederherstellungspunkte, die die Aufbewahrung nicht beh\u{e4}lt, bleiben: Sie sind festgehalten oder nicht das, was die Liste des Servers sagt.";
    /// The retention could not be applied; `message`.
    RETENTION_FAILED: "warning", "warn",
        "The retention of this job could not be applied: {message} It is tried again within an hour.",
        "Die Aufbewahrung dieses Auftrags konnte nicht angewendet werden: {message} Sie wird innerhalb einer Stunde wieder versucht.";
    /// The clocks of agent and server differ; `seconds`.
    CLOCK_DIFFERS: "warning", "warn",
        "The clock of this machine differs from the server's by {seconds} seconds.",
        "Die Uhr dieses Rechners weicht um {seconds} Sekunden von der des Servers ab.";
    /// A share could not be connected; `message`.
    NETWORK_AUTH_FAILED: "error", "error",
        "The network share refused the sign-in: {message}", "Die Netzwerkfreigabe hat die Anmeldung abgelehnt: {message}";
}

/// What a cancelled operation reads like, wherever its raw text would stand.
pub const CANCELLED_SENTENCE: Sentence = Sentence {
    en: "This operation was stopped on request.",
    de: "Dieser Vorgang wurde auf Wunsch angehalten.",
};

const UNKNOWN_EVENT: Sentence = Sentence {
    en: "The agent reported an event.",
    de: "Der Agent hat ein Ereignis gemeldet.",
};

/// Phases of runs, by wire name.
pub mod stages {
    /// The vault's storage and repository are being opened.
    pub const STORAGE_INIT: &str = "storage_init";
    /// The sources are counted.
    pub const SCAN: &str = "scan";
    /// Data is read and sent.
    pub const UPLOAD_START: &str = "upload_start";
    /// Index and manifest are written.
    pub const FINISH: &str = "finish";
    /// The snapshot is being looked up.
    pub const SNAPSHOT_OPEN: &str = "snapshot_open";
    /// Files are written to the target.
    pub const WRITE_FILES: &str = "write_files";

    /// All of them.
    pub const ALL: [&str; 6] = [
        STORAGE_INIT,
        SCAN,
        UPLOAD_START,
        FINISH,
        SNAPSHOT_OPEN,
        WRITE_FILES,
    ];
}

/// Readable name of a stage, `None` for one that is not known.
pub fn stage_name(stage: &str, language: Language) -> Option<&'static str> {
    let sentence = match stage {
        stages::STORAGE_INIT => Sentence {
            en: "opening the vault",
            de: "Tresor wird ge\u{f6}ffnet",
        },
        stages::SCAN => Sentence {
            en: "counting the files",
            de: "Dateien werden gez\u{e4}hlt",
        },
        stages::UPLOAD_START => Sentence {
            en: "sending the data",
            de: "Daten werden gesendet",
        },
        stages::FINISH => Sentence {
            en: "finishing the snapshot",
            de: "Schnappschuss wird abgeschlossen",
        },
        stages::SNAPSHOT_OPEN => Sentence {
            en: "looking up the snapshot",
            de: "Schnappschuss wird gesucht",
        },
        stages::WRITE_FILES => Sentence {
            en: "writing the files",
            de: "Dateien werden geschrieben",
        },
        _ => return None,
    };
    Some(sentence.in_language(language))
}

/// The entry of a message id.
pub fn find(id: &str) -> Option<&'static EventText> {
    EVENTS.iter().find(|event| event.id == id)
}

/// The sentence of an event: its template, else its `message` parameter, else a generic line.
pub fn format(id: &str, params: &Map<String, Value>, language: Language, product: &str) -> String {
    let template = match find(id) {
        Some(event) => event.text.in_language(language),
        None if params.contains_key("message") => "{message}",
        None => UNKNOWN_EVENT.in_language(language),
    };
    fill(template, params, language, product)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn params(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn placeholders(template: &str) -> BTreeSet<&str> {
        template
            .split('{')
            .skip(1)
            .filter_map(|part| part.split('}').next())
            .collect()
    }

    // Requirements: LOG-1, LOG-9
    #[test]
    fn the_dictionary_is_complete_in_both_languages() {
        let mut ids = BTreeSet::new();
        for event in EVENTS {
            assert!(ids.insert(event.id), "{} stands twice", event.id);
            assert!(
                !event.text.en.is_empty() && !event.text.de.is_empty(),
                "{}",
                event.id
            );
            assert_ne!(event.text.en, event.text.de, "{}", event.id);
            assert_eq!(
                placeholders(event.text.en),
                placeholders(event.text.de),
                "{}",
                event.id
            );
            assert!(
                [
                    "info",
                    "stage",
                    "progress",
                    "cancelled",
                    "warning",
                    "error",
                    "summary"
                ]
                .contains(&event.kind),
                "{}",
                event.id
            );
            assert!(
                ["info", "warn", "error"].contains(&event.level),
                "{}",
                event.id
            );
            for text in [event.text.en, event.text.de] {
                assert!(
                    !text.to_lowercase().contains("kopia"),
                    "{}: {text}",
                    event.id
                );
            }
        }
    }

    #[test]
    fn every_stage_has_a_name_in_both_languages() {
        for stage in stages::ALL {
            assert_ne!(
                stage_name(stage, Language::English).unwrap(),
                stage_name(stage, Language::German).unwrap()
            );
        }
        assert_eq!(stage_name("warp", Language::English), None);
    }

    // Requirements: CAN-10, LOG-2, LOG-5
    #[test]
    fn events_read_like_sentences() {
        let read = |id, value| format(id, &params(value), Language::English, "Holdfast");
        assert_eq!(
            read(
                KOPIA_UPLOAD_START,
                json!({"source": "/srv", "bucket": "b", "prefix": ""})
            ),
            "Sending /srv to b."
        );
        assert_eq!(
            read(
                KOPIA_UPLOAD_START,
                json!({"source": "/srv", "bucket": "b", "prefix": "p"})
            ),
            "Sending /srv to b/p."
        );
        assert_eq!(
            read(STAGE, json!({"stage": "storage_init"})),
            "Step: opening the vault."
        );
        assert_eq!(read(STAGE, json!({"stage": "warp"})), "Step: warp.");
        assert_eq!(
            read(
                RESTORE_PROGRESS,
                json!({"files": 3, "dirs": 1, "bytes": 2048})
            ),
            "Restored so far: 3 files, 1 folders, 2.0 KiB."
        );
        assert_eq!(
            read("NEW_ID", json!({"message": "Kopia says hello"})),
            "Holdfast says hello"
        );
        assert_eq!(read("NEW_ID", json!({})), "The agent reported an event.");
        assert_eq!(
            read(KOPIA_UPLOAD_FAILED, json!({"error": "operation cancelled"})),
            "The data could not be sent: This operation was stopped on request."
        );
    }
}
