//! Object lock (format 1 §1.4): reading and extending the lock of an object.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{ObjectLockRetention, ObjectLockRetentionMode};
use aws_smithy_types::DateTime;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use md5::{Digest, Md5};

use super::Inner;
use super::errors::{Failure, Subject};
use super::operations::time_of;
use crate::{BlobId, ErrorKind, Result, Retention, RetentionMode};

/// What is answered for an object that never had a lock.
const NEVER_LOCKED: &str = "NoSuchObjectLockConfiguration";

const PERMISSIONS: &str = "check that the policy of the keys allows PutObjectRetention and GetObjectRetention for this bucket and prefix";

/// The end of a lock, rounded up: services count in seconds, and a lock may not end early.
pub(super) fn date(until: Timestamp) -> DateTime {
    DateTime::from_secs(until.as_second() + i64::from(until.subsec_nanosecond() > 0))
}

impl Inner {
    /// Services refuse to shorten or soften a lock, with 403 or, as MinIO does, with 400. What they refuse is then compared
    /// with the present lock, and only what is missing is asked for.
    pub(super) fn extend_retention(&self, id: &BlobId, wanted: Retention) -> Result<()> {
        let refusal = match self.put_retention(id, wanted) {
            Err(error) if error.kind() == ErrorKind::AccessDenied => error.hint(PERMISSIONS),
            Err(error) if error.kind() == ErrorKind::Other => error,
            result => return result,
        };
        let Ok(Some(present)) = self.retention(id) else {
            return Err(refusal);
        };
        let joined = present.joined(wanted);
        if (joined.mode, date(joined.until)) == (present.mode, date(present.until)) {
            return Ok(());
        }
        if joined == wanted {
            return Err(refusal);
        }
        self.put_retention(id, joined)
    }

    fn put_retention(&self, id: &BlobId, retention: Retention) -> Result<()> {
        let wanted = ObjectLockRetention::builder()
            .mode(ObjectLockRetentionMode::from(retention.mode.name()))
            .retain_until_date(date(retention.until))
            .build();
        self.counters.add_puts(1);
        self.run("lock", Subject::Blob(id), async |_| {
            self.client
                .put_object_retention()
                .bucket(&self.location.bucket)
                .key(self.key(id))
                .retention(wanted.clone())
                .customize()
                // Services that came before the newer checksums insist on this one.
                .mutate_request(|request| {
                    let digest = request.body().bytes().map(Md5::digest);
                    if let Some(digest) = digest {
                        let headers = request.headers_mut();
                        headers.insert("content-md5", BASE64.encode(digest));
                    }
                })
                .send()
                .await?;
            Ok(())
        })
    }

    /// The lock of an object. `HEAD` would leave it out for keys that may not know it, as if there were none; this request
    /// is refused then.
    pub(super) fn retention(&self, id: &BlobId) -> Result<Option<Retention>> {
        self.counters.add_gets(1);
        let found = self.run("look up the lock of", Subject::Blob(id), async |_| {
            let request = self
                .client
                .get_object_retention()
                .bucket(&self.location.bucket)
                .key(self.key(id));
            let answer = match request.send().await {
                Err(error) if error.code() == Some(NEVER_LOCKED) => return Ok(None),
                answer => answer?,
            };
            let Some(lock) = answer.retention() else {
                return Ok(None);
            };
            let Some(mode) = lock.mode() else {
                return Ok(None);
            };
            let mode = RetentionMode::by_name(mode.as_str())
                .ok_or_else(|| Failure::lie(format!("the lock mode {mode} is unknown")))?;
            Ok(Some(Retention {
                mode,
                until: time_of(lock.retain_until_date())?,
            }))
        });
        match found {
            // Nothing in a bucket without object lock is locked.
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
            Err(error) if error.kind() == ErrorKind::AccessDenied => Err(error.hint(PERMISSIONS)),
            found => found,
        }
    }
}
