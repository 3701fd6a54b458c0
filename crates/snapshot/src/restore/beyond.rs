//! What entries have beyond the format's own fields, on the way back to a file system.

use holdfast_files::Extended;
use holdfast_repository::Repository;
use holdfast_repository::directory::{Directory, Extras};

use crate::error::Result;
use crate::extended::to_extended;
use crate::read::is_about_data;

/// What an entry of a plan has beyond its attributes.
#[derive(Clone, Debug, Default)]
pub(super) struct Beyond {
    pub(super) extended: Extended,
    /// Files of one snapshot with the same text are names of one file; empty when there is only one name.
    pub(super) hard_link: Box<str>,
}

impl Beyond {
    /// What is kept of an entry; `None` when there is nothing.
    pub(super) fn of(extras: Option<&Extras>) -> Option<Box<Self>> {
        let mut extras = extras?.clone();
        let hard_link = std::mem::take(&mut extras.hard_link).into_boxed_str();
        let extended = to_extended(extras);
        let is_empty = hard_link.is_empty() && extended.is_empty();
        (!is_empty).then(|| {
            Box::new(Self {
                extended,
                hard_link,
            })
        })
    }

    /// Whether something is set on the entry, rather than being a matter of how it is written.
    pub(super) fn is_set(&self) -> bool {
        !self.extended.attributes.is_empty() || self.extended.windows.is_some()
    }
}

/// Puts values that are objects of their own back in their places. Returns why some of them are lost, if they are.
///
/// # Errors
/// A failing store.
pub(super) fn put_back_large(
    repo: &Repository,
    extras: Option<&mut Extras>,
) -> Result<Option<String>> {
    let mut lost = None;
    let Some(extras) = extras else {
        return Ok(lost);
    };
    for (key, object) in std::mem::take(&mut extras.overflow) {
        let put = match repo.read_object(&object) {
            Ok(text) => extras
                .put_back(&key, &text)
                .map_err(|error| error.to_string()),
            Err(error) if is_about_data(&error) => Err(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        lost = put.err().or(lost);
    }
    Ok(lost)
}

/// The same of a directory and its entries. Returns the names of those that lost some, with the reasons; `.` is the
/// directory itself.
///
/// # Errors
/// A failing store.
pub(super) fn put_back_all(
    repo: &Repository,
    directory: &mut Directory,
) -> Result<Vec<(Vec<u8>, String)>> {
    let mut lost = Vec::new();
    if let Some(reason) = put_back_large(repo, directory.extras.as_deref_mut())? {
        lost.push((b".".to_vec(), reason));
    }
    for entry in &mut directory.entries {
        if let Some(reason) = put_back_large(repo, entry.extras.as_deref_mut())? {
            lost.push((entry.file_name().to_vec(), reason));
        }
    }
    Ok(lost)
}
