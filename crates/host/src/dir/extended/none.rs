//! Systems on which nothing beyond common metadata is kept.

use std::fs::File;
use std::io;

use super::{Dir, Extended, Extents, Refused, Subject};

pub(super) fn read(_: Subject<'_>, _: &mut Vec<Refused>) -> Extended {
    Extended::default()
}

pub(super) fn write(_: Subject<'_>, wanted: &Extended, refused: &mut Vec<Refused>) {
    for (name, _) in &wanted.attributes {
        refused.push(Refused::new(name, io::ErrorKind::Unsupported));
    }
}

pub(super) fn write_name(_: &Dir, _: &[u8], _: &Extended, _: &mut Vec<Refused>) {}

pub(super) fn lacks(_: Subject<'_>, _: &Extended) -> bool {
    false
}

pub(super) fn extents(_: &File) -> io::Result<Option<Extents>> {
    Ok(None)
}

pub(super) fn allow_holes(_: &File) -> io::Result<()> {
    Ok(())
}
