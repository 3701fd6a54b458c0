//! `retention.json`: whole timelines, and reasons for display.

use std::collections::BTreeMap;

use holdfast_planning::retention::{Keep, Kind, Point, Reason, compact, plan};
use serde::Deserialize;

use crate::{instant, vectors, zone};

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
    compact: Vec<Compact>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    tz: String,
    policy: Policy,
    snapshots: Vec<Snapshot>,
    reasons: BTreeMap<String, Vec<String>>,
    delete: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Policy {
    keep_latest: Option<i64>,
    keep_hourly: Option<i64>,
    keep_daily: Option<i64>,
    keep_weekly: Option<i64>,
    keep_monthly: Option<i64>,
    keep_annual: Option<i64>,
}

#[derive(Deserialize)]
struct Snapshot {
    id: String,
    start: String,
    end: Option<String>,
    #[serde(default)]
    incomplete: String,
    #[serde(default)]
    pins: Vec<String>,
}

#[derive(Deserialize)]
struct Compact {
    #[serde(rename = "in")]
    reasons: Vec<String>,
    out: Vec<String>,
}

fn reason(text: &str) -> Reason {
    let Some((kind, number)) = text.split_once('-') else {
        return Reason::Incomplete;
    };
    let kind = Kind::ALL
        .into_iter()
        .find(|known| known.as_str() == kind)
        .expect("a kind");
    Reason::Kept(kind, number.parse().expect("a number"))
}

#[test]
fn timelines_keep_what_the_reference_keeps() {
    let vectors: Vectors = vectors("retention");
    assert_eq!(vectors.cases.len(), 35);
    for case in &vectors.cases {
        let points: Vec<Point> = case
            .snapshots
            .iter()
            .map(|snapshot| Point {
                start: instant(&snapshot.start),
                end: instant(snapshot.end.as_ref().unwrap_or(&snapshot.start)),
                complete: snapshot.incomplete.is_empty(),
                pinned: !snapshot.pins.is_empty(),
            })
            .collect();
        let policy = &case.policy;
        let keep = Keep {
            latest: policy.keep_latest,
            hourly: policy.keep_hourly,
            daily: policy.keep_daily,
            weekly: policy.keep_weekly,
            monthly: policy.keep_monthly,
            annual: policy.keep_annual,
        };
        let verdicts = plan(&points, &keep, &zone(&case.tz));
        let mut reasons = BTreeMap::new();
        let mut deleted = Vec::new();
        for (snapshot, verdict) in case.snapshots.iter().zip(&verdicts) {
            if !verdict.reasons.is_empty() {
                let texts: Vec<String> = verdict.reasons.iter().map(Reason::to_string).collect();
                reasons.insert(snapshot.id.clone(), texts);
            }
            if verdict.delete {
                deleted.push(snapshot.id.clone());
            }
        }
        assert_eq!(reasons, case.reasons, "{}", case.name);
        assert_eq!(deleted, case.delete, "{}", case.name);
    }
}

#[test]
fn reasons_are_joined_for_display() {
    let vectors: Vectors = vectors("retention");
    for case in &vectors.compact {
        let reasons: Vec<Reason> = case.reasons.iter().map(|text| reason(text)).collect();
        assert_eq!(compact(&reasons), case.out);
    }
}
