//! What a restore may do: which names are safe, what happens to what is in the way, and how reads are put together.

mod conflict;
mod names;
mod windows;

pub use conflict::{Action, Counts, Decision, Existing, Overwrite, Rules, Shape, Wanted, decide};
pub use names::{NameProblem, NamingRules, check_length, check_name, folded};
pub use windows::{Extent, windows};
