//! The operations of S3 that the product uses. All others answer that they are not implemented,
//! multipart uploads among them: a repository must not need those.

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::StreamExt;
use md5::{Digest, Md5};
use s3s::dto::{
    Bucket, CommonPrefix, CreateBucketInput, CreateBucketOutput, DeleteObjectInput,
    DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag, EncodingType,
    GetObjectInput, GetObjectOutput, GetObjectRetentionInput, GetObjectRetentionOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput,
    ListBucketsOutput, ListObjectsV2Input, ListObjectsV2Output, ObjectLockRetention,
    ObjectStorageClass, PutObjectInput, PutObjectOutput, PutObjectRetentionInput,
    PutObjectRetentionOutput, StorageClass, StreamingBlob, Timestamp,
};
use s3s::{S3, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::Shared;
use super::front::IgnoreRange;
use super::store::{Lock, Object};

pub(super) struct Service {
    shared: Arc<Shared>,
}

impl Service {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait::async_trait]
impl S3 for Service {
    async fn list_buckets(
        &self,
        _request: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets = self
            .shared
            .objects
            .read()
            .buckets()
            .map(|name| Bucket {
                name: Some(name.to_owned()),
                ..Bucket::default()
            })
            .collect();
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets),
            ..ListBucketsOutput::default()
        }))
    }

    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        self.shared.objects.write().create(&request.input.bucket)?;
        Ok(S3Response::new(CreateBucketOutput::default()))
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.shared.objects.read().bucket(&request.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        self.shared.objects.read().bucket(&input.bucket)?;
        let data = read_all(input.body).await?;
        if let Some(length) = input.content_length
            && length != data.len() as i64
        {
            return Err(s3_error!(IncompleteBody));
        }
        if let Some(announced) = &input.content_md5
            && *announced != BASE64.encode(Md5::digest(&data))
        {
            return Err(s3_error!(BadDigest));
        }
        let mut object = Object::new(data);
        object.content_type = input.content_type;
        object.storage_class = input.storage_class.map(|class| class.as_str().to_owned());
        object.lock = lock_of(
            input.object_lock_mode.map(|mode| mode.as_str().to_owned()),
            input.object_lock_retain_until_date,
        )?;
        if object.lock.is_some() && input.content_md5.is_none() {
            return Err(s3_error!(
                InvalidRequest,
                "Content-MD5 is required for Put Object requests with Object Lock parameters"
            ));
        }
        if self.shared.behaviour.read().forgets_locks {
            object.lock = None;
        }
        let etag = ETag::Strong(object.etag.clone());
        self.shared
            .objects
            .write()
            .put(&input.bucket, &input.key, object)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(etag),
            ..PutObjectOutput::default()
        }))
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let whole = request.extensions.get::<IgnoreRange>().is_some();
        let input = request.input;
        let object = self
            .shared
            .objects
            .read()
            .get(&input.bucket, &input.key)?
            .clone();
        let total = object.data.len() as u64;
        let (data, content_range) = match input.range.filter(|_| !whole) {
            None => (object.data, None),
            Some(range) => {
                let range = range.check(total)?;
                let text = format!("bytes {}-{}/{total}", range.start, range.end - 1);
                let data = object.data.slice(range.start as usize..range.end as usize);
                (data, Some(text))
            }
        };
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(data.len() as i64),
            body: Some(StreamingBlob::from(s3s::Body::from(data))),
            content_range,
            content_type: object.content_type,
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(Timestamp::from(object.modified)),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let object = self
            .shared
            .objects
            .read()
            .get(&input.bucket, &input.key)?
            .clone();
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(object.data.len() as i64),
            content_type: object.content_type,
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(Timestamp::from(object.modified)),
            storage_class: object.storage_class.map(StorageClass::from),
            ..HeadObjectOutput::default()
        }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        self.shared
            .objects
            .write()
            .delete(&input.bucket, &input.key)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn put_object_retention(
        &self,
        request: S3Request<PutObjectRetentionInput>,
    ) -> S3Result<S3Response<PutObjectRetentionOutput>> {
        let input = request.input;
        if input.content_md5.is_none() {
            return Err(s3_error!(InvalidRequest, "Content-MD5 is missing"));
        }
        let wanted = input.retention.unwrap_or_default();
        let mode = wanted.mode.map(|mode| mode.as_str().to_owned());
        let lock = lock_of(mode, wanted.retain_until_date)?
            .ok_or_else(|| s3_error!(MalformedXML, "mode and date are missing"))?;
        let behaviour = self.shared.behaviour.read().clone();
        if !behaviour.forgets_locks {
            let mut objects = self.shared.objects.write();
            objects
                .lock(&input.bucket, &input.key, lock)
                .map_err(|refusal| match behaviour.refuses_as_minio {
                    true if refusal.code() == &S3ErrorCode::AccessDenied => {
                        s3_error!(
                            InvalidRequest,
                            "Object is WORM protected and cannot be overwritten"
                        )
                    }
                    _ => refusal,
                })?;
        }
        Ok(S3Response::new(PutObjectRetentionOutput::default()))
    }

    async fn get_object_retention(
        &self,
        request: S3Request<GetObjectRetentionInput>,
    ) -> S3Result<S3Response<GetObjectRetentionOutput>> {
        let input = request.input;
        let objects = self.shared.objects.read();
        let lock = objects.lock_of(&input.bucket, &input.key)?;
        Ok(S3Response::new(GetObjectRetentionOutput {
            retention: Some(ObjectLockRetention {
                mode: Some(lock.mode.into()),
                retain_until_date: Some(lock.until),
            }),
        }))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = request.input;
        let mut objects = self.shared.objects.write();
        let mut deleted = Vec::new();
        for object in input.delete.objects {
            objects.delete(&input.bucket, &object.key)?;
            deleted.push(DeletedObject {
                key: Some(object.key),
                ..DeletedObject::default()
            });
        }
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: Some(deleted),
            ..DeleteObjectsOutput::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let delimiter = input.delimiter.clone().unwrap_or_default();
        let after = match &input.continuation_token {
            Some(token) => decode_token(token)?,
            None => input.start_after.clone().unwrap_or_default(),
        };
        let set = self.shared.behaviour.read().page_size;
        let page_size = match set {
            0 => 1000,
            size => size,
        };
        let wanted = input.max_keys.unwrap_or(1000).clamp(0, 1000) as usize;
        let page = self.shared.objects.read().list(
            &input.bucket,
            &prefix,
            &delimiter,
            &after,
            wanted.min(page_size),
        )?;
        let url = input
            .encoding_type
            .as_ref()
            .is_some_and(|encoding| encoding.as_str() == EncodingType::URL);
        let shown = |text: String| if url { percent_encode(&text) } else { text };
        let contents: Vec<_> = page
            .objects
            .into_iter()
            .map(|(key, object)| s3s::dto::Object {
                key: Some(shown(key)),
                size: Some(object.data.len() as i64),
                e_tag: Some(ETag::Strong(object.etag)),
                last_modified: Some(Timestamp::from(object.modified)),
                storage_class: object.storage_class.map(ObjectStorageClass::from),
                ..s3s::dto::Object::default()
            })
            .collect();
        let common_prefixes: Vec<_> = page
            .common_prefixes
            .into_iter()
            .map(|prefix| CommonPrefix {
                prefix: Some(shown(prefix)),
            })
            .collect();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            key_count: Some((contents.len() + common_prefixes.len()) as i32),
            max_keys: Some(wanted as i32),
            is_truncated: Some(page.next_after.is_some()),
            next_continuation_token: page.next_after.map(|after| BASE64.encode(after)),
            continuation_token: input.continuation_token,
            start_after: input.start_after.map(shown),
            prefix: Some(shown(prefix)),
            delimiter: input.delimiter.map(shown),
            encoding_type: input.encoding_type,
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            ..ListObjectsV2Output::default()
        }))
    }
}

/// The lock that a request asks for; it has both parts or none, and ends in the future.
fn lock_of(mode: Option<String>, until: Option<Timestamp>) -> S3Result<Option<Lock>> {
    let (mode, until) = match (mode, until) {
        (None, None) => return Ok(None),
        (Some(mode), Some(until)) => (mode, until),
        _ => return Err(s3_error!(InvalidArgument, "a lock has a mode and a date")),
    };
    if until <= Timestamp::from(SystemTime::now()) {
        return Err(s3_error!(
            InvalidArgument,
            "The retain until date must be in the future!"
        ));
    }
    Ok(Some(Lock { mode, until }))
}

async fn read_all(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let mut data = Vec::new();
    if let Some(mut body) = body {
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|_| s3_error!(IncompleteBody))?;
            data.extend_from_slice(&piece);
        }
    }
    Ok(data.into())
}

fn decode_token(token: &str) -> S3Result<String> {
    BASE64
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not one of ours"))
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
