//! The S3 server of the tests as a process of its own. It prints one line of JSON with its address
//! and serves until its standard input closes or it is ended.

use std::io::{Read, Write};
use std::net::SocketAddr;

use clap::Parser;
use holdfast_testkit::s3::{Behaviour, S3Server, S3ServerOptions};

/// S3 server for tests: keeps everything in memory.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 lets the system choose.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The access key that is accepted.
    #[arg(long, default_value = "testkit-access")]
    access_key: String,
    /// The secret key that belongs to it.
    #[arg(long, default_value = "testkit-secret")]
    secret_key: String,
    /// Buckets that exist from the start.
    #[arg(long, default_value = "bucket")]
    bucket: Vec<String>,
    /// Buckets with object lock that exist from the start.
    #[arg(long)]
    locked_bucket: Vec<String>,
    /// Keys in one page of a listing.
    #[arg(long, default_value_t = 1000)]
    page_size: usize,
    /// Keep serving when standard input is closed.
    #[arg(long)]
    detached: bool,
}

fn main() -> std::io::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::WARN)
        .init();
    let arguments = Arguments::parse();
    let server = S3Server::start_with(S3ServerOptions {
        listen: arguments.listen,
        access_key: arguments.access_key,
        secret_key: arguments.secret_key,
        buckets: arguments.bucket,
        locked_buckets: arguments.locked_bucket,
    })?;
    server.set_behaviour(Behaviour {
        page_size: arguments.page_size,
        ..Behaviour::default()
    });
    let mut output = std::io::stdout();
    let about = serde_json::json!({
        "url": server.url(),
        "address": server.address().to_string(),
        "control": format!("{}{}", server.url(), holdfast_testkit::s3::control::PATH),
        "access_key": server.options().access_key,
        "buckets": server.options().buckets,
        "pid": std::process::id(),
    });
    writeln!(output, "{about}")?;
    output.flush()?;
    if arguments.detached {
        loop {
            std::thread::park();
        }
    }
    // A test that ends, however it ends, closes its end of this pipe.
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest)?;
    Ok(())
}
