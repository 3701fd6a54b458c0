//! Why a whole run or command fails: error codes with their sentences and what to do.

use super::text::{Language, Sentence};

/// One code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub code: &'static str,
    /// What happened and what to do.
    pub text: Sentence,
}

macro_rules! failures {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $en:literal, $de:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $name: &str = $code;
        )*

        /// All codes.
        pub const FAILURES: &[Failure] = &[$(Failure { code: $code, text: Sentence { en: $en, de: $de } },)*];
    };
}

failures! {
    /// The watchdog closed the run.
    AGENT_OFFLINE = "AGENT_OFFLINE",
        "The agent stopped reporting, so the run was closed as failed. Check that the machine is on and the agent is running.",
        "Der Agent meldet sich nicht mehr, der Lauf wurde als fehlgeschlagen geschlossen. Pr\u{fc}fen Sie, ob der Rechner l\u{e4}uft und der Agent gestartet ist.";
    /// The run was stopped because its window ended.
    WINDOW_ENDED = "WINDOW_ENDED",
        "The time window of the job ended, so the run was stopped. The next one goes on from what was uploaded.",
        "Das Zeitfenster des Auftrags war zu Ende, deshalb wurde der Lauf angehalten. Der n\u{e4}chste macht bei dem weiter, was hochgeladen ist.";
    /// The run was withdrawn because it was not taken in time.
    SCHEDULE_MISSED = "SCHEDULE_MISSED",
        "The machine did not take the run in time, and the job does not make up for missed runs. Start it by hand, or let the schedule make up for missed runs.",
        "Der Rechner hat den Lauf nicht rechtzeitig begonnen, und der Auftrag holt Ausgefallenes nicht nach. Starten Sie ihn von Hand, oder lassen Sie den Zeitplan Ausgefallenes nachholen.";
    /// The run was withdrawn because its job does not start by itself any more.
    SCHEDULE_WITHDRAWN = "SCHEDULE_WITHDRAWN",
        "Before the run began, its job was disabled or its schedule was taken away. Start it by hand when it is needed.",
        "Bevor der Lauf begann, wurde sein Auftrag deaktiviert oder der Zeitplan entfernt. Starten Sie ihn von Hand, wenn er gebraucht wird.";
    /// A virtual machine does not allow checkpoints.
    CHECKPOINTS_DISABLED = "CHECKPOINTS_DISABLED",
        "The virtual machine does not allow checkpoints, so its backup is only crash-consistent.",
        "Die virtuelle Maschine erlaubt keine Pr\u{fc}fpunkte, ihre Sicherung ist nur absturzkonsistent.";
    /// A ready vault has no repository.
    REPOSITORY_MISSING = "repository_missing",
        "The vault's storage holds no repository where one must be. Check bucket, prefix or folder; it is never created anew by itself.",
        "Im Speicher des Tresors fehlt das Repository, das dort sein muss. Pr\u{fc}fen Sie Bucket, Pr\u{e4}fix oder Ordner; es wird nie von selbst neu angelegt.";
    /// The place of a new repository is taken.
    REPOSITORY_EXISTS = "repository_exists",
        "The place already holds a repository that this vault's password does not open. Choose another prefix or folder.",
        "Dort liegt bereits ein Repository, das sich mit dem Passwort dieses Tresors nicht \u{f6}ffnen l\u{e4}sst. W\u{e4}hlen Sie einen anderen Pr\u{e4}fix oder Ordner.";
    /// The password does not open the repository.
    WRONG_PASSWORD = "wrong_password",
        "The vault's password does not open its repository. Enter the right one in the vault's settings.",
        "Das Passwort des Tresors \u{f6}ffnet sein Repository nicht. Tragen Sie das richtige in den Einstellungen des Tresors ein.";
    /// The repository's format is newer.
    REPOSITORY_TOO_NEW = "repository_too_new",
        "The repository was written by a newer version than this agent understands. Update the agent.",
        "Das Repository stammt von einer neueren Version, als dieser Agent versteht. Aktualisieren Sie den Agenten.";
    /// The repository is damaged.
    REPOSITORY_DAMAGED = "repository_damaged",
        "The repository is damaged or half written. Check the vault before you rely on it.",
        "Das Repository ist besch\u{e4}digt oder unvollst\u{e4}ndig. Pr\u{fc}fen Sie den Tresor, bevor Sie sich darauf verlassen.";
    /// The repository is being converted by somebody else.
    REPOSITORY_LOCKED = "repository_locked",
        "The repository is locked because its format is being upgraded. Wait until that is over.",
        "Das Repository ist gesperrt, weil sein Format gerade aktualisiert wird. Warten Sie, bis das beendet ist.";
    /// Another program of this machine maintains the repository.
    MAINTENANCE_RUNNING = "maintenance_running",
        "Another program on this machine is maintaining the repository. Wait until that is over.",
        "Ein anderes Programm auf diesem Rechner wartet das Repository gerade. Warten Sie, bis das beendet ist.";
    /// The clocks of machine and storage differ.
    CLOCK_WRONG = "clock_wrong",
        "The clock of this machine differs from the storage's by more than five minutes, so nothing may be freed. Set the clock.",
        "Die Uhr dieses Rechners weicht um mehr als f\u{fc}nf Minuten von der des Speichers ab, deshalb darf nichts freigegeben werden. Stellen Sie die Uhr.";
    /// Object locks could not be extended.
    LOCK_NOT_EXTENDED = "lock_not_extended",
        "The object locks of the vault could not be extended. Allow the vault's keys to set locks, and run full maintenance again before the locks end.",
        "Die Objektsperren des Tresors konnten nicht verl\u{e4}ngert werden. Erlauben Sie den Schl\u{fc}sseln des Tresors, Sperren zu setzen, und starten Sie die vollst\u{e4}ndige Wartung erneut, bevor die Sperren enden.";
    /// The storage does not answer.
    STORAGE_UNREACHABLE = "storage_unreachable",
        "The storage cannot be reached. Check its address, the network and whether the service is up.",
        "Der Speicher ist nicht erreichbar. Pr\u{fc}fen Sie Adresse, Netzwerk und ob der Dienst l\u{e4}uft.";
    /// The storage refuses the keys.
    STORAGE_DENIED = "storage_denied",
        "The storage refuses access. Check the keys and what they may do in this bucket or folder.",
        "Der Speicher verweigert den Zugriff. Pr\u{fc}fen Sie die Schl\u{fc}ssel und ihre Rechte f\u{fc}r diesen Bucket oder Ordner.";
    /// The bucket or folder does not exist.
    STORAGE_NOT_FOUND = "storage_not_found",
        "The bucket or folder does not exist. Create it or correct its name.",
        "Der Bucket oder Ordner existiert nicht. Legen Sie ihn an oder korrigieren Sie den Namen.";
    /// No space is left.
    STORAGE_FULL = "storage_full",
        "The storage is full. Free space or raise the quota, then start the run again.",
        "Der Speicher ist voll. Schaffen Sie Platz oder erh\u{f6}hen Sie die Quote und starten Sie den Lauf erneut.";
    /// The storage gives back other bytes than were written.
    STORAGE_UNRELIABLE = "storage_unreliable",
        "The storage answered with wrong or truncated data. Do not use it before the cause is known.",
        "Der Speicher hat falsche oder abgeschnittene Daten geliefert. Verwenden Sie ihn nicht, bevor die Ursache bekannt ist.";
    /// Any other trouble with the storage.
    STORAGE_FAILED = "storage_failed",
        "The storage could not do what was asked; the message says why.",
        "Der Speicher konnte die Anforderung nicht ausf\u{fc}hren; die Meldung nennt den Grund.";
    /// No source path can be read.
    SOURCE_MISSING = "source_missing",
        "None of the source paths could be read. Correct the job's sources or the agent's rights.",
        "Keiner der Quellpfade konnte gelesen werden. Korrigieren Sie die Quellen des Auftrags oder die Rechte des Agenten.";
    /// The snapshot does not exist.
    SNAPSHOT_NOT_FOUND = "snapshot_not_found",
        "The snapshot was not found: the backup did not complete, or it was deleted.",
        "Der Schnappschuss wurde nicht gefunden: Die Sicherung wurde nicht vollst\u{e4}ndig, oder er wurde gel\u{f6}scht.";
    /// A path inside a snapshot does not exist.
    PATH_NOT_FOUND = "path_not_found",
        "This path does not exist.", "Dieser Pfad existiert nicht.";
    /// A path may not be read.
    PATH_DENIED = "path_denied",
        "The agent may not read this folder. Give the agent's account access.",
        "Der Agent darf diesen Ordner nicht lesen. Geben Sie dem Konto des Agenten Zugriff.";
    /// A path is not acceptable.
    PATH_INVALID = "path_invalid",
        "The path must be absolute and may not contain `..`.",
        "Der Pfad muss absolut sein und darf kein `..` enthalten.";
    /// The restore target cannot be written.
    TARGET_FAILED = "target_failed",
        "The target folder cannot be written. Check the path, its rights and the free space.",
        "Der Zielordner kann nicht geschrieben werden. Pr\u{fc}fen Sie Pfad, Rechte und freien Platz.";
    /// A download broke off.
    TRANSFER_BROKEN = "transfer_broken",
        "The machine stopped sending in the middle, so the download is not complete. Download it again.",
        "Der Rechner hat mitten im Senden aufgeh\u{f6}rt, die heruntergeladene Datei ist also nicht vollst\u{e4}ndig. Laden Sie sie erneut herunter.";
    /// A download that nobody fetched.
    TRANSFER_UNFETCHED = "transfer_unfetched",
        "The download was ready, and the browser did not fetch it. Download it again.",
        "Die Datei war bereit, und der Browser hat sie nicht abgeholt. Laden Sie sie erneut herunter.";
    /// The agent was stopped in the middle.
    INTERRUPTED = "interrupted",
        "The agent was stopped while it was working on this, and it may not be repeated by itself. Start it again.",
        "Der Agent wurde dabei angehalten, und der Vorgang darf nicht von selbst wiederholt werden. Starten Sie ihn erneut.";
    /// The server refused the last report of a run.
    REPORT_REFUSED = "report_refused",
        "The work ended, but the server refused the agent's report of it. Look for the restore points with \"Refresh\" in the vault, and update agent and server to the same version.",
        "Die Arbeit ist beendet, aber der Server hat den Bericht des Agenten abgelehnt. Suchen Sie die Wiederherstellungspunkte mit \u{201e}Aktualisieren\u{201c} im Tresor, und bringen Sie Agent und Server auf dieselbe Version.";
    /// It was cancelled.
    CANCELLED = "cancelled",
        "This operation was stopped on request.", "Dieser Vorgang wurde auf Wunsch angehalten.";
    /// The command type is not known.
    UNKNOWN_COMMAND = "unknown_command",
        "This version of the agent does not know the command. Update the agent.",
        "Diese Version des Agenten kennt den Befehl nicht. Aktualisieren Sie den Agenten.";
    /// The engine is not known.
    UNKNOWN_ENGINE = "unknown_engine",
        "This version of the agent does not know the kind of backup. Update the agent.",
        "Diese Version des Agenten kennt die Art der Sicherung nicht. Aktualisieren Sie den Agenten.";
    /// The work order cannot be carried out as it stands.
    BAD_REQUEST = "bad_request",
        "The work order is not valid; the message names the field.",
        "Der Auftrag ist ung\u{fc}ltig; die Meldung nennt das Feld.";
    /// The answer is too large.
    RESULT_TOO_LARGE = "result_too_large",
        "The answer is too large to be sent. Ask for a smaller page.",
        "Die Antwort ist zu gro\u{df}. Fordern Sie eine kleinere Seite an.";
    /// The agent's own error.
    INTERNAL = "agent_error",
        "The agent failed unexpectedly. Its log on the machine says more.",
        "Im Agenten ist ein unerwarteter Fehler aufgetreten. Sein Protokoll auf dem Rechner sagt mehr.";
}

/// The entry of a code.
pub fn find(code: &str) -> Option<&'static Failure> {
    FAILURES.iter().find(|failure| failure.code == code)
}

/// The sentence of a code, `None` for one that is not known.
pub fn sentence(code: &str, language: Language) -> Option<&'static str> {
    find(code).map(|failure| failure.text.in_language(language))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    // Requirements: LOG-9
    #[test]
    fn every_code_is_unique_and_speaks_both_languages() {
        let mut codes = BTreeSet::new();
        for failure in FAILURES {
            assert!(codes.insert(failure.code), "{} stands twice", failure.code);
            assert_ne!(failure.text.en, failure.text.de, "{}", failure.code);
            for text in [failure.text.en, failure.text.de] {
                assert!(!text.to_lowercase().contains("kopia"), "{}", failure.code);
            }
        }
        assert!(sentence("repository_missing", Language::German).is_some());
        assert!(sentence("never-heard", Language::English).is_none());
    }
}
