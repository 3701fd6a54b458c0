//! `index list` and `index inspect`.

use anyhow::Result;
use holdfast_host::Cancel;
use holdfast_repository::IndexBlob;
use holdfast_storage::{BlobId, BlobInfo};
use serde::Serialize;

use super::{Blob, Content, open, time};
use crate::arguments::{IndexOrder, InspectIndexesArguments, ListIndexesArguments};
use crate::console::Console;
use crate::failure::NotThere;
use crate::interrupt;
use crate::outcome::Outcome;
use crate::repository::{self, Access};

/// An index blob.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    blob: Blob,
    superseded: bool,
}

pub(super) fn list(arguments: &ListIndexesArguments, console: &Console) -> Result<Outcome> {
    let repo = repository::open(&arguments.repository, Access::read(&Cancel::new()))?;
    let mut indexes = repo.index_blobs()?;
    indexes.retain(|index| arguments.superseded || !index.superseded);
    indexes.sort_by(|left, right| order(arguments.sort, &left.blob, &right.blob));
    let documents: Vec<Listed> = indexes
        .iter()
        .map(|IndexBlob { blob, superseded }| Listed {
            blob: Blob::from(blob),
            superseded: *superseded,
        })
        .collect();
    console.result(&documents, || {
        let lines = documents.iter().map(|Listed { blob, superseded }| {
            let remark = if *superseded { " superseded" } else { "" };
            format!(
                "{:<60} {:>10} {}{remark}\n",
                blob.id, blob.length, blob.timestamp
            )
        });
        lines.collect()
    })?;
    Ok(Outcome::Done)
}

fn order(order: IndexOrder, left: &BlobInfo, right: &BlobInfo) -> std::cmp::Ordering {
    match order {
        IndexOrder::Time => left.modified.cmp(&right.modified),
        IndexOrder::Size => left.length.cmp(&right.length),
        IndexOrder::Name => std::cmp::Ordering::Equal,
    }
    .then_with(|| left.id.cmp(&right.id))
}

/// An entry of an index blob.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    index_blob: &'a str,
    #[serde(flatten)]
    content: Content,
}

pub(super) fn inspect(arguments: &InspectIndexesArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let repo = open(&arguments.repository, &arguments.cache, &cancel)?;
    let known = repo.index_blobs()?;
    let blobs: Vec<&BlobInfo> = if arguments.blobs.is_empty() {
        let wanted = known
            .iter()
            .filter(|index| arguments.all || !index.superseded);
        wanted.map(|index| &index.blob).collect()
    } else {
        let find = |id: &BlobId| {
            let found = known.iter().find(|index| index.blob.id == *id);
            let missing = || NotThere::blob(format!("there is no index blob {id} in the store"));
            Ok(&found.ok_or_else(missing)?.blob)
        };
        arguments.blobs.iter().map(find).collect::<Result<_>>()?
    };
    let mut listing = console.listing();
    for blob in blobs {
        repo.try_for_each_index_entry::<anyhow::Error>(blob, &mut |info| {
            cancel.check()?;
            if !arguments.content_id.is_empty() && !arguments.content_id.contains(&info.id) {
                return Ok(());
            }
            let entry = Entry {
                index_blob: blob.id.as_str(),
                content: Content::from(&info),
            };
            let state = if info.deleted { "deleted" } else { "created" };
            Ok(listing.entry(&entry, || {
                format!(
                    "{} {} {state} {} {} {}+{}\n",
                    blob.id,
                    info.id,
                    time(info.time),
                    info.pack,
                    info.offset,
                    info.packed_length
                )
            })?)
        })?;
    }
    listing.finish()?;
    Ok(Outcome::Done)
}
