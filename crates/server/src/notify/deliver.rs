//! Delivers one message, within bounds.

use std::time::Duration;

use holdfast_protocol::{
    Secret,
    agent::text::Language,
    api::notifications::{ChannelTarget, MessageLanguage},
};
use uuid::Uuid;

use super::{
    address::Reach,
    authorities::Authorities,
    email,
    message::{Envelope, Message},
    webhook,
};
use crate::{app::App, sealing::Place};

/// Longest time that one delivery may take: a receiver that is slower counts as one that does not answer.
const LONGEST: Duration = Duration::from_secs(30);

/// Longest description of what went wrong, in characters.
const LONGEST_ERROR: usize = 300;

/// Where a message goes.
#[derive(Clone, Debug)]
pub(crate) struct Addressee {
    pub(crate) target: ChannelTarget,
    pub(crate) secret: Option<Secret>,
    pub(crate) reach: Reach,
    /// Who may vouch for it besides the authorities that the system knows.
    pub(crate) authorities: Authorities,
}

impl Addressee {
    /// A receiver, within what the server's settings allow.
    pub(crate) fn new(app: &App, target: ChannelTarget, secret: Option<Secret>) -> Self {
        Self {
            target,
            secret,
            reach: app.settings().reach(),
            authorities: app.authorities.clone(),
        }
    }
}

/// Why a message did not arrive, in a sentence that may follow another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undelivered {
    text: String,
    is_answer: bool,
}

impl Undelivered {
    /// Nobody took it: the next message will fare no better.
    pub(super) fn unreachable(text: impl Into<String>) -> Self {
        Self::new(text.into(), false)
    }

    /// It was answered, and not taken: another message may be.
    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self::new(text.into(), true)
    }

    fn new(text: String, is_answer: bool) -> Self {
        let mut text: String = text
            .trim_end()
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(LONGEST_ERROR)
            .collect();
        // What others say ends as it likes.
        if !text.ends_with(['.', '!', '?']) {
            text.push('.');
        }
        Self { text, is_answer }
    }

    /// What went wrong: a sentence.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether somebody answered.
    pub(crate) fn is_answer(&self) -> bool {
        self.is_answer
    }
}

/// Delivers a message once.
///
/// # Errors
/// In words, when it did not arrive or nobody knows whether it did.
pub(crate) async fn deliver(
    to: &Addressee,
    message: &Message,
    envelope: &Envelope<'_>,
) -> Result<(), Undelivered> {
    let delivery = async {
        match &to.target {
            ChannelTarget::Email { .. } => email::send(to, message, envelope).await,
            ChannelTarget::Webhook { url } => webhook::send(to, url, message, envelope).await,
        }
    };
    match tokio::time::timeout(LONGEST, delivery).await {
        Ok(result) => result,
        Err(_) => Err(Undelivered::unreachable(format!(
            "The receiver did not answer within {} s",
            LONGEST.as_secs()
        ))),
    }
}

/// The language of a channel's messages.
pub(crate) fn language(of: MessageLanguage) -> Language {
    match of {
        MessageLanguage::En => Language::English,
        MessageLanguage::De => Language::German,
    }
}

/// Where the secret of a channel lies.
pub(crate) fn secret_place(channel: Uuid) -> Place<'static> {
    Place::new("notification_channels", "sealed_secret", channel)
}
