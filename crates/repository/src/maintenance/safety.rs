//! How much time must pass between the steps of maintenance (format 1 §9.5).

use std::time::Duration;

use serde::Serialize;

/// Margins that keep maintenance from harming clients that write or read at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SafetyParameters {
    /// Youngest pack without references that is deleted.
    pub pack_delete_min_age: Duration,
    /// How long a session that was never closed protects its packs.
    pub session_expiration_age: Duration,
    /// Youngest content that is moved into another pack.
    pub rewrite_min_age: Duration,
    /// Youngest content without references that is marked as deleted.
    pub min_content_age: Duration,
    /// Least distance between two garbage collections that both saw a content without references.
    pub margin_between_collections: Duration,
    /// Subtracted from the time before which deleted contents are dropped from the index.
    pub drop_extra_margin: Duration,
    /// Least time from moving contents to deleting the packs they were in.
    pub rewrite_to_delete_delay: Duration,
    /// Whether a deleted content is dropped only after two garbage collections.
    pub two_collections: bool,
}

const HOUR: Duration = Duration::from_secs(3600);

impl SafetyParameters {
    /// Safe beside any number of other clients.
    pub const FULL: Self = Self {
        pack_delete_min_age: HOUR.saturating_mul(24),
        session_expiration_age: HOUR.saturating_mul(96),
        rewrite_min_age: HOUR.saturating_mul(2),
        min_content_age: HOUR.saturating_mul(24),
        margin_between_collections: HOUR.saturating_mul(4),
        drop_extra_margin: HOUR,
        rewrite_to_delete_delay: HOUR,
        two_collections: true,
    };

    /// Frees everything at once; only when no other client uses the repository.
    pub const NONE: Self = Self {
        pack_delete_min_age: Duration::ZERO,
        session_expiration_age: Duration::ZERO,
        rewrite_min_age: Duration::ZERO,
        min_content_age: Duration::ZERO,
        margin_between_collections: Duration::ZERO,
        drop_extra_margin: Duration::ZERO,
        rewrite_to_delete_delay: Duration::ZERO,
        two_collections: false,
    };
}

/// Names of the two sets of margins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// [`SafetyParameters::FULL`].
    #[default]
    Full,
    /// [`SafetyParameters::NONE`].
    None,
}

impl Safety {
    /// The margins.
    #[must_use]
    pub fn parameters(self) -> SafetyParameters {
        match self {
            Self::Full => SafetyParameters::FULL,
            Self::None => SafetyParameters::NONE,
        }
    }
}
