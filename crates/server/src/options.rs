//! How the server is started.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use holdfast_host::{Cancel, Clock, SystemClock};
use holdfast_protocol::Secret;

use crate::settings::FixedSettings;

/// An account that is made at the first start without a browser.
#[derive(Clone, Debug)]
pub struct FirstAccount {
    /// E-mail address.
    pub email: String,
    /// Password, at least 10 characters.
    pub password: Secret,
}

/// How the server is started.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Folder of the state: database and master key. Made when missing, with mode 0700.
    pub data: PathBuf,
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Stops the server when it is cancelled.
    pub shutdown: Cancel,
    /// The clock that schedules go by.
    pub clock: Arc<dyn Clock>,
    /// Settings that nobody can change in the web page.
    pub fixed: FixedSettings,
    /// The master key as 64 hexadecimal digits; else it lies in the data folder.
    pub master_key: Option<Secret>,
    /// The first account, when it is not to be made in a browser.
    pub first_account: Option<FirstAccount>,
    /// An enrolment token for one machine of the first tenant, good for 15 minutes: the agent on the same host.
    pub local_agent_token: Option<Secret>,
    /// Folder of a built web page that is served instead of the embedded one.
    pub web_dir: Option<PathBuf>,
}

/// Environment variable with the first account's e-mail address.
const EMAIL_VARIABLE: &str = "HOLDFAST_ADMIN_EMAIL";

/// Environment variable with the first account's password.
const PASSWORD_VARIABLE: &str = "HOLDFAST_ADMIN_PASSWORD";

/// Environment variable with the enrolment token of the agent on the same host.
const LOCAL_AGENT_VARIABLE: &str = "HOLDFAST_LOCAL_AGENT_TOKEN";

/// Environment variable with the folder of a built web page.
const WEB_DIR_VARIABLE: &str = "HOLDFAST_WEB_DIR";

impl ServerOptions {
    /// Everything but data folder, address and shutdown from the environment.
    ///
    /// # Errors
    /// When a setting in the environment does not make sense; the message names the variable.
    pub fn from_environment(
        data: PathBuf,
        listen: SocketAddr,
        shutdown: Cancel,
    ) -> anyhow::Result<Self> {
        let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let first_account = match (text(EMAIL_VARIABLE), text(PASSWORD_VARIABLE)) {
            (Some(email), Some(password)) => Some(FirstAccount {
                email,
                password: Secret::new(password),
            }),
            (None, None) => None,
            _ => anyhow::bail!("{EMAIL_VARIABLE} and {PASSWORD_VARIABLE} must be given together"),
        };
        Ok(Self {
            data,
            listen,
            shutdown,
            clock: Arc::new(SystemClock::new()),
            fixed: FixedSettings::from_environment()?,
            master_key: text(crate::sealing::MASTER_KEY_VARIABLE).map(Secret::new),
            first_account,
            local_agent_token: text(LOCAL_AGENT_VARIABLE).map(Secret::new),
            web_dir: text(WEB_DIR_VARIABLE).map(PathBuf::from),
        })
    }
}
