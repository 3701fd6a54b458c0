//! The planning rules: golden vectors, and properties.

mod ignore_vectors;
mod occurrences;
mod retention;
mod retention_of_jobs;
mod retention_vectors;
mod scheduling_vectors;

use serde::de::DeserializeOwned;

/// A golden vector file.
fn vectors<T: DeserializeOwned>(name: &str) -> T {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/data/kopia/vectors"
    );
    let path = format!("{folder}/{name}.json");
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("read {path}: {error}"));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("parse {path}: {error}"))
}

/// Nanoseconds since 1970 of an RFC 3339 text.
fn instant(text: &str) -> i64 {
    let time: jiff::Timestamp = text
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    i64::try_from(time.as_nanosecond()).expect("a time of this age")
}

/// A zone by its name.
fn zone(name: &str) -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
