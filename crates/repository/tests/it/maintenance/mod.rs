//! Maintenance over days of a clock that the tests own.

mod histories;
mod lifecycle;
mod world;
