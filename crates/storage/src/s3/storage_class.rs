//! Which storage class a blob gets (format 1 §1.4).

use serde::Deserialize;

use crate::BlobId;

/// The object, below the prefix, that holds the settings. Its name is no blob name, so lists do not show it.
pub(super) const STORAGE_CONFIG: &str = ".storageconfig";

/// The content of `.storageconfig`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct StorageClasses {
    #[serde(default, rename = "blobOptions")]
    options: Vec<BlobOption>,
}

#[derive(Debug, Deserialize)]
struct BlobOption {
    #[serde(default)]
    prefix: String,
    #[serde(default, rename = "storageClass")]
    storage_class: String,
}

impl StorageClasses {
    pub(super) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// The class of the first entry that fits; `None` is the bucket's default.
    pub(super) fn class_of(&self, id: &BlobId) -> Option<&str> {
        self.options
            .iter()
            .find(|option| id.as_str().starts_with(&option.prefix))
            .map(|option| option.storage_class.as_str())
            .filter(|class| !class.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fitting_prefix_decides() {
        let classes = StorageClasses::parse(
            br#"{"blobOptions":[{"prefix":"p","storageClass":"GLACIER_IR"},{"prefix":"q","storageClass":""},{"prefix":"","storageClass":"STANDARD_IA"}],"more":1}"#,
        )
        .unwrap();
        let class = |name: &str| {
            classes
                .class_of(&BlobId::new(name).unwrap())
                .map(str::to_owned)
        };
        assert_eq!(class("pabc").as_deref(), Some("GLACIER_IR"));
        assert_eq!(class("qabc"), None);
        assert_eq!(class("xn0_1").as_deref(), Some("STANDARD_IA"));
    }
}
