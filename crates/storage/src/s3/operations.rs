//! The requests.

use std::ops::ControlFlow;
use std::sync::Arc;

use aws_sdk_s3::types::{EncodingType, ObjectLockMode, StorageClass};
use aws_smithy_types::DateTime;
use aws_smithy_types::byte_stream::ByteStream;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use jiff::Timestamp;
use md5::{Digest, Md5};

use super::Inner;
use super::body::Upload;
use super::errors::{Failure, Subject};
use super::idle::Activity;
use super::retention;
use super::storage_class::STORAGE_CONFIG;
use crate::{BlobId, BlobInfo, ErrorKind, PutOptions, Result};

pub(super) type Attempt<T> = std::result::Result<T, Failure>;

impl Inner {
    /// One PUT a blob, never multipart (format 1 §1.4).
    pub(super) fn put(&self, id: &BlobId, data: &Bytes, options: &PutOptions) -> Result<()> {
        let digest = BASE64.encode(Md5::digest(data));
        let upload = Upload {
            data: data.clone(),
            limit: self.upload_limit.clone(),
            counters: Arc::clone(&self.counters),
            furthest: Arc::default(),
        };
        let class = self.storage_classes.class_of(id);
        self.run("write", Subject::Blob(id), async |activity: Activity| {
            let mut request = self
                .client
                .put_object()
                .bucket(&self.location.bucket)
                .key(self.key(id))
                .content_type("application/x-kopia")
                .content_md5(&digest)
                .content_length(data.len() as i64)
                .body(upload.body(&activity));
            if let Some(class) = class {
                request = request.storage_class(StorageClass::from(class));
            }
            if let Some(retention) = options.retention {
                request = request
                    .object_lock_mode(ObjectLockMode::from(retention.mode.name()))
                    .object_lock_retain_until_date(retention::date(retention.until));
            }
            request.send().await?;
            Ok(())
        })?;
        self.counters.add_puts(1);
        Ok(())
    }

    pub(super) fn get(&self, id: &BlobId) -> Result<Bytes> {
        self.counters.add_gets(1);
        self.get_key("read", Subject::Blob(id), &self.key(id))
    }

    /// Reads a whole object.
    pub(super) fn get_key(
        &self,
        operation: &'static str,
        subject: Subject<'_>,
        key: &str,
    ) -> Result<Bytes> {
        self.run(operation, subject, async |activity: Activity| {
            let answer = self
                .client
                .get_object()
                .bucket(&self.location.bucket)
                .key(key)
                .send()
                .await?;
            let announced = answer
                .content_length
                .and_then(|length| usize::try_from(length).ok())
                .ok_or_else(|| Failure::lie("the answer has no length"))?;
            let mut data = Vec::new();
            let enough = data.try_reserve_exact(announced);
            enough.map_err(|_| Failure::lie(format!("the answer announces {announced} bytes")))?;
            self.receive(answer.body, announced, &activity, |piece| {
                data.extend_from_slice(piece);
            })
            .await?;
            Ok(data.into())
        })
    }

    pub(super) fn get_range(&self, id: &BlobId, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.counters.add_gets(1);
        let wanted = buffer.len();
        let end = offset.saturating_add(wanted as u64);
        let target = parking_lot::Mutex::new(buffer);
        self.run("read", Subject::Blob(id), async |activity: Activity| {
            let answer = self
                .client
                .get_object()
                .bucket(&self.location.bucket)
                .key(self.key(id))
                .range(format!("bytes={offset}-{}", end - 1))
                .send()
                .await?;
            check_range(answer.content_range(), answer.content_length(), offset, end)?;
            let mut filled = 0;
            self.receive(answer.body, wanted, &activity, |piece| {
                target.lock()[filled..filled + piece.len()].copy_from_slice(piece);
                filled += piece.len();
            })
            .await
        })
    }

    /// Takes exactly `announced` bytes from a body.
    async fn receive(
        &self,
        mut body: ByteStream,
        announced: usize,
        activity: &Activity,
        mut take: impl FnMut(&[u8]),
    ) -> Attempt<()> {
        let mut left = announced;
        while let Some(piece) = body.next().await {
            let piece = piece?;
            activity.touch();
            left = left.checked_sub(piece.len()).ok_or_else(|| {
                Failure::lie(format!(
                    "the answer is longer than the announced {announced} bytes"
                ))
            })?;
            take(&piece);
            self.counters.add_downloaded(piece.len() as u64);
            if let Some(limit) = &self.download_limit {
                tokio::time::sleep(limit.after(piece.len())).await;
                activity.touch();
            }
        }
        if left > 0 {
            return Err(Failure::lie(format!(
                "the answer ended {left} bytes before the announced {announced}"
            )));
        }
        Ok(())
    }

    pub(super) fn stat(&self, id: &BlobId) -> Result<BlobInfo> {
        self.counters.add_gets(1);
        self.run("look up", Subject::Blob(id), async |_| {
            let request = self.client.head_object().bucket(&self.location.bucket);
            let answer = request.key(self.key(id)).send().await?;
            Ok(BlobInfo {
                id: id.clone(),
                length: length_of(answer.content_length())?,
                modified: time_of(answer.last_modified())?,
            })
        })
    }

    pub(super) fn delete(&self, id: &BlobId) -> Result<()> {
        self.counters.add_deletes(1);
        self.run("delete", Subject::Blob(id), async |_| {
            let outcome = self
                .client
                .delete_object()
                .bucket(&self.location.bucket)
                .key(self.key(id))
                .send()
                .await
                .map_err(Failure::from);
            match outcome {
                // Some services report what the others pass over in silence.
                Err(failure) if failure.kind() == ErrorKind::NotFound => Ok(()),
                outcome => outcome.map(drop),
            }
        })
    }

    pub(super) fn list(
        &self,
        prefix: &str,
        each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut token: Option<String> = None;
        loop {
            self.counters.add_lists(1);
            let (blobs, next) = self.list_page(prefix, token.as_deref())?;
            for info in blobs {
                if each(info).is_break() {
                    return Ok(());
                }
            }
            match next {
                Some(next) => token = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn list_page(
        &self,
        prefix: &str,
        token: Option<&str>,
    ) -> Result<(Vec<BlobInfo>, Option<String>)> {
        let key_prefix = format!("{}{prefix}", self.location.prefix);
        self.run("list", Subject::Store, async |_| {
            let answer = self
                .client
                .list_objects_v2()
                .bucket(&self.location.bucket)
                .prefix(&key_prefix)
                .delimiter("/")
                .set_continuation_token(token.map(str::to_owned))
                .send()
                .await?;
            if answer.encoding_type() == Some(&EncodingType::Url) {
                return Err(Failure::lie(
                    "the listing is encoded though that was not asked for",
                ));
            }
            let mut blobs = Vec::with_capacity(answer.contents().len());
            for object in answer.contents() {
                let key = object.key().unwrap_or_default();
                if !key.starts_with(&key_prefix) {
                    return Err(Failure::lie(format!(
                        "the listing of {key_prefix:?} holds {key:?}"
                    )));
                }
                // What cannot be a blob is somebody else's.
                let Ok(id) = BlobId::new(&key[self.location.prefix.len()..]) else {
                    continue;
                };
                blobs.push(BlobInfo {
                    id,
                    length: length_of(object.size())?,
                    modified: time_of(object.last_modified())?,
                });
            }
            let next = match answer.is_truncated() {
                Some(true) => {
                    let next = answer
                        .next_continuation_token()
                        .filter(|next| Some(*next) != token);
                    let next = next.ok_or_else(|| {
                        Failure::lie("the listing is cut off and does not say how to go on")
                    })?;
                    Some(next.to_owned())
                }
                _ => None,
            };
            Ok((blobs, next))
        })
    }

    /// The settings that the bucket holds; none when there is no such object.
    pub(super) fn load_storage_classes(&self) -> Result<super::StorageClasses> {
        let key = format!("{}{STORAGE_CONFIG}", self.location.prefix);
        match self.get_key("open", Subject::Store, &key) {
            Ok(text) => super::StorageClasses::parse(&text).map_err(|error| {
                crate::Error::new(
                    ErrorKind::Invalid,
                    "open",
                    self.name(),
                    format!("its object {key} cannot be understood: {error}"),
                )
                .hint("correct or remove that object")
            }),
            Err(error) if error.is_not_found() => Ok(super::StorageClasses::default()),
            Err(error) => Err(error),
        }
    }
}

/// Checks that the range of the answer is the one that was asked for.
fn check_range(
    content_range: Option<&str>,
    length: Option<i64>,
    offset: u64,
    end: u64,
) -> Attempt<()> {
    let text = content_range
        .ok_or_else(|| Failure::lie("the service ignores that only a range was asked for"))?;
    let (first, last, total) = parse_range(text)
        .ok_or_else(|| Failure::lie(format!("the range {text:?} of the answer makes no sense")))?;
    if total < end {
        return Err(Failure::out_of_range(format!(
            "{} bytes from offset {offset} reach beyond its end at {total}",
            end - offset
        )));
    }
    let wanted = (offset, end - 1, Some(end - offset));
    if (first, last, length.map(|length| length as u64)) != wanted {
        return Err(Failure::lie(format!(
            "the answer is the range {text:?} of {length:?} bytes instead of {offset}-{}",
            end - 1
        )));
    }
    Ok(())
}

/// `bytes FIRST-LAST/TOTAL`.
fn parse_range(text: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?, total.parse().ok()?))
}

fn length_of(length: Option<i64>) -> Attempt<u64> {
    length
        .and_then(|length| u64::try_from(length).ok())
        .ok_or_else(|| Failure::lie("the answer does not tell the length of an object"))
}

pub(super) fn time_of(time: Option<&DateTime>) -> Attempt<Timestamp> {
    time.and_then(|time| Timestamp::new(time.secs(), time.subsec_nanos() as i32).ok())
        .ok_or_else(|| Failure::lie("the answer does not tell the time of an object"))
}
