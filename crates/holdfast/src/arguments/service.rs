//! Arguments of `server` and `up`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

#[derive(Args)]
pub(crate) struct ServerArguments {
    /// The folder of the server's database and keys.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/var/lib/holdfast",
        env = "HOLDFAST_DATA"
    )]
    pub(crate) data: PathBuf,
    /// The address to listen on.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8440",
        env = "HOLDFAST_LISTEN"
    )]
    pub(crate) listen: SocketAddr,
    /// End when standard input is closed, as `up` wants it of its children.
    #[arg(long, hide = true)]
    pub(crate) end_with_input: bool,
}

#[derive(Args)]
pub(crate) struct UpArguments {
    /// The folder of server and agent; made when it is missing.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8440")]
    pub(crate) listen: SocketAddr,
}

#[derive(Args)]
pub(crate) struct UpAgentArguments {
    /// The agent's configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}
