//! What people do with single restore points: pin them, and delete them.

pub(crate) mod deletion;
pub(crate) mod pins;
