//! Sessions of browsers in the `sessions` table.

use std::sync::Arc;

use async_trait::async_trait;
use ring::digest::{SHA256, digest};
use tower_sessions::{
    SessionStore,
    cookie::time::OffsetDateTime,
    session::{Id, Record},
    session_store::{Error, Result},
};

use crate::{
    app::now,
    db::{self, Db},
};

/// Key of a session's account number.
pub(crate) const USER_KEY: &str = "user";

/// Name of the cookie.
pub(crate) const COOKIE: &str = "holdfast_session";

/// A session ends after so many seconds without use.
pub(crate) const SESSION_SECONDS: i64 = 14 * 24 * 3600;

/// Keeps sessions in the database; ids only as SHA-256.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseSessions(Arc<Db>);

impl DatabaseSessions {
    pub(crate) fn new(db: Db) -> Self {
        Self(Arc::new(db))
    }
}

/// What is stored of a session's id.
pub(crate) fn hash_id(id: &Id) -> String {
    hex::encode(digest(&SHA256, id.to_string().as_bytes()))
}

fn backend(error: impl std::fmt::Display) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for DatabaseSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        // 128 random bits do not meet twice; should they, the older session must not be taken over.
        while db::sessions::load(self.0.writer(), &hash_id(&record.id), now())
            .await
            .map_err(backend)?
            .is_some()
        {
            record.id = Id::default();
        }
        self.save(record).await
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let user = record
            .data
            .get(USER_KEY)
            .and_then(serde_json::Value::as_i64);
        let data = serde_json::to_string(&record.data)
            .map_err(|error| Error::Encode(error.to_string()))?;
        let expires_at = record.expiry_date.unix_timestamp() * 1000;
        db::sessions::save(
            self.0.writer(),
            &hash_id(&record.id),
            user,
            &data,
            expires_at,
        )
        .await
        .map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some((data, expires_at)) = db::sessions::load(self.0.reader(), &hash_id(id), now())
            .await
            .map_err(backend)?
        else {
            return Ok(None);
        };
        let data = serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp(expires_at / 1000)
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        db::sessions::delete(self.0.writer(), &hash_id(id))
            .await
            .map_err(backend)
    }
}
