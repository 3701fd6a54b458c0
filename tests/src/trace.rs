//! The system calls of a program, as `strace -f -y` shows them.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::cli::{Cli, Finished};

/// One call that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Its arguments as text.
    pub arguments: String,
    /// What it returned as text; file handles are followed by `<path>`.
    pub result: String,
    /// The line of the trace on which it began.
    pub began: usize,
    /// The line of the trace on which it had ended.
    pub ended: usize,
}

impl Call {
    /// The paths in quotes, in order.
    pub fn quoted(&self) -> Vec<&str> {
        self.arguments.split('"').skip(1).step_by(2).collect()
    }

    /// The path of the first argument, a file handle.
    pub fn handle(&self) -> Option<&str> {
        let (_, rest) = self.arguments.split_once('<')?;
        Some(rest.split_once('>')?.0)
    }

    /// The path of the file handle that was returned.
    pub fn opened(&self) -> Option<&str> {
        let (_, rest) = self.result.split_once('<')?;
        Some(rest.split_once('>')?.0)
    }
}

/// Runs the program under strace and returns what it did, beside how it ended. `calls` is the list
/// of system calls to watch.
pub fn trace<A: AsRef<OsStr>>(
    cli: &Cli,
    folder: &Path,
    calls: &str,
    arguments: impl IntoIterator<Item = A>,
) -> (Finished, Vec<Call>) {
    let file = folder.join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-e", &format!("trace={calls}"), "-o"]);
    command
        .arg(&file)
        .arg(holdfast_testkit::bin("holdfast"))
        .args(arguments);
    cli.prepare(&mut command);
    let output = command.output().expect("strace is installed");
    let text = std::fs::read(&file).expect("strace wrote its trace");
    (
        Finished::from(output),
        parse(&String::from_utf8_lossy(&text)),
    )
}

/// Reads a trace; calls that failed are left out.
pub fn parse(text: &str) -> Vec<Call> {
    let mut open: HashMap<&str, (usize, String)> = HashMap::new();
    let mut calls = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((process, event)) = line.split_once(char::is_whitespace) else {
            continue;
        };
        let event = event.trim_start();
        if let Some(begun) = event.strip_suffix(" <unfinished ...>") {
            open.insert(process, (number, begun.to_owned()));
            continue;
        }
        let (began, whole) = match event.strip_prefix("<... ") {
            Some(rest) => {
                let Some((_, end)) = rest.split_once(" resumed>") else {
                    continue;
                };
                let Some((began, begun)) = open.remove(process) else {
                    continue;
                };
                (began, format!("{begun}{end}"))
            }
            None => (number, event.to_owned()),
        };
        calls.extend(parse_call(&whole, began, number));
    }
    calls
}

fn parse_call(text: &str, began: usize, ended: usize) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") = ").or_else(|| {
        // Results are aligned with blanks behind short calls.
        let (arguments, result) = rest.rsplit_once(" = ")?;
        Some((arguments.trim_end().strip_suffix(')')?, result))
    })?;
    let failed = result.starts_with('-') || result.starts_with('?');
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (plain && !failed).then(|| Call {
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        result: result.trim().to_owned(),
        began,
        ended,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_several_threads_are_put_together() {
        let text = r#"
10 openat(AT_FDCWD</tmp>, "/r/a.f.tmp.1", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 7</r/a.f.tmp.1>
10 fsync(7</r/a.f.tmp.1> <unfinished ...>
11 rename("/r/b.tmp", "/r/b.f") = 0
10 <... fsync resumed>)             = 0
11 mkdir("/r/x", 0700)             = -1 EEXIST (File exists)
11 +++ exited with 0 +++
"#;
        let calls = parse(text);
        let names: Vec<_> = calls
            .iter()
            .map(|call| (call.name.as_str(), call.began, call.ended))
            .collect();
        assert_eq!(names, [("openat", 1, 1), ("rename", 3, 3), ("fsync", 2, 4)]);
        assert_eq!(calls[0].opened(), Some("/r/a.f.tmp.1"));
        assert_eq!(calls[1].quoted(), ["/r/b.tmp", "/r/b.f"]);
        assert_eq!(calls[2].handle(), Some("/r/a.f.tmp.1"));
    }
}
