//! A mail server and a receiver of webhooks on loopback, which may be down for a while.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// A mail that arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    /// Whether its connection was encrypted.
    pub(crate) encrypted: bool,
    /// What the sender signed in with, as it was sent; empty when it did not.
    pub(crate) auth: String,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Headers and text as they were sent.
    pub(crate) data: String,
}

impl Mail {
    /// The value of a header on one line; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> String {
        let unfolded = self.data.replace("\r\n ", " ");
        let head = unfolded.split("\r\n\r\n").next().unwrap_or_default();
        head.lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")))
            .unwrap_or_default()
            .to_owned()
    }
}

/// How a mail server encrypts its connections.
#[derive(Clone)]
pub(crate) enum Encryption {
    None,
    /// When the sender asks for it.
    Starttls(TlsAcceptor),
    /// From the first byte.
    AtOnce(TlsAcceptor),
}

/// A mail server.
pub(crate) struct MailSink {
    pub(crate) address: SocketAddr,
    down: Arc<AtomicBool>,
    received: Arc<Received>,
}

/// What came to a mail server.
#[derive(Default)]
struct Received {
    mails: Mutex<Vec<Mail>>,
    /// Secrets that came in clear.
    leaks: AtomicUsize,
}

impl MailSink {
    pub(crate) async fn start() -> Self {
        Self::encrypted(Encryption::None).await
    }

    pub(crate) async fn encrypted(encryption: Encryption) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let sink = Self {
            address: listener.local_addr().expect("an address"),
            down: Arc::default(),
            received: Arc::default(),
        };
        let (down, received) = (sink.down.clone(), sink.received.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // What is down says nothing.
                if !down.load(Ordering::SeqCst) {
                    let (received, encryption) = (received.clone(), encryption.clone());
                    tokio::spawn(async move {
                        let _broken_off = serve(stream, encryption, received).await;
                    });
                }
            }
        });
        sink
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.received.mails.lock().clone()
    }

    /// How often somebody tried to sign in on a connection that was not encrypted.
    pub(crate) fn leaks(&self) -> usize {
        self.received.leaks.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    encryption: Encryption,
    received: Arc<Received>,
) -> std::io::Result<()> {
    let greeting = b"220 sink\r\n";
    match encryption {
        Encryption::None => {
            stream.write_all(greeting).await?;
            converse(stream, false, "", &received).await?;
        }
        Encryption::Starttls(tls) => {
            stream.write_all(greeting).await?;
            let asked = converse(stream, false, "250-STARTTLS\r\n", &received).await?;
            if let Some(stream) = asked {
                converse(tls.accept(stream).await?, true, "", &received).await?;
            }
        }
        Encryption::AtOnce(tls) => {
            let mut stream = tls.accept(stream).await?;
            stream.write_all(greeting).await?;
            converse(stream, true, "", &received).await?;
        }
    }
    Ok(())
}

/// Takes mails until the sender has had enough, or asks for encryption: then the connection comes back.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    encrypted: bool,
    offers: &str,
    received: &Received,
) -> std::io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    let mut mail = Mail::default();
    let mut auth = String::new();
    let hello = format!("250-sink\r\n{offers}250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n");
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        let answer: &[u8] = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => hello.as_bytes(),
            "STARTTLS" if !offers.is_empty() => {
                stream.write_all(b"220 go on\r\n").await?;
                return Ok(Some(stream.into_inner()));
            }
            "AUTH" => {
                auth = line.to_owned();
                if !encrypted {
                    received.leaks.fetch_add(1, Ordering::SeqCst);
                }
                b"235 welcome\r\n"
            }
            "MAIL" => {
                mail.from = line.to_owned();
                b"250 ok\r\n"
            }
            "RCPT" => {
                mail.to.push(line.to_owned());
                b"250 ok\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                loop {
                    let mut line = String::new();
                    if stream.read_line(&mut line).await? == 0 {
                        return Ok(None);
                    }
                    if line == ".\r\n" {
                        break;
                    }
                    mail.data.push_str(&line);
                }
                let mail = Mail {
                    encrypted,
                    auth: auth.clone(),
                    ..std::mem::take(&mut mail)
                };
                received.mails.lock().push(mail);
                b"250 taken\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(None);
            }
            _ => b"502 what\r\n",
        };
        stream.write_all(answer).await?;
    }
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Hook {
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).expect("is JSON")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).expect("the header");
        value.to_str().expect("is text")
    }
}

/// How a receiver of webhooks answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Well,
    /// Answers 503.
    Down,
    /// Takes the request and never answers.
    Silent,
    /// Sends it elsewhere.
    Redirects,
    /// Takes it, and then breaks the connection off without an answer.
    Forgets,
}

/// A receiver of webhooks.
pub(crate) struct HookSink {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    mood: Mutex<Mood>,
    hooks: Mutex<Vec<Hook>>,
    /// Requests to where it redirects.
    elsewhere: AtomicUsize,
}

impl HookSink {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::<Shared>::default();
        let router = Router::new()
            .route("/hook", post(receive))
            .route("/elsewhere", post(elsewhere))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.shared.mood.lock() = mood;
    }

    pub(crate) fn hooks(&self) -> Vec<Hook> {
        self.shared.hooks.lock().clone()
    }

    pub(crate) fn redirected(&self) -> usize {
        self.shared.elsewhere.load(Ordering::SeqCst)
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, text: String) -> Response {
    let mood = *shared.mood.lock();
    match mood {
        Mood::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mood::Redirects => Redirect::temporary("/elsewhere").into_response(),
        Mood::Silent => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            StatusCode::OK.into_response()
        }
        Mood::Well | Mood::Forgets => {
            shared.hooks.lock().push(Hook { headers, text });
            if mood == Mood::Forgets {
                // The sender does not learn that it arrived.
                return StatusCode::BAD_GATEWAY.into_response();
            }
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

async fn elsewhere(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.elsewhere.fetch_add(1, Ordering::SeqCst);
    StatusCode::OK
}
