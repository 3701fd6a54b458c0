//! The helpers of the tests are tested too: a comparison that sees nothing would pass everything.

mod fixture;
mod tree;
