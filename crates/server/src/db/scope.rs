//! Whose rows a query may touch.

/// The tenant whose rows a query may touch; every query of a tenant's rows takes one.
///
/// It is made from an authenticated caller or agent, or by a task of the server for one row that it already holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    tenant_id: i64,
}

impl Scope {
    /// The rows of one tenant.
    pub(crate) fn tenant(tenant_id: i64) -> Self {
        Self { tenant_id }
    }

    /// The tenant.
    pub(crate) fn tenant_id(self) -> i64 {
        self.tenant_id
    }
}
