//! Causes why single items of a run fail: codes of `problems[]` with their sentences. Pages group by these.

use super::text::{Language, Sentence};

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $en:literal, $de:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $name: &str = $code;
        )*

        /// All codes with what they mean and what to do.
        pub const PROBLEMS: &[(&str, Sentence)] = &[$(($code, Sentence { en: $en, de: $de }),)*];
    };
}

problems! {
    /// The system refused access.
    ACCESS_DENIED = "access_denied",
        "The agent may not read it. Give the agent's account access, or leave it out by a rule.",
        "Der Agent darf es nicht lesen. Geben Sie dem Konto des Agenten Zugriff oder schlie\u{df}en Sie es durch eine Regel aus.";
    /// It was gone when its turn came.
    VANISHED = "vanished",
        "It was deleted or renamed while the run was reading.",
        "Es wurde gel\u{f6}scht oder umbenannt, w\u{e4}hrend der Lauf las.";
    /// It became shorter or changed while it was read.
    CHANGED = "changed_while_read",
        "It changed while it was being read, so its copy may be inconsistent. The next run reads it again.",
        "Es wurde beim Lesen ver\u{e4}ndert, die Kopie kann in sich widerspr\u{fc}chlich sein. Der n\u{e4}chste Lauf liest es erneut.";
    /// The device or file system failed.
    READ_FAILED = "read_failed",
        "The system could not read it. Check the disk and the file system.",
        "Das System konnte es nicht lesen. Pr\u{fc}fen Sie Datentr\u{e4}ger und Dateisystem.";
    /// A folder could not be listed.
    DIRECTORY_UNREADABLE = "directory_unreadable",
        "The folder could not be listed, so everything below it is missing. Check its permissions and the disk.",
        "Der Ordner konnte nicht gelesen werden, alles darunter fehlt. Pr\u{fc}fen Sie Rechte und Datentr\u{e4}ger.";
    /// A source path does not exist.
    SOURCE_MISSING = "source_missing",
        "This source path does not exist on the machine. Correct the job's sources.",
        "Dieser Quellpfad existiert auf dem Rechner nicht. Korrigieren Sie die Quellen des Auftrags.";
    /// A kind of entry that cannot be stored.
    UNSUPPORTED = "unsupported_type",
        "This kind of entry cannot be backed up.",
        "Diese Art von Eintrag kann nicht gesichert werden.";
    /// The name is not allowed where it should go.
    NAME_REFUSED = "name_refused",
        "Its name is not allowed on this system, so it was not restored.",
        "Sein Name ist auf diesem System nicht erlaubt, es wurde nicht wiederhergestellt.";
    /// Two entries have the same name.
    DUPLICATE_NAME = "duplicate_name",
        "Another entry of the folder has the same name; it was restored under a different one.",
        "Ein anderer Eintrag des Ordners tr\u{e4}gt denselben Namen; es wurde unter einem anderen wiederhergestellt.";
    /// Something of another kind is in its place.
    IN_THE_WAY = "in_the_way",
        "Something of another kind is in its place in the target. Move that away or restore to another folder.",
        "An seinem Platz im Ziel liegt etwas anderer Art. R\u{e4}umen Sie es weg oder w\u{e4}hlen Sie einen anderen Zielordner.";
    /// Extended attributes or the like could not be read.
    ATTRIBUTES_NOT_READ = "attributes_not_read",
        "It was backed up, but some of its extended attributes could not be read.",
        "Es wurde gesichert, aber einige seiner erweiterten Attribute konnten nicht gelesen werden.";
    /// Owner, permissions or times could not be set.
    ATTRIBUTES_NOT_SET = "attributes_not_set",
        "It was restored, but owner, permissions or times could not be set.",
        "Es wurde wiederhergestellt, aber Besitzer, Rechte oder Zeiten konnten nicht gesetzt werden.";
    /// The target could not be written.
    WRITE_FAILED = "write_failed",
        "It could not be written to the target. Check free space and permissions there.",
        "Es konnte am Ziel nicht geschrieben werden. Pr\u{fc}fen Sie dort freien Platz und Rechte.";
    /// The stored data is damaged.
    DAMAGED = "damaged",
        "Its stored data is damaged. Take it from another restore point and check the vault.",
        "Die gespeicherten Daten sind besch\u{e4}digt. Nehmen Sie einen anderen Wiederherstellungspunkt und pr\u{fc}fen Sie den Tresor.";
    /// Anything else.
    OTHER = "other",
        "It could not be handled; the message says why.",
        "Es konnte nicht verarbeitet werden; die Meldung nennt den Grund.";
}

/// The sentence of a code; that of [`OTHER`] for one that is not known.
pub fn sentence(code: &str, language: Language) -> &'static str {
    let known = PROBLEMS.iter().find(|(known, _)| *known == code);
    let other = PROBLEMS.iter().find(|(known, _)| *known == OTHER);
    known
        .or(other)
        .map_or("", |(_, sentence)| sentence.in_language(language))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_unique_and_speaks_both_languages() {
        let mut codes = BTreeSet::new();
        for (code, text) in PROBLEMS {
            assert!(codes.insert(code), "{code} stands twice");
            assert_ne!(text.en, text.de, "{code}");
        }
        assert_eq!(
            sentence("never-heard", Language::English),
            sentence(OTHER, Language::English)
        );
        assert_ne!(
            sentence(VANISHED, Language::German),
            sentence(OTHER, Language::German)
        );
    }
}
