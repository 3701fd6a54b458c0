//! The first call of each agent process (`POST hello`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Protocol version spoken by this build. The server serves this one and the one before.
pub const PROTOCOL_VERSION: u32 = 1;

/// Oldest protocol version that the server of this build serves.
pub const OLDEST_PROTOCOL_VERSION: u32 = 1;

/// Difference between the two clocks above which both sides warn, in seconds.
pub const CLOCK_WARNING_SECONDS: i64 = 60;

/// What an agent says about itself when it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HelloRequest {
    /// Version of the agent program.
    pub version: String,
    /// Protocol version that it speaks.
    pub protocol: u32,
    /// Random per start of the agent process.
    pub instance: Uuid,
    /// Host name at present; a change does not change the source identity.
    pub host_name: String,
    /// What this agent can do.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// Volumes of the host.
    #[serde(default)]
    pub volumes: Vec<Volume>,
    /// The agent's clock at the time of sending.
    pub clock: Timestamp,
}

/// What an agent can do. Names that the server does not know are kept and shown, never an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// `linux` or `windows`.
    #[serde(default)]
    pub os: String,
    /// Processor architecture, such as `x86_64`.
    #[serde(default)]
    pub arch: String,
    /// Wire names of the backup engines, such as `kopia`.
    #[serde(default)]
    pub engines: Vec<String>,
    /// Command types that it serves.
    #[serde(default)]
    pub commands: Vec<String>,
    /// How many runs it executes at once.
    #[serde(default)]
    pub slots: u32,
    /// Whether it reads every file of the host (root or the system account).
    #[serde(default)]
    pub privileged: bool,
}

/// One volume of the host. All but the path are left out when empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Volume {
    /// Path or drive, such as `/` or `C:`.
    pub path: String,
    /// Label of the file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Free space in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// File system, such as `ext4` or `NTFS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filesystem: Option<String>,
    /// `fixed` or `network`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// UNC path of a mapped drive, such as `\\server\share`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unc_path: Option<String>,
    /// True for mapped drives and network file systems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_network: Option<bool>,
}

/// Answer to a hello.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HelloAnswer {
    /// Version of the server program.
    pub server_version: String,
    /// Protocol version that the server speaks.
    pub protocol: u32,
    /// The server's clock.
    pub server_time: Timestamp,
    /// Name that user-visible texts use for the product.
    #[serde(default)]
    pub product_name: String,
    /// Sentences for the agent's log, such as a clock that differs.
    #[serde(default)]
    pub warnings: Vec<String>,
}
