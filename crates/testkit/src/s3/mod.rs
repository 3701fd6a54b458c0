//! An S3 server for tests: blobs in memory under an ordered index, signatures checked, a log of what
//! was asked and how many bytes moved, and faults on order.
//!
//! In a test it runs inside the process ([`S3Server::start`]); the program `testkit-s3` runs it as a
//! process of its own, with the same controls under `/_testkit/` (see [`control`]).

mod bodies;
pub mod control;
mod faults;
mod front;
mod log;
mod service;
mod store;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

pub use faults::{Effect, Fault, Operation};
pub use log::{LoggedRequest, Totals};
use parking_lot::RwLock;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use self::faults::Faults;
use self::log::Log;
use self::service::Service;
use self::store::Objects;

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct S3ServerOptions {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The access key that is accepted.
    pub access_key: String,
    /// The secret key that belongs to it.
    pub secret_key: String,
    /// Buckets that exist from the start.
    pub buckets: Vec<String>,
    /// Buckets with object lock, and so with versions, that exist from the start.
    pub locked_buckets: Vec<String>,
}

impl Default for S3ServerOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            access_key: "testkit-access".to_owned(),
            secret_key: "testkit-secret".to_owned(),
            buckets: vec!["bucket".to_owned()],
            locked_buckets: Vec::new(),
        }
    }
}

/// How the server behaves; can be changed while it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Keys in one page of a listing; zero means 1000.
    pub page_size: usize,
    /// Bytes a second that each upload is read with; zero means no limit.
    pub upload_bytes_per_second: u64,
    /// Bytes a second that each download is sent with; zero means no limit.
    pub download_bytes_per_second: u64,
    /// Milliseconds before each answer.
    pub latency_millis: u64,
    /// Locks are taken and forgotten, also in buckets without object lock.
    pub forgets_locks: bool,
    /// A lock that would be weakened is refused with 400 `InvalidRequest`, not 403, as MinIO does.
    pub refuses_as_minio: bool,
}

/// What the parts of a server share.
struct Shared {
    objects: RwLock<Objects>,
    behaviour: RwLock<Behaviour>,
    faults: Faults,
    log: Log,
}

/// A running server. It stops when dropped.
pub struct S3Server {
    address: SocketAddr,
    options: S3ServerOptions,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl S3Server {
    /// Starts a server with the default options.
    pub fn start() -> Self {
        Self::start_with(S3ServerOptions::default()).expect("a port of this machine is free")
    }

    /// Starts a server whose one bucket, `bucket`, has object lock.
    pub fn start_with_object_lock() -> Self {
        Self::start_with(S3ServerOptions {
            buckets: Vec::new(),
            locked_buckets: vec!["bucket".to_owned()],
            ..S3ServerOptions::default()
        })
        .expect("a port of this machine is free")
    }

    /// Starts a server.
    pub fn start_with(options: S3ServerOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            objects: RwLock::new(Objects::with_buckets(
                &options.buckets,
                &options.locked_buckets,
            )),
            behaviour: RwLock::default(),
            faults: Faults::default(),
            log: Log::default(),
        });
        let service = {
            let mut builder = S3ServiceBuilder::new(Service::new(Arc::clone(&shared)));
            builder.set_auth(SimpleAuth::from_single(
                options.access_key.as_str(),
                options.secret_key.as_str(),
            ));
            builder.build()
        };
        let (stop, stopped) = oneshot::channel();
        let for_thread = Arc::clone(&shared);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("testkit-s3")
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("testkit-s3".to_owned())
            .spawn(move || {
                runtime.block_on(front::serve(listener, service, for_thread, stopped));
                // Connections may still wait for a client that never speaks again.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            address,
            options,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was started with.
    pub fn options(&self) -> &S3ServerOptions {
        &self.options
    }

    /// `s3://bucket/PREFIX?endpoint=…`, as the product takes it; `prefix` without slashes around it.
    pub fn location(&self, bucket: &str, prefix: &str) -> String {
        format!(
            "s3://{bucket}/{prefix}?endpoint={}&region=us-east-1",
            self.url()
        )
    }

    /// Changes how it behaves from now on.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        *self.shared.behaviour.write() = behaviour;
    }

    /// Adds a fault. Faults are tried in the order in which they were added.
    pub fn add_fault(&self, fault: Fault) {
        self.shared.faults.add(fault);
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Every request since the start or since [`S3Server::clear_log`], oldest first, those in flight too.
    pub fn log(&self) -> Vec<LoggedRequest> {
        self.shared.log.requests()
    }

    /// Sums over the log.
    pub fn totals(&self) -> Totals {
        self.shared.log.totals()
    }

    /// Empties the log.
    pub fn clear_log(&self) {
        self.shared.log.clear();
    }

    /// The keys of a bucket, in order.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.shared.objects.read().keys(bucket)
    }

    /// The mode of the lock of an object.
    pub fn lock_mode(&self, bucket: &str, key: &str) -> Option<String> {
        let objects = self.shared.objects.read();
        let lock = objects.get(bucket, key).ok()?.lock.as_ref()?;
        Some(lock.mode.clone())
    }

    /// How many versions of an object a bucket with object lock still holds, hidden ones included.
    pub fn versions(&self, bucket: &str, key: &str) -> usize {
        self.shared.objects.read().versions(bucket, key)
    }

    /// The content of an object.
    pub fn object(&self, bucket: &str, key: &str) -> Option<bytes::Bytes> {
        let objects = self.shared.objects.read();
        Some(objects.get(bucket, key).ok()?.data.clone())
    }

    /// Stores an object behind the back of every client.
    pub fn set_object(&self, bucket: &str, key: &str, data: impl Into<bytes::Bytes>) {
        self.shared
            .objects
            .write()
            .put(bucket, key, store::Object::new(data.into()))
            .expect("the bucket exists");
    }

    /// Removes an object behind the back of every client.
    pub fn remove_object(&self, bucket: &str, key: &str) {
        self.shared
            .objects
            .write()
            .delete(bucket, key)
            .expect("the bucket exists");
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The server may have ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
