//! Enrolment: making this host an agent of a server.

use std::path::Path;

use anyhow::{Context, Result};
use holdfast_host::{host_name, user_name};
use holdfast_protocol::Secret;
use holdfast_protocol::agent::{EnrolRequest, Enrolled, HostIdentity, LoginRequest, ServerApi};
use uuid::Uuid;

use crate::config::AgentConfig;

/// What the server is shown to let the host in.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A token from "Add machine".
    Token(Secret),
    /// An account.
    Account {
        /// E-mail address.
        email: String,
        /// Password.
        password: Secret,
        /// Second factor, when the account has one.
        second_factor: Option<Secret>,
    },
}

/// Who this host says it is.
pub fn host_identity(device_id: Uuid) -> HostIdentity {
    HostIdentity {
        device_id,
        host_name: host_name(),
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        user_name: if cfg!(windows) {
            "system".to_owned()
        } else {
            user_name()
        },
    }
}

/// Enrols the host and writes the identity to the configuration at `path`. The device id is written before the server is
/// asked, so that an attempt whose answer is lost is recognised the next time.
pub async fn enrol(
    api: &dyn ServerApi,
    path: &Path,
    server: Option<&str>,
    credential: &Credential,
) -> Result<Enrolled> {
    let mut config = AgentConfig::load_file(path)?;
    if let Some(server) = server {
        config.api_base_url = Some(server.to_owned());
    }
    let device_id = *config.device_id.get_or_insert_with(Uuid::new_v4);
    config.save(path)?;
    let host = host_identity(device_id);
    let enrolled = match credential {
        Credential::Token(token) => {
            api.enrol(&EnrolRequest {
                enrollment_token: token.clone(),
                host,
            })
            .await
        }
        Credential::Account {
            email,
            password,
            second_factor,
        } => {
            let (email, password, second_factor) =
                (email.clone(), password.clone(), second_factor.clone());
            api.login(&LoginRequest {
                email,
                password,
                second_factor,
                host,
            })
            .await
        }
    };
    let enrolled = enrolled.context("enrol this machine")?;
    config.agent_id = Some(enrolled.agent_id);
    config.agent_token = Some(enrolled.agent_token.clone());
    config.enrollment_token = None;
    config.save(path)?;
    Ok(enrolled)
}
