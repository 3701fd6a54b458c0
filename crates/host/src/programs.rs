//! Running other programs: with a time limit, without leaving anything of them behind.

use std::ffi::OsString;
use std::fmt::Debug;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::{Cancel, Cancelled};

/// So much of each output is kept, bytes.
const KEPT_OUTPUT: usize = 64 * 1024;
/// How often a running program is looked at.
const STEP: Duration = Duration::from_millis(20);
/// How long output may still come after the program has ended, from others that it left running.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// A program and how it is started. It inherits the environment of this one and reads nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its file, or a name that is looked up as the system does it.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its working directory.
    pub directory: PathBuf,
    /// Further variables of its environment.
    pub variables: Vec<(String, OsString)>,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The beginning of its standard output, at most 64 KiB.
    pub output: Vec<u8>,
    /// The beginning of its standard error, at most 64 KiB.
    pub errors: Vec<u8>,
}

/// Why a program did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It could not be started.
    #[error("cannot start {path}: {source}", path = .path.display())]
    Start {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Waiting for it failed.
    #[error("cannot wait for {path}: {source}", path = .path.display())]
    Wait {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It took too long and was ended.
    #[error("{path} was ended because it ran longer than {} s", .limit.as_secs(), path = .path.display())]
    TooLong {
        /// Its file.
        path: PathBuf,
        /// The limit.
        limit: Duration,
    },
    /// It was ended because its work is no longer wanted.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Whoever runs programs.
pub trait Programs: Debug + Send + Sync {
    /// Runs a program to its end. One that takes longer than `limit`, or whose work is cancelled, is ended with all that
    /// it started.
    ///
    /// # Errors
    /// [`ProgramError`]; an exit code other than 0 is none.
    fn run(
        &self,
        program: &Program,
        limit: Duration,
        cancel: &Cancel,
    ) -> Result<Ended, ProgramError>;

    /// Starts a program and does not wait for it.
    ///
    /// # Errors
    /// [`ProgramError::Start`].
    fn start(&self, program: &Program) -> Result<(), ProgramError>;
}

/// The programs of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemPrograms;

impl Programs for SystemPrograms {
    fn run(
        &self,
        program: &Program,
        limit: Duration,
        cancel: &Cancel,
    ) -> Result<Ended, ProgramError> {
        let mut child = spawn(program, Stdio::piped)?;
        let output = child.stdout.take().map(collect);
        let errors = child.stderr.take().map(collect);
        let began = Instant::now();
        let status = loop {
            let waited = child.try_wait().map_err(|source| ProgramError::Wait {
                path: program.path.clone(),
                source,
            })?;
            if let Some(status) = waited {
                break status;
            }
            let cancelled = cancel.wait_timeout(STEP);
            if cancelled || began.elapsed() >= limit {
                end(&mut child);
                cancel.check()?;
                return Err(ProgramError::TooLong {
                    path: program.path.clone(),
                    limit,
                });
            }
        };
        Ok(Ended {
            code: status.code(),
            output: output.map_or_else(Vec::new, |output| received(&output)),
            errors: errors.map_or_else(Vec::new, |errors| received(&errors)),
        })
    }

    fn start(&self, program: &Program) -> Result<(), ProgramError> {
        let mut child = spawn(program, Stdio::null)?;
        // Somebody must take note of its end, or the system keeps its entry.
        std::thread::spawn(move || child.wait());
        Ok(())
    }
}

fn spawn(program: &Program, output: fn() -> Stdio) -> Result<Child, ProgramError> {
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .current_dir(&program.directory)
        .envs(program.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output());
    #[cfg(unix)]
    {
        // A group of its own, so that it can be ended with all that it started.
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    command.spawn().map_err(|source| ProgramError::Start {
        path: program.path.clone(),
        source,
    })
}

/// Ends a program and, where the system knows groups, all of its group. One that has ended meanwhile is no error.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads an output to its end on a thread of its own, and hands out its beginning piece by piece.
fn collect(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (pieces, received) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut kept = 0;
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            let piece = &buffer[..length.min(KEPT_OUTPUT - kept)];
            kept += piece.len();
            // Whoever does not listen any more still must not make the program wait.
            let _ = pieces.send(piece.to_vec());
        }
    });
    received
}

fn received(pieces: &Receiver<Vec<u8>>) -> Vec<u8> {
    let deadline = Instant::now() + LAST_OUTPUT;
    let mut output = Vec::new();
    while let Ok(piece) = pieces.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        output.extend_from_slice(&piece);
    }
    output
}

/// A folder for temporary files of programs, which is removed when it is dropped.
#[derive(Debug)]
pub struct ScratchFolder(tempfile::TempDir);

impl ScratchFolder {
    /// A new empty folder that only this user may enter.
    ///
    /// # Errors
    /// Of the file system.
    pub fn new() -> io::Result<Self> {
        tempfile::Builder::new()
            .prefix("holdfast-action")
            .tempdir()
            .map(Self)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a script and returns the program that runs it: on Unix the script itself when it begins with `#!`, else a
    /// shell that stops at the first failing command; on Windows the command interpreter.
    ///
    /// # Errors
    /// Of the file system.
    pub fn script(&self, text: &str) -> io::Result<(PathBuf, Vec<OsString>)> {
        if cfg!(windows) {
            let file = self.path().join("action.cmd");
            std::fs::write(&file, text)?;
            return Ok(("cmd".into(), vec!["/c".into(), file.into()]));
        }
        let file = self.path().join("action.sh");
        std::fs::write(&file, text)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700))?;
        }
        if text.starts_with("#!") {
            Ok((file, Vec::new()))
        } else {
            Ok(("sh".into(), vec!["-e".into(), file.into()]))
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program {
            path: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            directory: "/".into(),
            variables: vec![("GREETING".to_owned(), "hello".into())],
        }
    }

    fn run(script: &str, limit: Duration) -> Result<Ended, ProgramError> {
        SystemPrograms.run(&shell(script), limit, &Cancel::new())
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn code_output_and_variables_come_back() -> Result<(), ProgramError> {
        let ended = run("echo $GREETING; pwd; echo no >&2; exit 3", LONG)?;
        assert_eq!(ended.code, Some(3));
        assert_eq!(ended.output, b"hello\n/\n");
        assert_eq!(ended.errors, b"no\n");
        Ok(())
    }

    #[test]
    fn a_flood_of_output_is_cut_and_does_not_block() -> Result<(), ProgramError> {
        let ended = run("head -c 1000000 /dev/zero", LONG)?;
        assert_eq!((ended.code, ended.output.len()), (Some(0), KEPT_OUTPUT));
        Ok(())
    }

    #[test]
    fn what_takes_too_long_is_ended_with_its_children() {
        let began = Instant::now();
        let error = run("sleep 300 & sleep 300", Duration::from_millis(50));
        assert!(
            matches!(error, Err(ProgramError::TooLong { .. })),
            "{error:?}"
        );
        assert!(began.elapsed() < LONG);
    }

    #[test]
    fn a_cancel_ends_it() {
        let cancel = Cancel::new();
        cancel.cancel();
        let error = SystemPrograms.run(&shell("sleep 300"), LONG, &cancel);
        assert!(
            matches!(error, Err(ProgramError::Cancelled(_))),
            "{error:?}"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let mut program = shell("");
        program.path = "/does/not/exist".into();
        let error = SystemPrograms
            .run(&program, LONG, &Cancel::new())
            .expect_err("missing");
        assert!(error.to_string().contains("/does/not/exist"), "{error}");
        assert!(SystemPrograms.start(&program).is_err());
    }

    #[test]
    fn scripts_run_by_their_first_line_or_a_strict_shell() -> Result<(), Box<dyn std::error::Error>>
    {
        for (text, code, output) in [
            ("#!/bin/sh\nfalse\necho after\n", 0, "after\n"),
            ("false\necho after\n", 1, ""),
        ] {
            let folder = ScratchFolder::new()?;
            let (path, arguments) = folder.script(text)?;
            let program = Program {
                path,
                arguments,
                directory: folder.path().to_owned(),
                variables: Vec::new(),
            };
            let ended = SystemPrograms.run(&program, LONG, &Cancel::new())?;
            assert_eq!(
                (ended.code, ended.output.as_slice()),
                (Some(code), output.as_bytes())
            );
        }
        Ok(())
    }
}
