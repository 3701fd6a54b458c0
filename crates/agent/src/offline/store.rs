//! What the server gave for its absence, on disk: sealed with a key that is made from the agent's own token, so that the
//! file alone says nothing, and a machine that is enrolled anew cannot read what was given to the one before.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use holdfast_host::fs;
use holdfast_protocol::Secret;
use holdfast_protocol::agent::OfflineJob;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// First bytes of the file, bound to what is sealed.
const HEADER: &[u8] = b"holdfast offline 1\n";

/// Purpose of the key.
const PURPOSE: &[u8] = b"plan of an agent for the absence of its server";

/// A plan as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Tells two plans apart.
    pub(super) digest: String,
    /// The jobs that may be started.
    pub(super) jobs: Vec<OfflineJob>,
    /// Those that cannot, although they may.
    #[serde(default)]
    pub(super) unplanned: Vec<Uuid>,
}

/// The file that holds the plan.
pub(super) struct PlanStore {
    path: PathBuf,
    key: LessSafeKey,
}

impl PlanStore {
    /// The file in a state folder, for an agent with this token.
    pub(super) fn new(folder: &Path, token: &Secret) -> Result<Self> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, HEADER);
        let secret = salt.extract(token.expose().as_bytes());
        let purpose = [PURPOSE];
        let key = secret
            .expand(&purpose, &AES_256_GCM)
            .map(UnboundKey::from)
            .map_err(|_| anyhow::anyhow!("cannot make the key of the offline plan"))?;
        Ok(Self {
            path: folder.join("offline.plan"),
            key: LessSafeKey::new(key),
        })
    }

    /// The plan, when there is one that this agent can read.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or belongs to another agent.
    pub(super) fn load(&self) -> Result<Option<Kept>> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("read {}", self.path.display()));
            }
        };
        let sealed = bytes.strip_prefix(HEADER).unwrap_or_default();
        let Some((nonce, sealed)) = sealed.split_first_chunk::<NONCE_LEN>() else {
            bail!("{} is not an offline plan", self.path.display());
        };
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(HEADER), &mut sealed)
            .map_err(|_| {
                anyhow::anyhow!(
                    "{} is damaged or belongs to another agent",
                    self.path.display()
                )
            })?;
        let plan = serde_json::from_slice(plain)
            .map_err(|error| anyhow::anyhow!("the offline plan cannot be read: {error}"))?;
        Ok(Some(plan))
    }

    /// Keeps a plan in the place of the one before.
    pub(super) fn save(&self, plan: &Kept) -> Result<()> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce)
            .map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
        let mut sealed = serde_json::to_vec(plan).context("write the offline plan")?;
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(HEADER),
                &mut sealed,
            )
            .map_err(|_| anyhow::anyhow!("the offline plan is too large"))?;
        let file = [HEADER, &nonce, &sealed].concat();
        fs::atomic_write(&self.path, &file, 0o600)
            .with_context(|| format!("write {}", self.path.display()))
    }

    /// Removes what is kept; answers whether there was something.
    pub(super) fn erase(&self) -> Result<bool> {
        match std::fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| format!("erase {}", self.path.display())),
        }
    }
}

impl std::fmt::Debug for PlanStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanStore")
            .field("path", &self.path)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::Secret;
    use holdfast_protocol::agent::OfflineJob;
    use serde_json::json;

    use super::{Kept, PlanStore};

    fn plan() -> Kept {
        let work = json!({
            "run_id": 0, "run_uuid": uuid::Uuid::nil(), "attempt": 1, "job_id": 1, "job_uuid": uuid::Uuid::nil(),
            "engine": "kopia", "source_identity": { "user": "root", "host": "box" },
            "vault_id": uuid::Uuid::nil(), "vault_state": "ready", "dest_type": "local",
            "encryption_mode": "managed", "repository_password": "hunter2",
        });
        Kept {
            digest: "d".to_owned(),
            jobs: vec![OfflineJob {
                timetable: json!({}),
                work: serde_json::from_value(work).unwrap(),
                settings: None,
            }],
            unplanned: Vec::new(),
        }
    }

    #[test]
    fn only_the_agent_it_was_given_to_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = PlanStore::new(folder.path(), &Secret::new("token")).unwrap();
        assert!(store.load().unwrap().is_none());
        store.save(&plan()).unwrap();
        let file = std::fs::read(folder.path().join("offline.plan")).unwrap();
        assert!(!file.windows(7).any(|part| part == b"hunter2"));
        let back = store.load().unwrap().unwrap();
        let password = back.jobs[0]
            .work
            .vault
            .repository_password
            .as_ref()
            .unwrap();
        assert_eq!((back.digest.as_str(), password.expose()), ("d", "hunter2"));
        let other = PlanStore::new(folder.path(), &Secret::new("other")).unwrap();
        other.load().unwrap_err();
        assert!(store.erase().unwrap());
        assert!(!folder.path().join("offline.plan").exists());
        assert!(!store.erase().unwrap());
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = PlanStore::new(folder.path(), &Secret::new("token")).unwrap();
        store.save(&plan()).unwrap();
        let path = folder.path().join("offline.plan");
        let whole = std::fs::read(&path).unwrap();
        for cut in [0, 5, 25, 40, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            store.load().unwrap_err();
        }
        let mut flipped = whole;
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        std::fs::write(&path, &flipped).unwrap();
        store.load().unwrap_err();
    }
}
