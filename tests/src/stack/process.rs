//! A child process whose output goes to a file and that never outlives the test.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running program. Dropping it kills it.
pub struct Process {
    name: &'static str,
    child: Child,
}

impl Process {
    /// Starts a program; what it says is appended to `log`.
    pub fn start(name: &'static str, mut command: Command, log: &Path) -> Self {
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .expect("open the log of a process");
        let errors = output.try_clone().expect("open the log of a process twice");
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn();
        Self {
            name,
            child: child.unwrap_or_else(|error| panic!("start the {name}: {error}")),
        }
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(mut self) {
        self.end();
    }

    /// Fails the test when the program has ended by itself.
    pub fn assert_running(&mut self) {
        if let Some(status) = self
            .child
            .try_wait()
            .expect("ask for the state of a process")
        {
            panic!("the {} ended with {status}", self.name);
        }
    }

    fn end(&mut self) {
        // It may have ended before; then there is nothing to kill and the wait answers at once.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
