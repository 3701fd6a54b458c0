//! The one list of alerts: kind, what it is about, how bad it is, and its sentences in each language.
//!
//! A kind keeps its word for good. Templates name `{name}`, the object, and what a kind brings with it; a part in square
//! brackets is left out when its value is not known.

use serde_json::{Map, Value};

use crate::{
    agent::text::{Language, PRODUCT_NAME, Sentence, fill},
    api::alerts::{Severity, Words},
};

macro_rules! alert_kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $object:literal, $severity:ident,
        [$en:literal, $de:literal], [$detail_en:literal, $detail_de:literal], [$over_en:literal, $over_de:literal];)+) => {
        /// A kind of alert.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AlertKind {
            $($(#[$doc])* $name,)+
        }

        impl AlertKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The noun of what it is about: `jobs`, `agents`, `vaults`, `notification-channels`.
            pub fn object_type(self) -> &'static str {
                match self { $(Self::$name => $object,)+ }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)+ }
            }

            fn title(self) -> Sentence {
                match self { $(Self::$name => Sentence { en: $en, de: $de },)+ }
            }

            fn detail(self) -> Sentence {
                match self { $(Self::$name => Sentence { en: $detail_en, de: $detail_de },)+ }
            }

            fn over(self) -> Sentence {
                match self { $(Self::$name => Sentence { en: $over_en, de: $over_de },)+ }
            }
        }
    };
}

alert_kinds! {
    /// A start was due and nobody made it.
    RunMissed = "run_missed", "jobs", Bad,
        ["A run of {name} was due and was not started.", "Ein Lauf von {name} war f\u{e4}llig und wurde nicht gestartet."],
        ["Run it now, or see why its machine did not take it.",
         "Starten Sie ihn jetzt, oder sehen Sie nach, warum der Rechner ihn nicht begonnen hat."],
        ["The missed run of {name} was made up for.", "Der ausgefallene Lauf von {name} ist nachgeholt."];
    /// The last run that ended has failed.
    RunFailed = "run_failed", "jobs", Bad,
        ["The last run of {name} failed.", "Der letzte Lauf von {name} ist fehlgeschlagen."],
        ["[{reason}]", "[{reason}]"],
        ["{name} works again.", "{name} funktioniert wieder."];
    /// Some items are missing in the last run.
    FilesSkipped = "files_skipped", "jobs", Warning,
        ["The last run of {name} left out some items[: {count}].", "Der letzte Lauf von {name} hat Eintr\u{e4}ge ausgelassen[: {count}]."],
        ["Open the run: it groups them by cause.", "\u{d6}ffnen Sie den Lauf: Er ordnet sie nach Ursachen."],
        ["{name} leaves nothing out any more.", "{name} l\u{e4}sst nichts mehr aus."];
    /// The newest restore point is older than the job's limit.
    JobLate = "job_late", "jobs", Bad,
        ["The newest restore point of {name} is older than allowed.", "Der neueste Wiederherstellungspunkt von {name} ist \u{e4}lter als erlaubt."],
        ["The limit is {hours} h. Run the job now, or see why its runs do not succeed.",
         "Die Grenze liegt bei {hours} Std. Starten Sie den Auftrag jetzt, oder sehen Sie nach, warum seine L\u{e4}ufe nicht gelingen."],
        ["{name} has a restore point inside its limit again.", "{name} hat wieder einen Wiederherstellungspunkt innerhalb der Grenze."];
    /// A machine with jobs is silent.
    AgentUnreachable = "agent_unreachable", "agents", Warning,
        ["{name} is not reachable.", "{name} ist nicht erreichbar."],
        ["Look whether the machine is on and the agent is running. Its jobs do not start meanwhile.",
         "Pr\u{fc}fen Sie, ob der Rechner l\u{e4}uft und der Agent gestartet ist. Seine Auftr\u{e4}ge starten so lange nicht."],
        ["{name} is back.", "{name} ist wieder da."];
    /// Two living processes use one identity.
    AgentCloned = "agent_cloned", "agents", Bad,
        ["Two machines use the identity of {name}.", "Zwei Rechner benutzen die Kennung von {name}."],
        ["One of them is refused. Enrol the copied machine anew.", "Einer von beiden wird abgewiesen. Melden Sie den kopierten Rechner neu an."],
        ["Only one machine uses the identity of {name} now.", "Nur noch ein Rechner benutzt die Kennung von {name}."];
    /// The clock of a machine is wrong.
    ClockWrong = "clock_wrong", "agents", Warning,
        ["The clock of {name} is wrong by {seconds} s.", "Die Uhr von {name} geht um {seconds} s falsch."],
        ["Let the machine set its clock by the network: times of restore points and retention depend on it.",
         "Lassen Sie den Rechner seine Uhr \u{fc}ber das Netz stellen: Zeiten der Wiederherstellungspunkte und Aufbewahrung h\u{e4}ngen daran."],
        ["The clock of {name} is right again.", "Die Uhr von {name} geht wieder richtig."];
    /// The repository of a vault could not be made.
    VaultNotReady = "vault_not_ready", "vaults", Bad,
        ["The storage of {name} could not be set up.", "Der Speicher von {name} konnte nicht eingerichtet werden."],
        ["[{reason}]", "[{reason}]"],
        ["{name} is ready.", "{name} ist bereit."];
    /// A machine that needs the vault cannot open it.
    VaultUnopenable = "vault_unopenable", "vaults", Bad,
        ["{name} cannot be opened[ by {machines}][ and {more} more].", "{name} l\u{e4}sst sich nicht \u{f6}ffnen[: {machines}][ und {more} weitere]."],
        ["[{reason} ]Until that is repaired, nothing is backed up from there, and nothing is restored.",
         "[{reason} ]Bis das behoben ist, wird von dort nichts gesichert und dort nichts wiederhergestellt."],
        ["{name} can be opened by every machine that uses it.", "{name} l\u{e4}sst sich von jedem Rechner \u{f6}ffnen, der ihn benutzt."];
    /// Nobody ever saw the vault's recovery kit.
    KitNotShown = "kit_not_shown", "vaults", Info,
        ["The recovery kit of {name} was never downloaded.", "Das Notfallblatt von {name} wurde nie heruntergeladen."],
        ["Without it nobody can open the vault when this server is lost.", "Ohne das Notfallblatt kann niemand den Tresor \u{f6}ffnen, wenn dieser Server verloren ist."],
        ["The recovery kit of {name} was downloaded.", "Das Notfallblatt von {name} wurde heruntergeladen."];
    /// The list of a vault's points was not compared with the vault for too long.
    CatalogueStale = "catalogue_stale", "vaults", Warning,
        ["The list of restore points of {name} is out of date.", "Die Liste der Wiederherstellungspunkte von {name} ist veraltet."],
        ["It was not compared with the vault for {hours} h. Connect a machine that reaches the vault.",
         "Sie wurde seit {hours} Std. nicht mit dem Tresor verglichen. Verbinden Sie einen Rechner, der den Tresor erreicht."],
        ["The list of restore points of {name} is up to date again.", "Die Liste der Wiederherstellungspunkte von {name} ist wieder aktuell."];
    /// Points that the retention of a job does not keep are still there.
    RetentionOverdue = "retention_overdue", "jobs", Warning,
        ["Restore points that {name} no longer keeps are not deleted.", "Wiederherstellungspunkte, die {name} nicht mehr aufbewahrt, sind nicht gel\u{f6}scht."],
        ["They have waited for more than {hours} h and take space. The job's page says what its retention did last.",
         "Sie warten seit mehr als {hours} Std. und belegen Platz. Die Seite des Auftrags sagt, was seine Aufbewahrung zuletzt getan hat."],
        ["Nothing of {name} waits to be deleted any more.", "Von {name} wartet nichts mehr darauf, gel\u{f6}scht zu werden."];
    /// Full maintenance of a vault did not come to its end for too long.
    MaintenanceOverdue = "maintenance_overdue", "vaults", Warning,
        ["The maintenance of {name} is overdue.", "Die Wartung von {name} ist \u{fc}berf\u{e4}llig."],
        ["[{reason} ]Until it runs, no space is freed. Run it now, or connect the machine that does it.",
         "[{reason} ]Bis sie l\u{e4}uft, wird kein Platz frei. Starten Sie sie jetzt, oder verbinden Sie den Rechner, der sie ausf\u{fc}hrt."],
        ["{name} is maintained again.", "{name} wird wieder gewartet."];
    /// Not everything in a vault was read back within its window.
    VerificationOverdue = "verification_overdue", "vaults", Warning,
        ["Not all of {name} was read back in time.", "{name} wurde nicht rechtzeitig ganz zur\u{fc}ckgelesen."],
        ["[{reason} ]Whether what is stored is still whole is only known of what was read. Maintenance reads the next part: run it now.",
         "[{reason} ]Ob das Gespeicherte noch unversehrt ist, wei\u{df} man nur von dem, was gelesen wurde. Die Wartung liest den n\u{e4}chsten Teil: Starten Sie sie jetzt."],
        ["All of {name} was read back within its window.", "{name} ist innerhalb des Zeitfensters ganz zur\u{fc}ckgelesen."];
    /// Object locks were not extended in time.
    LockNotExtended = "lock_not_extended", "vaults", Bad,
        ["The object locks of {name} were not extended.", "Die Objektsperren von {name} wurden nicht verl\u{e4}ngert."],
        ["[{reason} ]When they end, what they protect can be deleted. Full maintenance extends them: run it now.",
         "[{reason} ]Wenn sie enden, kann gel\u{f6}scht werden, was sie sch\u{fc}tzen. Die volle Wartung verl\u{e4}ngert sie: Starten Sie sie jetzt."],
        ["The object locks of {name} are extended.", "Die Objektsperren von {name} sind verl\u{e4}ngert."];
    /// Something in a vault was damaged when it was read back.
    VaultDamaged = "vault_damaged", "vaults", Bad,
        ["Objects in {name} are damaged or missing[: {count}].", "In {name} sind Objekte besch\u{e4}digt oder fehlen[: {count}]."],
        ["Files that need them cannot be restored. Repair the vault with `holdfast repo repair --read-data`, and run its jobs: they store again what their sources still have.",
         "Dateien, die sie brauchen, lassen sich nicht wiederherstellen. Reparieren Sie den Tresor mit `holdfast repo repair --read-data`, und starten Sie seine Auftr\u{e4}ge: Sie speichern erneut, was die Quellen noch haben."],
        ["Nothing in {name} is damaged any more.", "In {name} ist nichts mehr besch\u{e4}digt."];
    /// What a channel has to tell does not arrive.
    NotificationFailed = "notification_failed", "notification-channels", Warning,
        ["Messages of the channel {name} do not arrive.", "Nachrichten des Kanals {name} kommen nicht an."],
        ["Test the channel: the answer says why. Messages are tried for 24 hours.",
         "Testen Sie den Kanal: Die Antwort nennt den Grund. Nachrichten werden 24 Stunden lang versucht."],
        ["Messages of the channel {name} arrive again.", "Nachrichten des Kanals {name} kommen wieder an."];
}

impl AlertKind {
    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }

    /// What happened, one sentence in each language.
    pub fn title_words(self, values: &AlertValues<'_>) -> Words {
        values.words(self.title())
    }

    /// Why, and what to do; empty when nothing more is known.
    pub fn detail_words(self, values: &AlertValues<'_>) -> Words {
        values.words(self.detail())
    }

    /// The all-clear, one sentence in each language.
    pub fn over_words(self, values: &AlertValues<'_>) -> Words {
        values.words(self.over())
    }
}

/// What the sentences of an alert name.
#[derive(Clone, Copy, Debug)]
pub struct AlertValues<'a> {
    /// The object's name.
    pub name: &'a str,
    /// What the kind brings with it: `count`, `hours`, `seconds`, `machines`, `more` and, as `code`, the reason of a failure.
    pub params: &'a Map<String, Value>,
}

impl AlertValues<'_> {
    fn words(&self, sentence: Sentence) -> Words {
        let filled = |language: Language| {
            let mut params = self.params.clone();
            params.insert("name".to_owned(), self.name.into());
            if let Some(code) = params.get("code").and_then(Value::as_str) {
                let reason = reason(code, language).to_owned();
                params.insert("reason".to_owned(), reason.into());
            }
            fill(
                sentence.in_language(language),
                &params,
                language,
                PRODUCT_NAME,
            )
        };
        Words {
            en: filled(Language::English),
            de: filled(Language::German),
        }
    }
}

/// The sentence of a failure's code; a general one for a code that has none.
pub fn reason(code: &str, language: Language) -> &'static str {
    const GENERAL: Sentence = Sentence {
        en: "Open the page to see why.",
        de: "\u{d6}ffnen Sie die Seite, um den Grund zu sehen.",
    };
    crate::agent::failures::sentence(code, language)
        .unwrap_or_else(|| GENERAL.in_language(language))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, json};

    use super::{AlertKind, AlertValues};

    #[test]
    fn every_kind_speaks_both_languages_and_names_its_object() {
        let params = Map::from_iter([
            ("code".to_owned(), json!("storage_denied")),
            ("count".to_owned(), json!(3)),
            ("hours".to_owned(), json!(26)),
            ("seconds".to_owned(), json!(90)),
            ("machines".to_owned(), json!("web-01, web-02")),
            ("more".to_owned(), json!(2)),
        ]);
        let values = AlertValues {
            name: "Projects",
            params: &params,
        };
        let mut words = BTreeSet::new();
        for kind in AlertKind::ALL {
            assert!(words.insert(kind.as_str()), "{kind:?} stands twice");
            assert_eq!(AlertKind::parse(kind.as_str()), Some(*kind));
            for texts in [kind.title_words(&values), kind.over_words(&values)] {
                assert_ne!(texts.en, texts.de, "{kind:?}");
                for text in [&texts.en, &texts.de] {
                    assert!(text.contains("Projects") && text.ends_with('.'), "{text}");
                }
            }
            let detail = kind.detail_words(&values);
            assert_ne!(detail.en, detail.de, "{kind:?}");
            for text in [kind.title_words(&values).en, detail.en, detail.de] {
                assert!(!text.contains(['{', '[', '\u{2026}']), "{kind:?}: {text}");
            }
        }
    }

    #[test]
    fn a_reason_that_is_not_known_leaves_no_hole() {
        let values = AlertValues {
            name: "offsite",
            params: &Map::new(),
        };
        assert_eq!(AlertKind::RunFailed.detail_words(&values).en, "");
        let detail = AlertKind::VaultUnopenable.detail_words(&values);
        assert!(
            detail.en.starts_with("Until that is repaired"),
            "{}",
            detail.en
        );
    }
}
