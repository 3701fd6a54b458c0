//! Where things are in the source tree and the build.

use std::path::{Path, PathBuf};

/// The root of the source tree.
pub fn workspace_dir() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir
        .ancestors()
        .nth(2)
        .expect("the crate lies two levels below the workspace")
        .to_owned()
}

/// `tests/data`: vectors, fixtures and other data of the tests.
pub fn data_dir() -> PathBuf {
    workspace_dir().join("tests/data")
}

/// The built program `name`, from the same build as the running test. Panics when it was not
/// built, because a test that skips itself then would never be missed.
///
/// `HOLDFAST_TEST_BIN_DIR` names another directory to take programs from.
pub fn bin(name: &str) -> PathBuf {
    let directory = match std::env::var_os("HOLDFAST_TEST_BIN_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => build_directory(),
    };
    let path = directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "program {} is missing: build it first (cargo build --workspace --bins)",
        path.display()
    );
    path
}

/// `target/debug` or its like: test programs lie one level below it, in `deps`.
fn build_directory() -> PathBuf {
    let test = std::env::current_exe().expect("the test program has a path");
    let directory = test.parent().expect("a program lies in a directory");
    if directory.ends_with("deps") {
        directory.parent().expect("deps has a parent").to_owned()
    } else {
        directory.to_owned()
    }
}

/// Whether the long tests were asked for (`make soak`, `HOLDFAST_SOAK=1`): large sizes, many repetitions.
pub fn soak() -> bool {
    std::env::var_os("HOLDFAST_SOAK").is_some_and(|value| value == "1")
}
