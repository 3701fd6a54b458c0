//! Certificates of authorities that mail servers and receivers of webhooks may be vouched for by, besides those that the system
//! knows: who runs a mail server at home often has an authority of his own.

use std::{path::Path, sync::Arc};

use anyhow::Context;
use lettre::transport::smtp::client::Certificate as MailCertificate;
use reqwest::Certificate;

/// The authorities; none but the system's by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorities(Option<Arc<Read>>);

#[derive(Debug)]
struct Read {
    mail: MailCertificate,
    webhooks: Vec<Certificate>,
}

impl Authorities {
    /// Reads a file of certificates in PEM, one or more.
    ///
    /// # Errors
    /// When the file cannot be read or has no certificate; the message names the file.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let pem = std::fs::read(file)
            .with_context(|| format!("read the certificates in {}", file.display()))?;
        Self::parse(&pem).with_context(|| {
            format!(
                "{} must hold certificates of authorities in PEM",
                file.display()
            )
        })
    }

    fn parse(pem: &[u8]) -> anyhow::Result<Self> {
        let webhooks = Certificate::from_pem_bundle(pem)?;
        anyhow::ensure!(!webhooks.is_empty(), "it holds no certificate");
        let mail = MailCertificate::from_pem(pem)?;
        Ok(Self(Some(Arc::new(Read { mail, webhooks }))))
    }

    pub(super) fn of_mail(&self) -> Option<&MailCertificate> {
        self.0.as_ref().map(|read| &read.mail)
    }

    pub(super) fn of_webhooks(&self) -> &[Certificate] {
        self.0.as_ref().map_or(&[], |read| &read.webhooks)
    }
}

#[cfg(test)]
mod tests {
    use super::Authorities;

    #[test]
    fn a_file_without_a_certificate_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("empty.pem", ""),
            ("words.pem", "this is no certificate\n"),
            (
                "broken.pem",
                "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n",
            ),
        ] {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let error = format!("{:#}", Authorities::read(&file).unwrap_err());
            assert!(error.contains(name), "{error}");
        }
        let absent = Authorities::read(&folder.path().join("absent.pem")).unwrap_err();
        assert!(absent.to_string().contains("absent.pem"), "{absent}");
    }
}
