//! Buckets and their objects.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::SystemTime;

use bytes::Bytes;
use md5::{Digest, Md5};
use s3s::{S3Result, s3_error};

/// All buckets.
#[derive(Debug, Default)]
pub(super) struct Objects {
    buckets: BTreeMap<String, BTreeMap<String, Object>>,
}

/// One object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) data: Bytes,
    pub(super) modified: SystemTime,
    pub(super) etag: String,
    pub(super) content_type: Option<String>,
    pub(super) storage_class: Option<String>,
    pub(super) lock_mode: Option<String>,
    pub(super) lock_until: Option<s3s::dto::Timestamp>,
}

impl Object {
    pub(super) fn new(data: Bytes) -> Self {
        Self {
            etag: hex::encode(Md5::digest(&data)),
            data,
            modified: SystemTime::now(),
            content_type: None,
            storage_class: None,
            lock_mode: None,
            lock_until: None,
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
    pub(super) fn with_buckets(names: &[String]) -> Self {
        Self {
            buckets: names
                .iter()
                .map(|name| (name.clone(), BTreeMap::new()))
                .collect(),
        }
    }

    pub(super) fn buckets(&self) -> impl Iterator<Item = &str> {
        self.buckets.keys().map(String::as_str)
    }

    pub(super) fn create(&mut self, bucket: &str) -> S3Result<()> {
        if self.buckets.contains_key(bucket) {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        self.buckets.insert(bucket.to_owned(), BTreeMap::new());
        Ok(())
    }

    pub(super) fn bucket(&self, bucket: &str) -> S3Result<&BTreeMap<String, Object>> {
        self.buckets
            .get(bucket)
            .ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }

    fn bucket_mut(&mut self, bucket: &str) -> S3Result<&mut BTreeMap<String, Object>> {
        self.buckets
            .get_mut(bucket)
            .ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }

    pub(super) fn keys(&self, bucket: &str) -> Vec<String> {
        self.buckets
            .get(bucket)
            .map(|objects| objects.keys().cloned().collect())
            .unwrap_or_default()
    }

    pub(super) fn get(&self, bucket: &str, key: &str) -> S3Result<&Object> {
        self.bucket(bucket)?
            .get(key)
            .ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist"))
    }

    pub(super) fn put(&mut self, bucket: &str, key: &str, object: Object) -> S3Result<()> {
        self.bucket_mut(bucket)?.insert(key.to_owned(), object);
        Ok(())
    }

    pub(super) fn delete(&mut self, bucket: &str, key: &str) -> S3Result<()> {
        self.bucket_mut(bucket)?.remove(key);
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(delimiter: &str, prefix: &str, limit: usize) -> Vec<String> {
        let mut objects = Objects::with_buckets(&["b".to_owned()]);
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
