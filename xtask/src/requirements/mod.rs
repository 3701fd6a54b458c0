//! What the product must do, and what shows that it does: `docs/requirements.md` lists every requirement, tests name
//! those that they prove, and `docs/requirements-status.md` says of each other one what it waits for.

mod annotations;
mod rows;
mod table;
mod verdict;

use std::fs;

use anyhow::{Context, Result, bail};

use self::verdict::{Verdict, judge};
use crate::workspace::Workspace;

/// Every requirement with its title.
const LIST: &str = "docs/requirements.md";

/// What the requirements wait for that no test names.
const STATUS: &str = "docs/requirements-status.md";

/// Prints the state of every requirement. Fails like [`check`].
pub(crate) fn print(workspace: &Workspace) -> Result<()> {
    let verdict = read(workspace)?;
    print!("{}", table::full(&verdict));
    pass(&verdict)
}

/// Fails, naming each, for a requirement that neither a test nor the status list names or that both name, for an
/// unknown id, and for an annotation that does not stand above a test.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let verdict = read(workspace)?;
    println!("{}", table::sum(&verdict.entries));
    pass(&verdict)
}

fn read(workspace: &Workspace) -> Result<Verdict> {
    let document = |path: &str| {
        let text =
            fs::read_to_string(workspace.path(path)).with_context(|| format!("read {path}"))?;
        Ok::<_, anyhow::Error>(rows::read(path, &text))
    };
    let found = annotations::all(workspace)?;
    Ok(judge(document(LIST)?, document(STATUS)?, found))
}

fn pass(verdict: &Verdict) -> Result<()> {
    if verdict.faults.is_empty() {
        return Ok(());
    }
    bail!(
        "requirements, tests and {STATUS} do not fit together:\n  {}",
        verdict.faults.join("\n  ")
    );
}
