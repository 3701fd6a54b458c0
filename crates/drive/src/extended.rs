//! Extended attributes and holes, as entries keep them.

use holdfast_repository::Repository;
use holdfast_repository::directory::{Bytes64, Extras, PosixAcls};

use crate::failure::Failure;

/// Attributes in which Linux keeps the access control lists of POSIX.
const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

/// Puts values back that stand in objects of their own, those of `keys` (`docs/snapshot-format.md`).
pub(crate) fn whole(repo: &Repository, extras: &mut Extras, keys: &[&str]) -> Result<(), Failure> {
    for key in keys {
        if let Some(object) = extras.overflow.get(*key).copied() {
            let text = repo.read_object(&object)?;
            extras.put_back(key, &text).map_err(|error| {
                Failure::unreadable(&format!("object {object} is damaged: {error}"))
            })?;
        }
    }
    Ok(())
}

/// Names and values of the extended attributes, access control lists included.
pub(crate) fn attributes(extras: &Extras) -> impl Iterator<Item = (&str, &[u8])> {
    let list = |name, of: fn(&PosixAcls) -> Option<&Bytes64>| {
        let value = extras.acl.as_ref().and_then(of);
        value.map(|value| (name, value.0.as_slice()))
    };
    let own = extras.xattrs.iter();
    own.map(|(name, value)| (name.as_str(), value.0.as_slice()))
        .chain(list(ACCESS, |lists| lists.access.as_ref()))
        .chain(list(DEFAULT, |lists| lists.default.as_ref()))
}
