//! The SDK's client and the runtime it lives on.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Credentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use holdfast_host::Cancelled;
use secrecy::ExposeSecret;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::{S3Credentials, S3Options};
use crate::S3Location;
use crate::stop::Stop;

pub(super) fn build(
    location: &S3Location,
    credentials: &S3Credentials,
    options: &S3Options,
) -> Client {
    let tls = location
        .endpoint
        .as_ref()
        .is_none_or(|endpoint| endpoint.tls);
    // Without TLS the machine's certificates are not even looked for.
    let http = if tls {
        Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https()
    } else {
        Builder::new().build_http()
    };
    let keys = Credentials::new(
        &credentials.access_key_id,
        credentials.secret_access_key.expose_secret(),
        credentials
            .session_token
            .as_ref()
            .map(|token| token.expose_secret().to_owned()),
        None,
        "holdfast",
    );
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(location.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .force_path_style(true)
        // Content-MD5 protects uploads and is understood by every service; newer checksums are not.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        // Retries, and the watch over stalled transfers, are our own.
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(options.connect_timeout)
                .build(),
        );
    if let Some(endpoint) = &location.endpoint {
        config = config.endpoint_url(endpoint.to_string());
    }
    Client::from_conf(config.build())
}

/// One small runtime for all buckets of the process. Calls block their own threads; this one moves
/// bytes and timers.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("storage")
            .enable_all()
            .build()
            .expect("the system can start two threads")
    })
}

/// Runs a future to its end on this thread, or until the work is cancelled: then it is dropped, and
/// with it the connection of a request in flight. In the last moment after that it is dropped when the moment is over.
pub(super) fn block_on<F: Future>(stop: &Stop, future: F) -> Result<F::Output, Cancelled> {
    stop.check()?;
    if stop.cancel().is_cancelled() {
        return runtime().block_on(async {
            tokio::time::timeout(stop.time_left(), future)
                .await
                .map_err(|_| Cancelled)
        });
    }
    let raised = Arc::new(Notify::new());
    let _callback = {
        let raised = Arc::clone(&raised);
        stop.cancel().on_cancel(move || raised.notify_one())
    };
    runtime().block_on(async {
        tokio::select! {
            biased;
            () = raised.notified() => Err(Cancelled),
            output = future => Ok(output),
        }
    })
}
