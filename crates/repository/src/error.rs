//! What can go wrong in a repository, worded for the person who must act on it.

use holdfast_storage::{BlobId, ErrorKind};

use crate::ContentId;

/// Result of every operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the repository engine. No variant ever carries a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store refused or failed an operation.
    #[error(transparent)]
    Storage(#[from] holdfast_storage::Error),

    /// There is no repository at the location.
    #[error(
        "there is no repository at {location}; check the location, or create one with `repo create`"
    )]
    RepositoryMissing {
        /// Where was looked.
        location: String,
    },

    /// Creation was interrupted between its two blobs (format 1 §14 A).
    #[error(
        "the repository at {location} is half-written: {blobcfg} exists but {format} does not; \
         its creation was interrupted, so delete {blobcfg} there and create the repository again",
        blobcfg = crate::blob_names::BLOBCFG,
        format = crate::blob_names::FORMAT
    )]
    RepositoryHalfWritten {
        /// Where was looked.
        location: String,
    },

    /// Parts of a repository are there and others that it must have are not.
    #[error(
        "the repository at {location} is incomplete: there is {found}, but {missing} is missing; if it was copied, copy \
         all of it again, every file of it; `repo repair` makes good what the packs allow"
    )]
    RepositoryIncomplete {
        /// Where was looked.
        location: String,
        /// Something that belongs to a repository.
        found: String,
        /// What a repository with that must have.
        missing: String,
    },

    /// Blobs of another repository lie in the same place.
    #[error(
        "the data at {location} is not that of one repository: {what}; move the files of one of them elsewhere, or \
         restore the place from a copy"
    )]
    RepositoriesMixed {
        /// Where was looked.
        location: String,
        /// What belongs to another repository.
        what: String,
    },

    /// The blob configuration is sealed under another password than the format blob, or damaged.
    #[error(
        "{blobcfg} of the repository at {location} cannot be opened with the password: a change of the password was \
         interrupted, or the blob is damaged; run `repo change-password` with the old and the new password to complete \
         a change, or delete the blob when no object lock was set",
        blobcfg = crate::blob_names::BLOBCFG
    )]
    ConfigurationUnreadable {
        /// Which repository.
        location: String,
    },

    /// The keys of the repository come from its password.
    #[error(
        "the password of the repository at {location} cannot be changed, as in all repositories of format version 1; \
         create a new repository with the new password"
    )]
    PasswordFixed {
        /// Which repository.
        location: String,
    },

    /// A repository or foreign data already exists where one should be created.
    #[error(
        "{location} already holds {found}; choose an empty location or open the existing repository"
    )]
    LocationNotEmpty {
        /// Where should be created.
        location: String,
        /// The blob that is in the way.
        found: String,
    },

    /// The destination of a copy holds something else.
    #[error(
        "{location} holds {found}; nothing was copied: choose an empty place, or the one that holds the earlier copy"
    )]
    OtherRepository {
        /// The destination.
        location: String,
        /// What was found.
        found: &'static str,
    },

    /// The destination of a copy was maintained by itself, which hides what would be copied.
    #[error(
        "the copy at {location} was maintained by itself: {sign}; what is copied into it now would not be seen, and nothing \
         was changed: copy to an empty place, or with --delete, which makes this one what the source is; leave the \
         maintenance of copies to their source"
    )]
    CopyMaintained {
        /// The destination.
        location: String,
        /// How that shows.
        sign: String,
    },

    /// The source of a copy lists no data while its copy has some.
    #[error(
        "{location} lists no data, or no index, and its copy has both; nothing was deleted or copied: check the source, \
         its address and the permission to list it"
    )]
    SourceEmptied {
        /// The source.
        location: String,
    },

    /// A copy would delete much.
    #[error(
        "{reason} at {location}; nothing was changed: look at it with --dry-run, and add --yes when that is meant (among \
         them {})",
        examples.join(", ")
    )]
    DeletionUnconfirmed {
        /// The destination.
        location: String,
        /// What would be deleted.
        reason: String,
        /// Names of some of it.
        examples: Vec<String>,
    },

    /// The source of a copy is not what it listed, again and again.
    #[error(
        "{location} changes while it is copied: what it lists goes away, or it has what it did not list; wait until its \
         maintenance has ended and run the copy again, which goes on where it was"
    )]
    SourceUnstable {
        /// The source.
        location: String,
    },

    /// The password does not open the format blob.
    #[error(
        "the password does not open the repository at {location}; enter the password it was created with"
    )]
    WrongPassword {
        /// Which repository.
        location: String,
    },

    /// The password was changed while the repository was open.
    #[error(
        "the password of the repository at {location} was changed while it was in use; start again with the new password"
    )]
    PasswordChanged {
        /// Which repository.
        location: String,
    },

    /// The repository needs a newer program.
    #[error("the repository needs a newer version of this program: {reason}; update the program")]
    NewerFormat {
        /// What is not understood.
        reason: String,
    },

    /// A valid algorithm of the format that this version does not have yet.
    #[error("{kind} {name} is not supported yet by this version")]
    NotSupportedYet {
        /// `hash`, `encryption`, `splitter`, `compression`, `error correction`, ...
        kind: &'static str,
        /// Name as in the format.
        name: String,
    },

    /// Another client holds the repository's upgrade lock (format 1 §2.6).
    #[error(
        "the repository is locked for a format upgrade by {owner}{message}; wait until the upgrade is over"
    )]
    UpgradeLocked {
        /// Owner of the lock.
        owner: String,
        /// Reason given by the owner, with a leading separator, or empty.
        message: String,
    },

    /// The format blob, or what it holds, cannot be understood.
    #[error("{blob} is not valid: {reason}; restore it from a copy of the repository")]
    InvalidFormat {
        /// Which blob.
        blob: &'static str,
        /// What is wrong.
        reason: String,
    },

    /// The store takes locks and does not keep them, or does not tell of them.
    #[error(
        "{location} does not lock blobs against deletion, or does not tell: a blob that was to be locked shows no lock; use \
         a bucket that was created with object lock and keys that may PutObjectRetention and GetObjectRetention"
    )]
    LockNotKept {
        /// Where it was tried.
        location: String,
    },

    /// Object locks that had to be extended were not.
    #[error(
        "the locks of {failed} of {of} blobs could not be extended and end as they stand: {first}; run full maintenance \
         again once that is mended"
    )]
    LocksNotExtended {
        /// How many failed.
        failed: usize,
        /// How many were to be locked.
        of: usize,
        /// Why the first one failed.
        #[source]
        first: holdfast_storage::Error,
    },

    /// A parameter given by the caller is out of range.
    #[error("{what} is not valid: {reason}")]
    InvalidParameter {
        /// Which parameter.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },

    /// Bytes that came from the store do not have the form they must have.
    #[error("{what} is damaged: {reason}")]
    Damaged {
        /// Which blob or content.
        what: String,
        /// What is wrong.
        reason: String,
    },

    /// The content is in no index.
    #[error("content {id} does not exist in the repository")]
    ContentMissing {
        /// Which content.
        id: ContentId,
    },

    /// The index names a pack that the store does not have, also after a refresh of the index.
    #[error(
        "pack {pack} with content {id} is missing in the store; if the repository was copied, copy the pack as well"
    )]
    PackMissing {
        /// Which content was asked for.
        id: ContentId,
        /// Pack that should hold it.
        pack: BlobId,
    },

    /// The epoch moved twice while index blobs were written (format 1 §8.6).
    #[error(
        "publishing took so long that the repository moved on by two epochs; nothing was published, run it again"
    )]
    PublishTooSlow,

    /// Listing and reading the index blobs never gave a consistent picture.
    #[error("the index of the repository could not be loaded: {reason}; run it again")]
    IndexUnstable {
        /// What kept changing.
        reason: String,
    },

    /// A write session lost contents that were not stored; nothing that refers to them may be published.
    #[error("the write session is incomplete: {reason}; run the backup again")]
    SessionIncomplete {
        /// What happened to the contents.
        reason: String,
    },

    /// A limit of the format was hit.
    #[error("{what} exceeds the limit of the repository format: {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The limit in words.
        limit: &'static str,
    },

    /// The local index cache could not be used.
    #[error("index cache {path}: {source}; check that the directory is writable, or delete it")]
    Cache {
        /// File or directory.
        path: std::path::PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },

    /// Maintenance belongs to another client.
    #[error(
        "maintenance of this repository belongs to {owner}, this is {identity}; run it there, or take it over with \
         `maintenance set --owner me`"
    )]
    NotMaintenanceOwner {
        /// `user@host` of the owner, or `nobody`.
        owner: String,
        /// `user@host` of this client.
        identity: String,
    },

    /// Another process of this client runs maintenance or a repair.
    #[error(
        "maintenance or repair of this repository is running already on this machine (lock {path}); wait until it has \
         ended"
    )]
    MaintenanceRunning {
        /// The lock.
        path: std::path::PathBuf,
    },

    /// The clocks are too far apart for rules about ages.
    #[error(
        "the clock of this machine says {local}, that of the storage {storage}; set the clock, maintenance runs only \
         when they are at most 5 minutes apart"
    )]
    ClockSkew {
        /// The local time.
        local: jiff::Timestamp,
        /// The storage's time at the same moment.
        storage: jiff::Timestamp,
    },

    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {reason}")]
    Random {
        /// What it said.
        reason: String,
    },
}

impl Error {
    /// Whether it says that a blob or content is missing or damaged, rather than that the store cannot be used.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::ContentMissing { .. } | Self::PackMissing { .. } => true,
            Self::Storage(error) => error.is_about_blob(),
            _ => false,
        }
    }

    /// Whether it says that the repository itself cannot be used because something in it is missing or damaged.
    pub(crate) fn is_damage_of_repository(&self) -> bool {
        matches!(
            self,
            Self::RepositoryMissing { .. }
                | Self::RepositoryIncomplete { .. }
                | Self::InvalidFormat { .. }
                | Self::IndexUnstable { .. }
        ) || self.is_damage()
    }

    /// Whether it shows that a content cannot be read any more, rather than that it could not be read just now: a transfer
    /// that broke off, or bytes that arrived garbled according to the store, prove nothing.
    pub(crate) fn proves_loss(&self) -> bool {
        match self {
            Self::Storage(error) => error.is_about_blob() && error.kind() != ErrorKind::Corrupt,
            other => other.is_damage(),
        }
    }

    /// Shorthand for [`Error::Damaged`].
    pub(crate) fn damaged(what: impl std::fmt::Display, reason: impl std::fmt::Display) -> Self {
        Self::Damaged {
            what: what.to_string(),
            reason: reason.to_string(),
        }
    }
}
