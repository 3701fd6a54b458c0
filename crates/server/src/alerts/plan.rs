//! What must be written so that the open alerts are those that should be: a pure function.

use std::collections::HashMap;

use uuid::Uuid;

use super::rules::Wanted;
use crate::db::{
    AlertRow,
    alerts::{AlertContent, NewAlert},
};

/// That an open alert was seen to be so is written down no more often than this, in milliseconds.
const TOUCH_PAUSE: i64 = 60_000;

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) open: Vec<NewAlert>,
    /// Those that say something else now, by their numbers.
    pub(super) restate: Vec<(i64, AlertContent)>,
    /// Those that are still so.
    pub(super) touch: Vec<i64>,
    /// Those that are over.
    pub(super) close: Vec<AlertRow>,
}

impl Plan {
    /// Whether nothing changed.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
            && self.restate.is_empty()
            && self.touch.is_empty()
            && self.close.is_empty()
    }

    /// Whether something changed that people see.
    pub(super) fn is_visible(&self) -> bool {
        !(self.open.is_empty() && self.restate.is_empty() && self.close.is_empty())
    }
}

/// Compares the alerts that are open with those that should be.
pub(super) fn plan(open: Vec<AlertRow>, wanted: Vec<Wanted>, now: i64) -> Plan {
    let mut plan = Plan::default();
    let mut open: HashMap<(String, Uuid), AlertRow> = open
        .into_iter()
        .map(|row| ((row.kind.clone(), row.object_uuid), row))
        .collect();
    for wanted in wanted {
        let key = (wanted.kind.as_str().to_owned(), wanted.object.uuid);
        match open.remove(&key) {
            None => plan.open.push(NewAlert {
                kind: wanted.kind.as_str(),
                object_type: wanted.kind.object_type(),
                object_uuid: wanted.object.uuid,
                content: content(wanted, None),
            }),
            Some(row) => {
                let content = content(wanted, Some(row.since_at));
                if says(&row, &content) {
                    if now - row.last_seen_at >= TOUCH_PAUSE {
                        plan.touch.push(row.id);
                    }
                } else {
                    plan.restate.push((row.id, content));
                }
            }
        }
    }
    plan.close = open.into_values().collect();
    plan.close.sort_by_key(|row| row.id);
    plan
}

/// What an alert says. Since when it is so does not become later while it is open.
fn content(wanted: Wanted, since: Option<i64>) -> AlertContent {
    AlertContent {
        object_name: wanted.object.name,
        severity: wanted.kind.severity().as_str(),
        action: wanted.action,
        target_type: wanted.target.0,
        target_uuid: wanted.target.1,
        params: serde_json::Value::Object(wanted.params).to_string(),
        since_at: since.map_or(wanted.since, |since| since.min(wanted.since)),
    }
}

fn says(row: &AlertRow, content: &AlertContent) -> bool {
    row.object_name == content.object_name
        && row.severity == content.severity
        && row.action == content.action
        && row.target_type == content.target_type
        && row.target_uuid == content.target_uuid
        && row.params == content.params
        && row.since_at == content.since_at
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::alerts::AlertKind;
    use serde_json::Map;
    use uuid::Uuid;

    use super::{TOUCH_PAUSE, plan};
    use crate::{
        alerts::{facts::Object, rules::Wanted},
        db::AlertRow,
    };

    fn wanted(object: Uuid, action: &'static str) -> Wanted {
        Wanted {
            kind: AlertKind::RunMissed,
            object: Object {
                uuid: object,
                name: "Projects".to_owned(),
            },
            action,
            target: ("jobs", object),
            params: Map::new(),
            since: 50,
        }
    }

    fn row(id: i64, object: Uuid) -> AlertRow {
        AlertRow {
            id,
            uuid: Uuid::now_v7(),
            tenant_id: 1,
            reseller_id: None,
            kind: "run_missed".to_owned(),
            object_type: "jobs".to_owned(),
            object_uuid: object,
            object_name: "Projects".to_owned(),
            severity: "bad".to_owned(),
            action: "run_now".to_owned(),
            target_type: "jobs".to_owned(),
            target_uuid: object,
            params: "{}".to_owned(),
            since_at: 40,
            opened_at: 100,
            last_seen_at: 100,
            closed_at: None,
            acknowledged_at: None,
            acknowledged_by: None,
            notified: None,
        }
    }

    // Requirements: ALR-1
    #[test]
    fn there_is_one_open_alert_for_a_kind_and_object() {
        let [first, second, third] = [Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7()];
        let open = vec![row(1, first), row(2, second)];
        let now = 100 + TOUCH_PAUSE;
        let plan = plan(
            open,
            vec![wanted(first, "run_now"), wanted(third, "run_now")],
            now,
        );
        assert_eq!(plan.touch, [1]);
        assert!(plan.restate.is_empty());
        assert_eq!(plan.close.len(), 1);
        assert_eq!(plan.close[0].id, 2);
        assert_eq!(plan.open.len(), 1);
        assert_eq!(
            (plan.open[0].object_uuid, plan.open[0].content.since_at),
            (third, 50)
        );
        assert!(plan.is_visible() && !plan.is_empty());
    }

    #[test]
    fn what_changed_is_said_anew_and_what_did_not_is_left_alone() {
        let object = Uuid::now_v7();
        let same = plan(vec![row(1, object)], vec![wanted(object, "run_now")], 101);
        assert!(same.is_empty());
        let other = plan(
            vec![row(1, object)],
            vec![wanted(object, "open_agent")],
            101,
        );
        assert_eq!(other.restate.len(), 1);
        assert_eq!(
            (other.restate[0].1.action, other.restate[0].1.since_at),
            ("open_agent", 40)
        );
    }
}
