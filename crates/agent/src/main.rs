//! `holdfast-agent`: the agent program.

use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use holdfast_agent::cli::{Cli, Command, EnrollArgs, StatusArgs, with_long_dashes};
use holdfast_agent::config::{AgentConfig, parse_server};
use holdfast_agent::enrol::{Credential, enrol};
use holdfast_agent::http::HttpServerApi;
use holdfast_agent::service::{AgentOptions, run, warn_about_plain_http};
use holdfast_agent::state::{StatusFile, is_running};
use holdfast_agent::{logging, signals};
use holdfast_host::Cancel;
use holdfast_host::memory::HugePageAllocator;
use holdfast_protocol::Secret;

#[global_allocator]
static ALLOCATOR: HugePageAllocator = HugePageAllocator;

fn main() -> ExitCode {
    holdfast_host::install_crypto_provider();
    let cli = Cli::parse_from(with_long_dashes(std::env::args_os()));
    match start(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("holdfast-agent: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: &Cli) -> Result<()> {
    if let Some(Command::Status(arguments)) = &cli.command {
        return status(&cli.config, arguments);
    }
    logging::start(cli.debug, cli.log_file.as_deref())?;
    if let Some(Command::Enroll(arguments)) = &cli.command {
        return enroll(&cli.config, arguments);
    }
    let shutdown = Cancel::new();
    signals::stop_on_signal(shutdown.clone()).context("listen for the signal to stop")?;
    run(&AgentOptions {
        config: cli.config.clone(),
        shutdown,
    })
}

fn enroll(config_path: &Path, arguments: &EnrollArgs) -> Result<()> {
    let config = AgentConfig::load(config_path)?;
    let root = match &arguments.server {
        Some(server) => parse_server(server)?,
        None => config.api_root()?,
    };
    warn_about_plain_http(&root);
    let credential = match (&arguments.token, &arguments.email) {
        (Some(token), _) => Credential::Token(Secret::new(token.as_str())),
        (None, Some(email)) => Credential::Account {
            email: email.clone(),
            password: read_password(email)?,
            second_factor: arguments.second_factor.as_deref().map(Secret::new),
        },
        (None, None) => match config.enrollment_token.clone() {
            Some(token) => Credential::Token(token),
            None => bail!("give --token TOKEN from \"Add machine\", or --email ADDRESS"),
        },
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    let api = HttpServerApi::new(root.clone(), None)?;
    let enrolled = runtime.block_on(enrol(&api, config_path, Some(root.as_str()), &credential))?;
    println!(
        "This machine is enrolled as agent {} of {root}.",
        enrolled.agent_id
    );
    println!("Its identity is in {}.", config_path.display());
    Ok(())
}

/// Asks for the password, or reads it from standard input when that is no terminal.
fn read_password(email: &str) -> Result<Secret> {
    let text = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("Password of {email}: ")).context("read the password")?
    } else {
        let mut line = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .context("read the password from standard input")?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    if text.is_empty() {
        bail!("the password is empty");
    }
    Ok(Secret::new(text))
}

fn status(config_path: &Path, arguments: &StatusArgs) -> Result<()> {
    let config = AgentConfig::load(config_path)?;
    let state = config.state_folder();
    let running = is_running(&state);
    let file = StatusFile::read(&state).filter(|_| running);
    if arguments.json {
        let json = serde_json::json!({
            "config": config_path, "enrolled": config.identity().is_some(), "agent_id": config.agent_id,
            "server": config.api_base_url, "running": running, "state": file,
        });
        println!("{}", serde_json::to_string_pretty(&json)?);
        return Ok(());
    }
    println!("configuration  {}", config_path.display());
    match config.identity() {
        Some((id, _)) => println!(
            "enrolled       as agent {id} of {}",
            config.api_base_url.as_deref().unwrap_or("(no server)")
        ),
        None => {
            println!("enrolled       no; run: holdfast-agent enroll --server URL --token TOKEN")
        }
    }
    match (&file, running) {
        (_, false) => println!("running        no"),
        (None, true) => println!("running        yes"),
        (Some(file), true) => {
            println!(
                "running        yes, process {}, version {}",
                file.process, file.version
            );
            match (&file.trouble, file.last_contact) {
                (Some(trouble), _) => println!("server         {trouble}"),
                (None, Some(contact)) => println!("server         answered at {contact:.0}"),
                (None, None) => println!("server         not reached yet"),
            }
            for run in &file.runs {
                println!("run            {} (attempt {})", run.run_id, run.attempt);
            }
        }
    }
    Ok(())
}
