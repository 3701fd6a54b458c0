//! Secrets derived from password and format (format 1 §2.4).

use super::parameters::RepositoryFormat;
use crate::kdf::{self, SecretKey};

/// The key that the password gives for one repository. It opens and seals format blob and blob configuration.
#[derive(Debug, Clone)]
pub struct FormatKey(SecretKey);

impl FormatKey {
    /// Takes over a key made by [`crate::kdf::KeyDerivation::derive`].
    pub(crate) fn new(key: SecretKey) -> Self {
        Self(key)
    }

    pub(crate) fn secret(&self) -> &SecretKey {
        &self.0
    }

    /// Key of the maintenance schedule.
    pub(crate) fn maintenance_schedule(
        &self,
        format: &RepositoryFormat,
        unique_id: &[u8],
    ) -> SecretKey {
        self.derived(format, unique_id, b"maintenance schedule")
    }

    /// Key of the record of when blobs were read, which is ours alone.
    pub(crate) fn coverage(&self, format: &RepositoryFormat, unique_id: &[u8]) -> SecretKey {
        self.derived(format, unique_id, b"holdfast coverage")
    }

    /// Key of what is kept on the local disk for a purpose.
    pub(crate) fn cache(
        &self,
        format: &RepositoryFormat,
        unique_id: &[u8],
        purpose: &str,
    ) -> SecretKey {
        let purpose = format!("holdfast cache: {purpose}");
        self.derived(format, unique_id, purpose.as_bytes())
    }

    fn derived(&self, format: &RepositoryFormat, unique_id: &[u8], purpose: &[u8]) -> SecretKey {
        let root = if format.enable_password_change {
            format.master_key.expose()
        } else {
            self.0.expose()
        };
        kdf::hkdf(root, unique_id, purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::SecretBytes;
    use super::*;

    #[test]
    fn schedule_key_follows_the_password_change_flag() {
        let key = FormatKey::new(SecretKey::new([9; 32]));
        let mut format =
            RepositoryFormat::new(SecretBytes::new(vec![1; 32]), SecretBytes::new(vec![2; 32]));
        let independent = key.maintenance_schedule(&format, b"id");
        format.enable_password_change = false;
        assert_ne!(
            independent.expose(),
            key.maintenance_schedule(&format, b"id").expose()
        );
    }
}
