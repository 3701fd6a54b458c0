//! Notifications: mails and signed webhooks.
//!
//! What is to be told is written into the outbox in the transaction that makes it so ([`enqueue`]): an alert that opens or
//! closes, a run that ends. The worker ([`postman`]) delivers each channel's messages in order, tries again for a day with
//! growing pauses, and marks what arrived; after a crash in between a message is sent again under the same id.

mod address;
mod authorities;
mod deliver;
mod email;
mod enqueue;
mod message;
mod pauses;
mod postman;
mod rules;
mod webhook;

pub(crate) use address::Reach;
pub(crate) use authorities::Authorities;
pub(crate) use deliver::{Addressee, Undelivered, deliver, language, secret_place};
pub(crate) use enqueue::{alert_closed, alert_opened, run_ended};
pub(crate) use message::{Envelope, Message};
pub(crate) use postman::{LOOK_PAUSE, Postman};
