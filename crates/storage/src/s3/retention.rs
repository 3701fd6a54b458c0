//! Object lock (format 1 §1.4): reading and extending the lock of an object.

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

const PERMISSIONS: &str = "check that the policy of the keys allows PutObjectRetention and GetObjectRetention for this bucket and prefix";

/// The end of a lock, rounded up: services count in seconds, and a lock may not end early.
pub(super) fn date(until: Timestamp) -> DateTime {
    DateTime::from_secs(until.as_second() + i64::from(until.subsec_nanosecond() > 0))
}

impl Inner {
    /// Services refuse to shorten or soften a lock. What they refuse is then compared with the present lock, and only
    /// what is missing is asked for.
    pub(super) fn extend_retention(&self, id: &BlobId, wanted: Retention) -> Result<()> {
        let refusal = match self.put_retention(id, wanted) {
            Err(error) if error.kind() == ErrorKind::AccessDenied => error.hint(PERMISSIONS),
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

    /// The lock of an object, which services tell only to keys that may `GetObjectRetention`.
    pub(super) fn retention(&self, id: &BlobId) -> Result<Option<Retention>> {
        self.head(id, |answer| {
            let Some(mode) = answer.object_lock_mode() else {
                return Ok(None);
            };
            let mode = RetentionMode::by_name(mode.as_str())
                .ok_or_else(|| Failure::lie(format!("the lock mode {mode} is unknown")))?;
            Ok(Some(Retention {
                mode,
                until: time_of(answer.object_lock_retain_until_date())?,
            }))
        })
    }
}
