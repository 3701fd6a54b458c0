//! Alerts as the client API shows them.

use std::cmp::Reverse;

use holdfast_protocol::{
    Time,
    alerts::{AlertKind, AlertValues},
    api::{
        alerts::{Alert, Severity, Words},
        session::Role,
    },
    ids::AlertId,
};
use serde_json::{Map, Value};

use crate::{auth::Caller, db::AlertRow};

/// One alert.
pub(crate) fn alert(caller: &Caller, row: AlertRow) -> Alert {
    let barred = if row.closed_at.is_some() {
        Some("It is over.")
    } else if row.acknowledged_at.is_some() {
        Some("Somebody took note of it already.")
    } else {
        None
    };
    let (title, detail) = words(&row);
    Alert {
        id: AlertId(row.uuid),
        severity: severity(&row),
        title,
        detail,
        kind: row.kind,
        object_type: row.object_type,
        object_id: row.object_uuid,
        object_name: row.object_name,
        action: row.action,
        target_type: row.target_type,
        target_id: row.target_uuid,
        since: Time::from_millis(row.since_at),
        opened_at: Time::from_millis(row.opened_at),
        last_seen_at: Time::from_millis(row.last_seen_at),
        closed_at: row.closed_at.map(Time::from_millis),
        acknowledged_at: row.acknowledged_at.map(Time::from_millis),
        acknowledged_by: row.acknowledged_by,
        actions: vec![caller.action_unless("acknowledge", Role::Operator, barred)],
    }
}

/// Title and detail of an alert. A kind of a newer version shows as its word.
fn words(row: &AlertRow) -> (Words, Words) {
    let params: Map<String, Value> = serde_json::from_str(&row.params).unwrap_or_default();
    let values = AlertValues {
        name: &row.object_name,
        params: &params,
    };
    match AlertKind::parse(&row.kind) {
        Some(kind) => (kind.title_words(&values), kind.detail_words(&values)),
        None => {
            let title = format!("{}: {}", row.kind, row.object_name);
            let title = Words {
                en: title.clone(),
                de: title,
            };
            (title, Words::default())
        }
    }
}

/// How bad an alert is; one of a newer version is taken seriously.
fn severity(row: &AlertRow) -> Severity {
    Severity::parse(&row.severity).unwrap_or(Severity::Bad)
}

/// The order of the attention list: what nobody took note of first, then the worst, then the oldest.
pub(crate) fn sort(rows: &mut [AlertRow]) {
    rows.sort_by_key(|row| {
        let is_new = row.acknowledged_at.is_none();
        (Reverse(is_new), severity(row), row.since_at, row.id)
    });
}
