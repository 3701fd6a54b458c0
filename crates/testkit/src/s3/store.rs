//! Buckets and their objects.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::SystemTime;

use bytes::Bytes;
use md5::{Digest, Md5};
use s3s::dto::Timestamp;
use s3s::{S3Error, S3Result, s3_error};

/// All buckets.
#[derive(Debug, Default)]
pub(super) struct Objects {
    buckets: BTreeMap<String, Bucket>,
}

/// One bucket.
#[derive(Debug, Default)]
struct Bucket {
    objects: BTreeMap<String, Object>,
    /// Versions behind newer ones and behind delete markers; nothing in a bucket without object lock.
    hidden: Option<BTreeMap<String, Vec<Object>>>,
}

/// Object lock of one version.
#[derive(Debug, Clone)]
pub(super) struct Lock {
    pub(super) mode: String,
    pub(super) until: Timestamp,
}

impl Lock {
    fn is_over(&self) -> bool {
        self.until <= Timestamp::from(SystemTime::now())
    }
}

/// One object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) data: Bytes,
    pub(super) modified: SystemTime,
    pub(super) etag: String,
    pub(super) content_type: Option<String>,
    pub(super) storage_class: Option<String>,
    pub(super) lock: Option<Lock>,
}

impl Object {
    pub(super) fn new(data: Bytes) -> Self {
        Self {
            etag: hex::encode(Md5::digest(&data)),
            data,
            modified: SystemTime::now(),
            content_type: None,
            storage_class: None,
            lock: None,
        }
    }
}

/// One page of a listing.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<(String, Object)>,
    pub(super) common_prefixes: Vec<String>,
    /// What the next page begins after; `None` on the last one.
    pub(super) next_after: Option<String>,
}

impl Objects {
    pub(super) fn with_buckets(names: &[String], locked: &[String]) -> Self {
        let plain = names.iter().map(|name| (name.clone(), Bucket::default()));
        let locked = locked.iter().map(|name| {
            let bucket = Bucket {
                hidden: Some(BTreeMap::new()),
                ..Bucket::default()
            };
            (name.clone(), bucket)
        });
        Self {
            buckets: plain.chain(locked).collect(),
        }
    }

    pub(super) fn buckets(&self) -> impl Iterator<Item = &str> {
        self.buckets.keys().map(String::as_str)
    }

    pub(super) fn create(&mut self, bucket: &str) -> S3Result<()> {
        if self.buckets.contains_key(bucket) {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        self.buckets.insert(bucket.to_owned(), Bucket::default());
        Ok(())
    }

    pub(super) fn bucket(&self, bucket: &str) -> S3Result<&BTreeMap<String, Object>> {
        self.buckets
            .get(bucket)
            .map(|bucket| &bucket.objects)
            .ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }

    fn bucket_mut(&mut self, bucket: &str) -> S3Result<&mut Bucket> {
        self.buckets
            .get_mut(bucket)
            .ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }

    pub(super) fn keys(&self, bucket: &str) -> Vec<String> {
        self.buckets
            .get(bucket)
            .map(|bucket| bucket.objects.keys().cloned().collect())
            .unwrap_or_default()
    }

    pub(super) fn get(&self, bucket: &str, key: &str) -> S3Result<&Object> {
        self.bucket(bucket)?
            .get(key)
            .ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist"))
    }

    pub(super) fn put(&mut self, bucket: &str, key: &str, object: Object) -> S3Result<()> {
        let bucket = self.bucket_mut(bucket)?;
        if bucket.hidden.is_none() && object.lock.is_some() {
            return Err(no_object_lock());
        }
        bucket.hide(key);
        bucket.objects.insert(key.to_owned(), object);
        Ok(())
    }

    /// Removes an object; where there are versions it is only hidden, as by a delete marker.
    pub(super) fn delete(&mut self, bucket: &str, key: &str) -> S3Result<()> {
        self.bucket_mut(bucket)?.hide(key);
        Ok(())
    }

    /// Sets the lock of the newest version; nobody shortens one that has not ended.
    pub(super) fn lock(&mut self, bucket: &str, key: &str, lock: Lock) -> S3Result<()> {
        let bucket = self.bucket_mut(bucket)?;
        if bucket.hidden.is_none() {
            return Err(no_object_lock());
        }
        let object = bucket
            .objects
            .get_mut(key)
            .ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist"))?;
        if let Some(present) = object.lock.as_ref().filter(|present| !present.is_over()) {
            let softer = present.mode == "COMPLIANCE" && lock.mode != present.mode;
            if lock.until < present.until || softer {
                return Err(protected());
            }
        }
        object.lock = Some(lock);
        Ok(())
    }

    /// The lock of the newest version.
    pub(super) fn lock_of(&self, bucket: &str, key: &str) -> S3Result<Lock> {
        let object = self.get(bucket, key)?;
        if self
            .buckets
            .get(bucket)
            .is_none_or(|bucket| bucket.hidden.is_none())
        {
            return Err(no_object_lock());
        }
        let never = || {
            s3_error!(
                NoSuchObjectLockConfiguration,
                "The specified object does not have a ObjectLock configuration"
            )
        };
        object.lock.clone().ok_or_else(never)
    }

    pub(super) fn versions(&self, bucket: &str, key: &str) -> usize {
        self.buckets.get(bucket).map_or(0, |bucket| {
            let hidden = bucket.hidden.as_ref().and_then(|hidden| hidden.get(key));
            hidden.map_or(0, Vec::len) + usize::from(bucket.objects.contains_key(key))
        })
    }

    /// Lists keys that begin with `prefix` and are greater than `after`; what contains `delimiter`
    /// behind the prefix is folded into one common prefix.
    pub(super) fn list(
        &self,
        bucket: &str,
        prefix: &str,
        delimiter: &str,
        after: &str,
        limit: usize,
    ) -> S3Result<Page> {
        let objects = self.bucket(bucket)?;
        let mut page = Page::default();
        let mut position = if after < prefix {
            Bound::Included(prefix.to_owned())
        } else {
            Bound::Excluded(after.to_owned())
        };
        let mut last = String::new();
        while let Some((key, object)) = objects
            .range::<str, _>((position.as_ref().map(String::as_str), Bound::Unbounded))
            .next()
            .filter(|(key, _)| key.starts_with(prefix))
        {
            let folded = match key[prefix.len()..].find(delimiter) {
                Some(at) if !delimiter.is_empty() => {
                    Some(&key[..prefix.len() + at + delimiter.len()])
                }
                _ => None,
            };
            // A page that ended with a common prefix goes on behind everything below it.
            let seen = folded.is_some_and(|folded| after.starts_with(folded));
            if !seen && page.objects.len() + page.common_prefixes.len() == limit {
                page.next_after = Some(last);
                break;
            }
            match folded {
                Some(folded) => {
                    if !seen {
                        page.common_prefixes.push(folded.to_owned());
                    }
                    last = format!("{folded}\u{10ffff}");
                    position = Bound::Excluded(last.clone());
                }
                None => {
                    page.objects.push((key.clone(), object.clone()));
                    last.clone_from(key);
                    position = Bound::Excluded(key.clone());
                }
            }
        }
        Ok(page)
    }
}

impl Bucket {
    /// Takes the newest version of a key out of sight, or away where there are no versions.
    fn hide(&mut self, key: &str) {
        let gone = self.objects.remove(key);
        if let (Some(hidden), Some(gone)) = (&mut self.hidden, gone) {
            hidden.entry(key.to_owned()).or_default().push(gone);
        }
    }
}

fn no_object_lock() -> S3Error {
    s3_error!(
        InvalidRequest,
        "Bucket is missing Object Lock Configuration"
    )
}

fn protected() -> S3Error {
    s3_error!(
        AccessDenied,
        "Access Denied because object protected by object lock."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(delimiter: &str, prefix: &str, limit: usize) -> Vec<String> {
        let mut objects = Objects::with_buckets(&["b".to_owned()], &[]);
        for key in ["a", "d/1", "d/2", "d/3/x", "da", "e/1", "f"] {
            objects.put("b", key, Object::new(Bytes::new())).unwrap();
        }
        let (mut after, mut found) = (String::new(), Vec::new());
        loop {
            let page = objects.list("b", prefix, delimiter, &after, limit).unwrap();
            found.extend(page.objects.into_iter().map(|(key, _)| key));
            found.extend(page.common_prefixes);
            match page.next_after {
                Some(next) => after = next,
                None => break,
            }
        }
        found.sort();
        found
    }

    #[test]
    fn pages_of_every_size_hold_every_key_once() {
        for limit in 1..9 {
            assert_eq!(pages("", "", limit).len(), 7, "{limit}");
            assert_eq!(
                pages("/", "", limit),
                ["a", "d/", "da", "e/", "f"],
                "{limit}"
            );
            assert_eq!(pages("/", "d/", limit), ["d/1", "d/2", "d/3/"], "{limit}");
            assert_eq!(pages("/", "x", limit), [""; 0], "{limit}");
        }
    }
}
