//! The worker that delivers what is in the outbox.
//!
//! Each channel has its messages delivered one after the other, channels side by side. A receiver that cannot be reached is
//! left alone for a growing pause; a message that was answered and refused waits by itself and lets the next one pass.

use std::{collections::HashMap, time::Duration};

use holdfast_protocol::{Secret, Time, api::notifications::ChannelTarget};
use tokio::task::JoinSet;

use super::{
    Addressee, Envelope, Message, Undelivered, deliver,
    deliver::{language, secret_place},
    pauses,
};
use crate::{
    app::App,
    db::{self, ChannelRow, OutboxRow, Scope, notification_channels::Fared},
    live::What,
    problem::ApiResult,
    view::notifications::parse_language,
};

/// Between two looks at the outbox.
pub(crate) const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// Most messages of one channel in one go.
const MOST_AT_ONCE: u64 = 50;

/// Channels that are served at the same time: of the whole server, and of one tenant, so that slow receivers of one do not
/// keep the others waiting.
const MOST_CHANNELS: usize = 32;
const MOST_CHANNELS_OF_TENANT: usize = 4;

/// Delivers.
#[derive(Debug, Default)]
pub(crate) struct Postman {
    at_work: JoinSet<i64>,
    /// Channels that are served now, and whose they are.
    busy: HashMap<i64, i64>,
}

impl Postman {
    /// Looks at the outbox and sends for what waits; does not wait for receivers.
    pub(crate) async fn look(&mut self, app: &App) -> ApiResult<()> {
        while let Some(done) = self.at_work.try_join_next() {
            match done {
                Ok(channel) => {
                    self.busy.remove(&channel);
                }
                // Which one it was is not known.
                Err(error) => tracing::error!("a delivery ended unexpectedly: {error}"),
            }
        }
        if self.at_work.is_empty() {
            self.busy.clear();
        }
        let waiting = db::outbox::channels(app.db.reader()).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let now = app.clock.now().as_millisecond();
        if db::outbox::any_expired(app.db.reader(), now).await? {
            let expired = db::outbox::expire(app.db.writer(), now).await?;
            tracing::warn!(
                expired,
                "messages could not be delivered within a day and are given up"
            );
        }
        for channel in db::notification_channels::ready(app.db.reader(), waiting, now).await? {
            let of_tenant = self
                .busy
                .values()
                .filter(|tenant| **tenant == channel.tenant_id);
            if self.busy.contains_key(&channel.id)
                || self.busy.len() >= MOST_CHANNELS
                || of_tenant.count() >= MOST_CHANNELS_OF_TENANT
            {
                continue;
            }
            self.busy.insert(channel.id, channel.tenant_id);
            let app = app.clone();
            self.at_work.spawn(async move {
                let id = channel.id;
                if let Err(error) = serve(&app, channel).await {
                    tracing::error!(
                        channel = id,
                        code = error.code().code(),
                        "the messages of a channel could not be looked at; it comes again: {}",
                        error.cause()
                    );
                }
                id
            });
        }
        Ok(())
    }

    /// Waits until nothing is on its way; what was cut off is sent again later.
    pub(crate) async fn stop(mut self) {
        self.at_work.abort_all();
        while self.at_work.join_next().await.is_some() {}
    }
}

/// Delivers what waits for a channel, until one message cannot be delivered because nobody is there.
async fn serve(app: &App, mut channel: ChannelRow) -> ApiResult<()> {
    let scope = Scope::tenant(channel.tenant_id);
    let now = || app.clock.now().as_millisecond();
    let due = db::outbox::due(app.db.reader(), channel.id, now(), MOST_AT_ONCE).await?;
    if due.is_empty() {
        return Ok(());
    }
    let tenant = db::tenants::get(app.db.reader(), scope).await?;
    let was_failing = channel.failing_since.is_some();
    for row in due {
        let result = match addressee(app, &channel) {
            Ok(to) => attempt(app, &to, &channel, &tenant.name, &row).await,
            Err(error) => Err(Undelivered::refused(error)),
        };
        let at = now();
        let txn = app.db.begin().await?;
        match result {
            Ok(()) => {
                db::outbox::sent(&txn, row.id, at).await?;
                let is_whole = !db::outbox::any_tried(&txn, channel.id, row.id).await?;
                db::notification_channels::fared(&txn, &channel, Fared::Ok { at, is_whole })
                    .await?;
                txn.commit().await?;
                if is_whole {
                    channel.failing_since = None;
                }
                channel.attempts = 0;
            }
            Err(error) => {
                let attempts = row.attempts + 1;
                let until = at + pauses::after(attempts);
                db::outbox::put_off(
                    &txn,
                    row.id,
                    attempts,
                    if error.is_answer() { until } else { at },
                )
                .await?;
                let in_a_row = channel.attempts + 1;
                let pause = (!error.is_answer()).then(|| (in_a_row, at + pauses::after(in_a_row)));
                let failed = Fared::Failed {
                    at,
                    error: error.text().to_owned(),
                    counts: true,
                    pause,
                };
                db::notification_channels::fared(&txn, &channel, failed).await?;
                txn.commit().await?;
                channel.failing_since.get_or_insert(at);
                if attempts == 1 {
                    tracing::warn!(channel = %channel.uuid, "a message could not be delivered and is tried again: {}", error.text());
                }
                if !error.is_answer() {
                    break;
                }
            }
        }
    }
    if was_failing != channel.failing_since.is_some() {
        app.alerts.mark(channel.tenant_id);
    }
    app.tell(channel.tenant_id, What::Channel { uuid: channel.uuid });
    Ok(())
}

async fn attempt(
    app: &App,
    to: &Addressee,
    channel: &ChannelRow,
    tenant: &str,
    row: &OutboxRow,
) -> Result<(), Undelivered> {
    let message: Message = serde_json::from_str(&row.payload)
        .map_err(|error| Undelivered::refused(format!("The message cannot be read: {error}")))?;
    let public_url = app.settings().public_url();
    let envelope = Envelope {
        id: row.uuid,
        created_at: Time::from_millis(row.created_at),
        tenant,
        public_url: &public_url,
        language: language(parse_language(&channel.language)),
    };
    deliver(to, &message, &envelope).await
}

/// Where the messages of a channel go; why it is not known, in words.
fn addressee(app: &App, channel: &ChannelRow) -> Result<Addressee, String> {
    let target: ChannelTarget = serde_json::from_str(&channel.target)
        .map_err(|error| format!("The channel cannot be read: {error}"))?;
    let secret = match &channel.sealed_secret {
        Some(sealed) => {
            let place = secret_place(channel.uuid);
            let text = app.sealer.open_text(place, sealed);
            Some(Secret::new(text.map_err(|error| {
                format!("The channel's secret cannot be opened: {error}")
            })?))
        }
        None => None,
    };
    Ok(Addressee::new(app, target, secret))
}
