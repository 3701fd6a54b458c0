//! The record: which blob was read when, and what was damaged then.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use holdfast_storage::BlobId;
use jiff::Timestamp;
use ring::aead::AES_256_GCM;
use serde::{Deserialize, Serialize};

use super::report::DamagedBlob;
use super::{COVERAGE, DEFAULT_WINDOW_DAYS};
use crate::blob_names;
use crate::crypto;
use crate::repository::Repository;
use crate::{Error, Result};

/// Longest record that is read, in bytes; a blob takes about 60.
const MAX_LENGTH: u64 = 512 << 20;
const AAD: &[u8] = b"holdfast coverage";
const VERSION: u32 = 1;

/// What is known of earlier readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Every blob is to be read again within so many days.
    pub(super) window_days: u32,
    /// When a run last came to its end, by when it began.
    pub(super) last_run: Option<Timestamp>,
    /// When each blob was last read, in unix seconds.
    pub(super) read: HashMap<String, i64>,
    /// What was damaged when it was last read, by the name of the blob.
    pub(super) damaged: BTreeMap<String, DamagedBlob>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            window_days: DEFAULT_WINDOW_DAYS,
            last_run: None,
            read: HashMap::new(),
            damaged: BTreeMap::new(),
        }
    }
}

/// How it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    window_days: u32,
    last_run: Option<Timestamp>,
    read: Vec<ReadAt>,
    damaged: Vec<DamagedBlob>,
}

/// Blobs that were read in the same minute.
#[derive(Serialize, Deserialize)]
struct ReadAt {
    /// Unix seconds.
    at: i64,
    blobs: Vec<String>,
}

impl Record {
    /// When a blob was last read.
    pub(super) fn read_at(&self, id: &BlobId) -> Option<Timestamp> {
        Timestamp::from_second(*self.read.get(id.as_str())?).ok()
    }

    /// Notes that a blob was read, beginning at this time, and what was found.
    pub(super) fn note(&mut self, id: &BlobId, at: Timestamp, damage: Option<DamagedBlob>) {
        // Full seconds, and not too late.
        self.read.insert(id.to_string(), at.as_second());
        match damage {
            None => drop(self.damaged.remove(id.as_str())),
            Some(mut damage) => {
                // What is known already was found earlier.
                if let Some(known) = self.damaged.get(id.as_str()) {
                    damage.found = damage.found.min(known.found);
                }
                self.damaged.insert(id.to_string(), damage);
            }
        }
    }

    /// Takes from what another run stored meanwhile whatever is newer; `own` are the blobs that this run judged.
    pub(super) fn merge(&mut self, other: Self, own: &HashSet<BlobId>) {
        for (id, at) in other.read {
            let known = self.read.entry(id).or_insert(at);
            *known = (*known).max(at);
        }
        self.damaged
            .retain(|id, _| own.contains(id.as_str()) || other.damaged.contains_key(id));
        for (id, damage) in other.damaged {
            if !own.contains(id.as_str()) {
                self.damaged.insert(id, damage);
            }
        }
        self.last_run = self.last_run.max(other.last_run);
    }

    /// Forgets what is said to have happened after a time that is still to come: it was noted by a clock that was wrong, and
    /// would be believed until then.
    pub(super) fn forget_after(&mut self, latest: Timestamp) {
        self.read.retain(|_, at| *at <= latest.as_second());
        self.last_run = self.last_run.filter(|last| *last <= latest);
    }

    /// Forgets blobs that are gone.
    pub(super) fn keep(&mut self, stays: impl Fn(&str) -> bool) {
        self.read.retain(|id, _| stays(id));
    }

    fn to_json(&self) -> Vec<u8> {
        let mut groups: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for (id, at) in &self.read {
            groups.entry(*at).or_default().push(id.clone());
        }
        let document = Document {
            version: VERSION,
            window_days: self.window_days,
            last_run: self.last_run,
            read: groups
                .into_iter()
                .map(|(at, mut blobs)| {
                    blobs.sort_unstable();
                    ReadAt { at, blobs }
                })
                .collect(),
            damaged: self.damaged.values().cloned().collect(),
        };
        serde_json::to_vec(&document)
            .unwrap_or_else(|_| unreachable!("times and texts always become JSON"))
    }

    fn from_json(json: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if document.version != VERSION {
            return Err(format!("its version {} is not known", document.version));
        }
        let read = document
            .read
            .into_iter()
            .flat_map(|group| group.blobs.into_iter().map(move |id| (id, group.at)))
            .collect();
        let damaged = document
            .damaged
            .into_iter()
            .map(|damage| (damage.blob.clone(), damage))
            .collect();
        Ok(Self {
            window_days: document.window_days.max(1),
            last_run: document.last_run,
            read,
            damaged,
        })
    }
}

impl Repository {
    /// Reads the record; an empty one when there is none.
    ///
    /// # Errors
    /// [`Error::Damaged`], and those of the store.
    pub(super) fn coverage_record(&self) -> Result<Record> {
        let id = blob_names::blob_id(COVERAGE.to_owned())?;
        let damaged = |reason: &dyn std::fmt::Display| Error::damaged(COVERAGE, reason);
        let sealed = match self.store().stat(&id) {
            Ok(info) if info.length > MAX_LENGTH => return Err(damaged(&"it is far too long")),
            Ok(_) => self.store().get(&id),
            Err(error) => Err(error),
        };
        let mut sealed = match sealed {
            Ok(sealed) => Vec::from(sealed),
            Err(error) if error.is_not_found() => return Ok(Record::default()),
            Err(error) => return Err(error.into()),
        };
        let key = crypto::less_safe_key(&AES_256_GCM, self.coverage_key().expose());
        let json = crypto::open(&key, AAD, &mut sealed).map_err(|error| damaged(&error))?;
        Record::from_json(json).map_err(|reason| damaged(&reason))
    }

    /// Stores the record.
    pub(super) fn put_coverage_record(&self, record: &Record) -> Result<()> {
        let id = blob_names::blob_id(COVERAGE.to_owned())?;
        let key = crypto::less_safe_key(&AES_256_GCM, self.coverage_key().expose());
        let sealed = crypto::seal_to_vec(&key, AAD, &record.to_json())?;
        let options = self.put_options(&id)?;
        Ok(self.store().put(&id, Bytes::from(sealed), &options)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> BlobId {
        BlobId::new(name).unwrap()
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn damage(name: &str, found: i64) -> DamagedBlob {
        DamagedBlob {
            blob: name.to_owned(),
            reason: "a bit".to_owned(),
            found: second(found),
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let mut record = Record {
            window_days: 7,
            last_run: Some(second(60)),
            ..Record::default()
        };
        record.note(&id("pa"), second(50), None);
        record.note(&id("pb"), second(50), Some(damage("pb", 55)));
        record.note(&id("pc"), second(51), None);
        assert_eq!(Record::from_json(&record.to_json()), Ok(record.clone()));
        assert_eq!(record.read_at(&id("pc")), Some(second(51)));
        let newer = br#"{"version":2,"windowDays":7,"lastRun":null,"read":[],"damaged":[]}"#;
        assert!(Record::from_json(newer).is_err());
        assert!(Record::from_json(b"[]").is_err());
    }

    #[test]
    fn times_to_come_are_not_believed() {
        let mut record = Record {
            last_run: Some(second(61)),
            ..Record::default()
        };
        record.note(&id("pa"), second(60), None);
        record.note(&id("pb"), second(61), Some(damage("pb", 61)));
        record.forget_after(second(60));
        assert_eq!(record.read_at(&id("pa")), Some(second(60)));
        assert_eq!((record.read_at(&id("pb")), record.last_run), (None, None));
        assert!(record.damaged.contains_key("pb"));
    }

    #[test]
    fn damage_is_known_since_it_was_found_and_until_it_is_gone() {
        let mut record = Record::default();
        record.note(&id("pa"), second(1), Some(damage("pa", 1)));
        record.note(&id("pa"), second(9), Some(damage("pa", 9)));
        assert_eq!(record.damaged["pa"].found, second(1));
        record.note(&id("pa"), second(20), None);
        assert!(record.damaged.is_empty());
    }

    #[test]
    fn two_runs_at_once_lose_nothing_of_each_other() {
        let mut ours = Record::default();
        ours.note(&id("pa"), second(10), None);
        ours.note(&id("pd"), second(10), Some(damage("pd", 10)));
        let mut theirs = Record::default();
        theirs.note(&id("pa"), second(5), Some(damage("pa", 5)));
        theirs.note(&id("pb"), second(7), Some(damage("pb", 7)));
        theirs.last_run = Some(second(8));
        ours.merge(theirs, &[id("pa"), id("pd")].into());
        assert_eq!(ours.read_at(&id("pa")), Some(second(10)));
        assert_eq!(ours.read_at(&id("pb")), Some(second(7)));
        assert_eq!(ours.damaged.keys().collect::<Vec<_>>(), ["pb", "pd"]);
        assert_eq!(ours.last_run, Some(second(8)));
        ours.keep(|id| id == "pb");
        assert_eq!(ours.read_at(&id("pa")), None);
    }
}
