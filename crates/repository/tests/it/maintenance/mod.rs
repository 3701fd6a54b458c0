//! Maintenance over days of a clock that the tests own.

mod first_format;
mod histories;
mod large;
mod lifecycle;
mod locks;
pub(crate) mod world;
