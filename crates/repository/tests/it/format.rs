//! Vector `format.json`: format blobs written by stock programs.

use base64::Engine as _;
use holdfast_repository::format::{BlobConfiguration, FormatBlob, RepositoryFormat};
use secrecy::SecretString;
use serde::Deserialize;

use crate::vectors::load;

#[derive(Deserialize)]
struct Case {
    name: String,
    password: String,
    decrypted: String,
    #[serde(rename = "kopia.repository")]
    format_blob: String,
    #[serde(rename = "kopia.blobcfg")]
    blobcfg: Option<String>,
}

#[derive(Deserialize)]
struct Inner {
    format: RepositoryFormat,
}

#[test]
fn format_blobs_open_and_are_written_as_they_were() {
    let cases: Vec<Case> = load("format.json");
    assert!(cases.len() >= 5);
    for case in &cases {
        let blob = FormatBlob::parse(case.format_blob.as_bytes()).expect("parses");
        assert_eq!(
            String::from_utf8(blob.to_bytes()).expect("text"),
            case.format_blob,
            "{}",
            case.name
        );
        let key = blob
            .derive_key(&SecretString::from(case.password.clone()))
            .expect("known derivation");
        let format = blob
            .open(&key)
            .expect("known envelope")
            .expect("right password");
        let expected: Inner = serde_json::from_str(&case.decrypted).expect("inner JSON");
        assert_eq!(format, expected.format, "{}", case.name);
        let written = serde_json::to_string(&format).expect("JSON");
        assert_eq!(
            format!("{{\"format\":{written}}}"),
            case.decrypted,
            "{}",
            case.name
        );

        if let Some(blobcfg) = &case.blobcfg {
            let sealed = base64::engine::general_purpose::STANDARD
                .decode(blobcfg)
                .expect("base64");
            BlobConfiguration::open(&sealed, &key, &blob.unique_id)
                .expect("blobcfg makes sense")
                .expect("blobcfg opens");
        }

        let sealed = FormatBlob::seal(&format, &key, blob.unique_id.clone(), Default::default())
            .expect("seals");
        let again = FormatBlob::parse(&sealed.to_bytes()).expect("parses");
        assert_eq!(
            again
                .open(&key)
                .expect("known envelope")
                .expect("right key"),
            format
        );
        assert_ne!(again.encrypted_block_format, blob.encrypted_block_format);

        let wrong = blob
            .derive_key(&SecretString::from("wrong"))
            .expect("known derivation");
        assert!(blob.open(&wrong).expect("known envelope").is_err());
    }
}

#[test]
fn layout_and_unknown_keys_do_not_matter() {
    let cases: Vec<Case> = load("format.json");
    let mut value: serde_json::Value = serde_json::from_str(&cases[0].format_blob).expect("JSON");
    value["zzz"] = serde_json::json!({"new": [1, null]});
    value.as_object_mut().expect("object").remove("tool");
    let compact = serde_json::to_vec(&value).expect("JSON");
    let blob = FormatBlob::parse(&compact).expect("parses");
    let key = blob
        .derive_key(&SecretString::from(cases[0].password.clone()))
        .expect("known derivation");
    assert!(blob.open(&key).expect("known envelope").is_ok());
    assert!(FormatBlob::parse(b"{").is_err());
    assert!(
        FormatBlob::parse(b"{}")
            .expect("parses")
            .derive_key(&SecretString::from("x"))
            .is_err()
    );
}
