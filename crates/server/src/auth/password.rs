//! Passwords of accounts: argon2id, computed beside the async threads.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use holdfast_protocol::Secret;
use tokio::sync::Semaphore;

use crate::problem::{ApiError, ApiResult};

/// Shortest password of an account.
pub(crate) const SHORTEST: usize = 10;

/// Longest one: argon2 has no limit, a request should.
const LONGEST: usize = 1024;

/// Each computation takes 19 MiB: not more of them at once.
static COMPUTING: Semaphore = Semaphore::const_new(4);

/// Refuses a password that is too short or too long.
pub(crate) fn check(password: &Secret, pointer: &str) -> ApiResult<()> {
    let length = password.expose().chars().count();
    if length < SHORTEST {
        return Err(ApiError::field(
            pointer,
            "too_short",
            format!("must have at least {SHORTEST} characters"),
        ));
    }
    if password.expose().len() > LONGEST {
        return Err(ApiError::field(
            pointer,
            "too_long",
            format!("must have at most {LONGEST} bytes"),
        ));
    }
    Ok(())
}

/// What is stored of a password.
pub(crate) async fn hash(password: &Secret) -> ApiResult<String> {
    let password = password.clone();
    compute(move || {
        let hash = Argon2::default().hash_password(password.expose().as_bytes());
        hash.map(|hash| hash.to_string())
            .map_err(|error| ApiError::internal(anyhow::anyhow!("hash a password: {error}")))
    })
    .await?
}

/// Whether a password is the stored one. Without a stored one the same time is spent, so that nobody learns which
/// accounts exist.
pub(crate) async fn verify(password: &Secret, stored: Option<&str>) -> ApiResult<bool> {
    let password = password.clone();
    let stored = stored.map(str::to_owned);
    compute(move || match stored.as_deref().map(PasswordHash::new) {
        Some(Ok(stored)) => Argon2::default()
            .verify_password(password.expose().as_bytes(), &stored)
            .is_ok(),
        _ => {
            let spent: Result<PasswordHash, _> =
                Argon2::default().hash_password(password.expose().as_bytes());
            drop(spent);
            false
        }
    })
    .await
}

async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> ApiResult<T> {
    let _permit = COMPUTING.acquire().await.map_err(ApiError::internal)?;
    tokio::task::spawn_blocking(work)
        .await
        .map_err(ApiError::internal)
}
