//! Vector `kdf.json`; the HKDF uses are proven by `format.json` and `encryption.json` as well.

use holdfast_repository::kdf::KeyDerivation;
use secrecy::SecretString;
use serde::Deserialize;

use crate::vectors::{hex, load};

#[derive(Deserialize)]
struct Kdf {
    password: Vec<Password>,
}

#[derive(Deserialize)]
struct Password {
    algorithm: String,
    password: String,
    salt: String,
    key: String,
}

#[test]
fn passwords_give_the_expected_keys() {
    let vectors: Kdf = load("kdf.json");
    assert!(vectors.password.len() >= 8);
    for case in &vectors.password {
        let algorithm =
            KeyDerivation::by_name(&case.algorithm).expect("every name of the format is known");
        let password = SecretString::from(case.password.clone());
        let key = algorithm
            .derive(&password, &hex(&case.salt))
            .expect("salt is long enough");
        assert!(
            key.matches(&hex(&case.key)),
            "{} {:?}",
            case.algorithm,
            case.password
        );
        assert!(!key.matches(&[0; 32]));
    }
    let short = KeyDerivation::default().derive(&SecretString::from("x"), &[1; 15]);
    assert!(short.is_err());
}
