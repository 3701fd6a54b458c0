//! Compatibility of whole repositories, through the built program: with what the reference implementation wrote,
//! and, where `HOLDFAST_STOCK_KOPIA` names one, with a stock program itself.

mod administration;
mod alternating;
mod copies;
mod fixtures;
#[cfg(target_os = "linux")]
mod metadata;
mod object_lock;
mod own;
mod parameters;
mod policies;
mod programs;
mod rounds;
mod stock;
mod stream;
mod together;
mod trees;
