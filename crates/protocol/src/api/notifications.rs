//! Notifications: where messages go, about what, and how the last one fared.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{alerts::Severity, common::Action};
use crate::{
    Secret, Time,
    ids::{ChannelId, JobId},
};

/// Language of the messages of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageLanguage {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailEncryption {
    /// Begins in clear and changes to TLS before anything is said; usually port 587.
    Starttls,
    /// TLS from the first byte; usually port 465.
    Tls,
    /// None. Nobody signs in over such a connection.
    None,
}

/// A result of runs that a channel may tell of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// It failed, or was closed because its machine fell silent.
    Failed,
    /// It left something out.
    PartialSuccess,
    /// It succeeded.
    Success,
    /// It was cancelled.
    Cancelled,
}

/// Where the messages of a channel go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChannelTarget {
    /// E-mail.
    Email {
        /// Host name of the mail server.
        host: String,
        /// Its port.
        port: u16,
        /// How the connection is protected.
        encryption: MailEncryption,
        /// Name to sign in with; empty: nobody signs in.
        user: String,
        /// Address of the sender.
        from: String,
        /// Addresses of the recipients, 1 to 20.
        to: Vec<String>,
    },
    /// A signed request to a web server.
    Webhook {
        /// Where it is sent, `https://` or `http://`.
        url: String,
    },
}

/// Which messages a channel gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationRules {
    /// Alerts that are at least so bad; absent: none.
    #[serde(default)]
    pub alerts: Option<Severity>,
    /// Runs that end so. Who hears of failures also hears when the job works again.
    #[serde(default)]
    pub runs: Vec<RunResult>,
    /// Only these jobs; empty: all. Alerts about machines and vaults are sent in any case.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub job_ids: Vec<JobId>,
}

/// How the last delivery of a channel fared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// It arrived.
    pub ok: bool,
    /// When it was tried.
    pub at: Time,
    /// Why it did not arrive.
    pub error: Option<String>,
}

/// A channel of notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationChannel {
    /// Identity.
    pub id: ChannelId,
    /// Name.
    pub name: String,
    /// Messages are sent.
    pub enabled: bool,
    /// Their language.
    pub language: MessageLanguage,
    /// Where they go.
    pub target: ChannelTarget,
    /// A password or signing secret is stored; it is never shown.
    pub has_secret: bool,
    /// Which they are.
    pub rules: NotificationRules,
    /// How the last delivery fared.
    pub last_delivery: Option<Delivery>,
    /// Since when nothing arrives; messages are tried for 24 hours.
    pub failing_since: Option<Time>,
    /// Messages that wait to be delivered.
    pub waiting: u64,
    /// When it was made.
    pub created_at: Time,
    /// For `If-Match`.
    pub version: i64,
    /// What the caller may do: `update`, `delete`, `test`.
    pub actions: Vec<Action>,
}

/// Makes a channel.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelCreate {
    /// Name, 1 to 100 characters.
    pub name: String,
    /// Messages are sent; default true.
    pub enabled: Option<bool>,
    /// Their language; default English.
    pub language: Option<MessageLanguage>,
    /// Where they go.
    pub target: ChannelTarget,
    /// Password of the mail server, or the secret that webhooks are signed with. A webhook without one gets a new one.
    #[schema(value_type = Option<String>)]
    pub secret: Option<Secret>,
    /// Which messages are sent.
    pub rules: NotificationRules,
}

/// Changes a channel; absent fields stay.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelPatch {
    /// New name.
    pub name: Option<String>,
    /// Whether messages are sent.
    pub enabled: Option<bool>,
    /// Their language.
    pub language: Option<MessageLanguage>,
    /// Where they go. With another server the secret must be given anew.
    pub target: Option<ChannelTarget>,
    /// A new password or signing secret.
    #[schema(value_type = Option<String>)]
    pub secret: Option<Secret>,
    /// Which messages are sent.
    pub rules: Option<NotificationRules>,
}

/// A channel that was just made.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ChannelCreated {
    /// The channel.
    pub channel: NotificationChannel,
    /// The secret that its webhooks are signed with, where the server chose it; it is shown this once.
    #[schema(value_type = Option<String>)]
    pub signing_secret: Option<Secret>,
}

/// Tries a channel before it is saved.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationTest {
    /// A stored channel whose secret is used where none is given and the server is the same.
    #[schema(value_type = Option<String>)]
    pub channel_id: Option<ChannelId>,
    /// Language of the message; default English.
    pub language: Option<MessageLanguage>,
    /// Where it goes.
    pub target: ChannelTarget,
    /// Password or signing secret.
    #[schema(value_type = Option<String>)]
    pub secret: Option<Secret>,
}
