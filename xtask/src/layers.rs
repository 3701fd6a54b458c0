//! The layers of the workspace: which crate may know which, and who alone may name certain outside crates.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::process;
use crate::workspace::Workspace;

/// Arrows point down only. The left crate may depend on each of the right ones, and on no other of ours.
const EDGES: &[(&str, &[&str])] = &[
    (
        "holdfast",
        &[
            "server",
            "agent",
            "drive",
            "snapshot",
            "repository",
            "storage",
            "files",
            "planning",
            "protocol",
            "host",
        ],
    ),
    (
        "agent",
        &[
            "snapshot",
            "repository",
            "storage",
            "files",
            "planning",
            "protocol",
            "host",
        ],
    ),
    ("server", &["planning", "protocol", "host"]),
    ("drive", &["snapshot", "repository", "storage", "host"]),
    ("snapshot", &["repository", "files", "planning", "host"]),
    ("repository", &["storage", "planning", "host"]),
    ("files", &["planning", "host"]),
    ("storage", &["host"]),
    ("planning", &["host"]),
    ("protocol", &["host"]),
    ("host", &[]),
    (
        "testkit",
        &[
            "repository",
            "storage",
            "files",
            "planning",
            "protocol",
            "host",
        ],
    ),
    (
        "tests",
        &[
            "testkit",
            "snapshot",
            "repository",
            "storage",
            "files",
            "planning",
            "protocol",
            "host",
        ],
    ),
    ("fuzz", &["repository", "storage", "planning", "host"]),
    ("xtask", &[]),
];

/// Outside crates that shape a layer: only the crates on the right may name them.
const HOLDERS: &[(&str, &[&str])] = &[
    ("aws-sdk-s3", &["storage"]),
    ("sea-orm", &["server"]),
    ("sqlx", &["server"]),
    ("axum", &["server"]),
    ("windows-sys", &["host"]),
    ("windows-service", &["host", "agent"]),
    ("s3s", &["testkit"]),
    ("fuser", &["drive"]),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// Reads the manifests of all members and fails, naming every edge that points the wrong way.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let output = process::capture(workspace.cargo().args([
        "metadata",
        "--no-deps",
        "--offline",
        "--locked",
        "--format-version=1",
    ]))?;
    let metadata: Metadata =
        serde_json::from_slice(&output).context("read the answer of cargo metadata")?;
    let wrong = violations(&metadata);
    if !wrong.is_empty() {
        bail!("the layers do not allow:\n  {}", wrong.join("\n  "));
    }
    println!("{} crates keep to their layers", metadata.packages.len());
    Ok(())
}

fn violations(metadata: &Metadata) -> Vec<String> {
    let members: BTreeSet<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let from = short(&package.name);
        let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == from) else {
            wrong.push(format!(
                "{from}: not in the list of layers (xtask/src/layers.rs)"
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let to = short(&dependency.name);
            let development = dependency.kind.as_deref() == Some("dev");
            if members.contains(dependency.name.as_str()) {
                let fine = allowed.contains(&to)
                    || development && (to == "testkit" || below(from).contains(to));
                if !fine {
                    wrong.push(format!("{from} → {to}"));
                }
            } else if let Some((_, holders)) = HOLDERS.iter().find(|(name, _)| *name == to)
                && !holders.contains(&from)
                && !development
            {
                wrong.push(format!("{from} → {to} (only {})", holders.join(", ")));
            }
        }
    }
    wrong
}

/// Every layer that can be reached from this one: tests may use what lies below their crate.
fn below(from: &str) -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = vec![from];
    while let Some(name) = open.pop() {
        let edges = EDGES
            .iter()
            .find(|(layer, _)| *layer == name)
            .map_or(&[][..], |(_, edges)| edges);
        for edge in edges {
            if reached.insert(*edge) {
                open.push(edge);
            }
        }
    }
    reached
}

fn short(name: &str) -> &str {
    name.strip_prefix("holdfast-").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(from: &str, to: &str, kind: Option<&str>) -> Metadata {
        let package = |name: &str, dependencies| Package {
            name: name.to_owned(),
            dependencies,
        };
        Metadata {
            packages: vec![
                package(
                    from,
                    vec![Dependency {
                        name: to.to_owned(),
                        kind: kind.map(str::to_owned),
                    }],
                ),
                package("holdfast-server", Vec::new()),
                package("holdfast-storage", Vec::new()),
                package("holdfast-testkit", Vec::new()),
            ],
        }
    }

    #[test]
    fn arrows_point_down_only() {
        for (from, to, kind, fine) in [
            ("holdfast-repository", "holdfast-storage", None, true),
            ("holdfast-planning", "holdfast-storage", None, false),
            ("holdfast-snapshot", "holdfast-storage", None, false),
            ("holdfast-snapshot", "holdfast-storage", Some("dev"), true),
            ("holdfast-planning", "holdfast-testkit", Some("dev"), true),
            ("holdfast-planning", "holdfast-testkit", None, false),
            ("holdfast-agent", "holdfast-server", None, false),
            ("holdfast-agent", "aws-sdk-s3", None, false),
            ("unknown", "holdfast-storage", None, false),
        ] {
            let wrong = violations(&metadata(from, to, kind));
            assert_eq!(
                wrong.is_empty(),
                fine,
                "{from} → {to} ({kind:?}): {wrong:?}"
            );
        }
    }

    #[test]
    fn the_list_has_no_circle() {
        for (name, _) in EDGES {
            assert!(!below(name).contains(name), "{name} reaches itself");
        }
    }
}
