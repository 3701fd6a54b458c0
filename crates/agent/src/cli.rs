//! The command line of `holdfast-agent`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::default_config_path;

/// Backs this machine up as a Holdfast server tells it to.
#[derive(Debug, Parser)]
#[command(
    name = "holdfast-agent",
    version,
    about,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE", default_value_os_t = default_config_path(), env = "HOLDFAST_AGENT_CONFIG")]
    pub config: PathBuf,
    /// Log details
    #[arg(long, global = true)]
    pub debug: bool,
    /// Write the log to a file instead of standard error
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// What to do; `run` when left out
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make this machine an agent of a server
    #[command(visible_alias = "enrol")]
    Enroll(EnrollArgs),
    /// Work until stopped (the service)
    Run,
    /// Show whether the agent is enrolled, running and in contact with its server
    Status(StatusArgs),
}

/// Arguments of `enroll`.
#[derive(Debug, Args)]
pub struct EnrollArgs {
    /// Address of the server, such as https://backup.example.com; not needed when the configuration has it
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Enrolment token from "Add machine"
    #[arg(
        long,
        value_name = "TOKEN",
        conflicts_with = "email",
        env = "HOLDFAST_AGENT_ENROLLMENT_TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
    /// Enrol with an account; the password is asked for, or read from the first line of standard input
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Second factor of the account
    #[arg(long, value_name = "CODE", requires = "email")]
    pub second_factor: Option<String>,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Accepts `-config` and `-debug` beside `--config` and `--debug`.
pub fn with_long_dashes(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let lengthen = |argument: OsString| match argument.to_str() {
        Some(text) if text == "-debug" || text == "-config" || text.starts_with("-config=") => {
            format!("-{text}").into()
        }
        _ => argument,
    };
    arguments.into_iter().map(lengthen).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &[&str]) -> Cli {
        Cli::parse_from(with_long_dashes(arguments.iter().map(OsString::from)))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    // Requirements: AGT-3
    #[test]
    fn one_dash_will_do() {
        let cli = parse(&["holdfast-agent", "-config", "/etc/x.conf", "-debug"]);
        assert!(cli.debug && cli.command.is_none());
        assert_eq!(cli.config, PathBuf::from("/etc/x.conf"));
        assert_eq!(
            parse(&["holdfast-agent", "run", "-config=/y"]).config,
            PathBuf::from("/y")
        );
    }

    #[test]
    fn enrolment_takes_a_token_or_an_account() {
        let cli = parse(&[
            "holdfast-agent",
            "enroll",
            "--server",
            "https://h",
            "--token",
            "t",
        ]);
        let Some(Command::Enroll(arguments)) = cli.command else {
            panic!("another command")
        };
        assert_eq!(arguments.token.as_deref(), Some("t"));
        let both = ["holdfast-agent", "enroll", "--token", "t", "--email", "a@b"];
        assert!(Cli::try_parse_from(both).is_err());
    }
}
