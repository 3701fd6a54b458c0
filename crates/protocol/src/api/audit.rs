//! The audit log: who changed what, from where.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Time, ids::AuditId};

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Identity.
    pub id: AuditId,
    /// When.
    pub time: Time,
    /// Who: an e-mail address, `agent <name>` or `server`.
    pub actor: String,
    /// What, such as `vaults.create`.
    pub action: String,
    /// Noun of the object.
    pub object_type: String,
    /// The object.
    pub object_id: Option<Uuid>,
    /// The object's name at that time.
    pub object_name: String,
    /// Address the request came from.
    pub address: Option<String>,
}
