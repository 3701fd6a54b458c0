//! Integration tests of the host layer.

mod cancel;
mod clock;
mod fs;
