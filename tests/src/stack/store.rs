//! The test kit's S3 server as a process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use holdfast_testkit::bin;
use serde::Deserialize;
use serde_json::Value;

/// A running S3 server with one bucket. It ends with the test.
pub struct ObjectStore {
    child: Child,
    client: reqwest::Client,
    control: String,
    /// Endpoint.
    pub url: String,
    /// The bucket.
    pub bucket: String,
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: String,
}

/// What the server received and sent.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Totals {
    /// PUTs of objects.
    pub puts: u64,
    /// Bytes of bodies of PUTs that arrived, broken ones included.
    pub put_bytes: u64,
    /// Bytes of bodies of PUTs that were stored.
    pub stored_bytes: u64,
}

impl ObjectStore {
    /// Starts the server.
    pub async fn start(log: &Path) -> Self {
        holdfast_host::install_crypto_provider();
        let errors = std::fs::File::create(log).expect("make the log of the object store");
        let secret_key = "e2e-secret-key".to_owned();
        let access_key = "e2e-access-key".to_owned();
        let mut child = Command::new(bin("testkit-s3"))
            .args([
                "--bucket",
                "bucket",
                "--access-key",
                &access_key,
                "--secret-key",
                &secret_key,
            ])
            // The server ends when this pipe closes, however the test ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("start testkit-s3");
        let mut line = String::new();
        let output = child.stdout.take().expect("the output is piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("read what testkit-s3 says");
        let about: Value = serde_json::from_str(&line).expect("testkit-s3 says where it is");
        let text = |name: &str| {
            about[name]
                .as_str()
                .unwrap_or_else(|| panic!("no {name} in {about}"))
                .to_owned()
        };
        Self {
            child,
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("make an HTTP client"),
            control: text("control"),
            url: text("url"),
            bucket: "bucket".to_owned(),
            access_key,
            secret_key,
        }
    }

    /// What went through so far.
    pub async fn totals(&self) -> Totals {
        let answer = self
            .client
            .get(format!("{}totals", self.control))
            .send()
            .await
            .expect("ask testkit-s3 for its totals");
        answer.json().await.expect("testkit-s3 answers totals")
    }

    /// Forgets the requests so far, so that totals begin at zero.
    pub async fn forget(&self) {
        let answer = self
            .client
            .delete(format!("{}log", self.control))
            .send()
            .await
            .expect("empty the log of testkit-s3");
        assert!(answer.status().is_success());
    }

    /// Location of a prefix for the command line.
    pub fn location(&self, prefix: &str) -> String {
        format!(
            "s3://{}/{prefix}?endpoint={}&region=us-east-1",
            self.bucket, self.url
        )
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
