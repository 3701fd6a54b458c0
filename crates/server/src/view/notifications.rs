//! Channels of notifications as the client API shows them.

use holdfast_protocol::{
    Time,
    api::{
        notifications::{Delivery, MessageLanguage, NotificationChannel},
        session::Role,
    },
    ids::ChannelId,
};

use crate::{auth::Caller, db::ChannelRow, problem::ApiResult};

/// The word in the database.
pub(crate) fn language_word(language: MessageLanguage) -> &'static str {
    match language {
        MessageLanguage::En => "en",
        MessageLanguage::De => "de",
    }
}

/// The language of a word in the database; English for any other.
pub(crate) fn parse_language(word: &str) -> MessageLanguage {
    match word {
        "de" => MessageLanguage::De,
        _ => MessageLanguage::En,
    }
}

/// A channel with so many messages that wait.
pub(crate) fn channel(
    caller: &Caller,
    row: &ChannelRow,
    waiting: u64,
) -> ApiResult<NotificationChannel> {
    let failed = row.last_failed_at.map(|at| Delivery {
        ok: false,
        at: Time::from_millis(at),
        error: row.last_error.clone(),
    });
    let arrived = row.last_ok_at.map(|at| Delivery {
        ok: true,
        at: Time::from_millis(at),
        error: None,
    });
    // Of two at the same time the one that arrived is the later: what fails ends a round.
    let last = match (arrived, failed) {
        (Some(arrived), Some(failed)) if failed.at > arrived.at => Some(failed),
        (arrived, failed) => arrived.or(failed),
    };
    Ok(NotificationChannel {
        id: ChannelId(row.uuid),
        name: row.name.clone(),
        enabled: row.enabled,
        language: parse_language(&row.language),
        target: serde_json::from_str(&row.target)?,
        has_secret: row.sealed_secret.is_some(),
        rules: serde_json::from_str(&row.rules)?,
        last_delivery: last,
        failing_since: row.failing_since.map(Time::from_millis),
        waiting,
        created_at: Time::from_millis(row.created_at),
        version: row.version,
        actions: ["update", "delete", "test"]
            .map(|name| caller.action(name, Role::Admin))
            .to_vec(),
    })
}
