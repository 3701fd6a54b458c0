//! Maintenance over days of a clock that the tests own.

mod first_format;
mod histories;
mod large;
mod lifecycle;
pub(crate) mod world;
