//! `snapshot expire`, and what retention did after a snapshot.

use std::collections::BTreeSet;

use anyhow::Result;
use holdfast_host::Cancel;
use holdfast_repository::manifest::Manifests;
use holdfast_repository::snapshot;
use holdfast_repository::source::SourceIdentity;
use holdfast_snapshot::Expired;
use serde::Serialize;

use super::source;
use crate::arguments::ExpireArguments;
use crate::console::Console;
use crate::outcome::Outcome;
use crate::repository::{self, Access};

/// What retention did, or would do, to one source.
#[derive(Serialize)]
pub(super) struct Retention<'a> {
    source: &'a SourceIdentity,
    kept: usize,
    expired: Vec<Gone<'a>>,
}

/// A snapshot that no policy keeps any more.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gone<'a> {
    id: &'a str,
    start_time: String,
}

impl<'a> From<&'a Expired> for Retention<'a> {
    fn from(expired: &'a Expired) -> Self {
        let gone = expired.expired.iter().map(|snapshot| Gone {
            id: snapshot.id.as_str(),
            start_time: snapshot.start_time.to_string(),
        });
        Self {
            source: &expired.source,
            kept: expired.kept,
            expired: gone.collect(),
        }
    }
}

impl Retention<'_> {
    /// Whether anything goes.
    pub(super) fn is_any(&self) -> bool {
        !self.expired.is_empty()
    }

    /// The snapshots that go, a line each, and a summary before them.
    pub(super) fn text(&self, what: &str) -> String {
        let mut text = format!("{what} {}, {} stay\n", self.expired.len(), self.kept);
        for gone in &self.expired {
            text += &format!("    {}  {}\n", gone.id, gone.start_time);
        }
        text
    }
}

pub(super) fn run(arguments: &ExpireArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::write(&Cancel::new()))?;
    let sources = sources(arguments, &repo.manifests()?)?;
    let expired = holdfast_snapshot::expire(&repo, &sources, &[], arguments.delete)?;
    let documents: Vec<Retention<'_>> = expired.iter().map(Retention::from).collect();
    console.result(&documents, || {
        let what = if arguments.delete {
            "deleted"
        } else {
            "would delete"
        };
        let mut text: String = documents
            .iter()
            .map(|document| format!("{}\n  {}", document.source, document.text(what)))
            .collect();
        if !arguments.delete && documents.iter().any(Retention::is_any) {
            text += "give --delete to delete them\n";
        }
        if documents.is_empty() {
            text += "no snapshots of such a source\n";
        }
        text
    })?;
    Ok(Outcome::Done)
}

/// The sources that have snapshots, of those that the command line names.
fn sources(arguments: &ExpireArguments, manifests: &Manifests) -> Result<Vec<SourceIdentity>> {
    let wanted = match arguments.all {
        true => vec![SourceIdentity::default()],
        false => arguments
            .sources
            .iter()
            .map(|text| source::target(text))
            .collect::<Result<Vec<_>>>()?,
    };
    let snapshots = wanted
        .iter()
        .flat_map(|wanted| snapshot::list(manifests, Some(wanted)));
    let sources: BTreeSet<SourceIdentity> = snapshots.map(|snapshot| snapshot.source).collect();
    Ok(sources.into_iter().collect())
}
