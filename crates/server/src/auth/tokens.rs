//! Random tokens and how they are stored: as SHA-256, compared in constant time.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_protocol::Secret;
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq;

/// Letters of generated passwords: none that is easily taken for another.
const PASSWORD_LETTERS: &[u8; 57] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// A token of 256 random bits, with a prefix that tells what it is for.
pub(crate) fn new_token(prefix: &str) -> Secret {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// A password of `length` random letters and digits.
pub(crate) fn new_password(length: usize) -> Secret {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        // Bytes of 228 and above would make the first letters more frequent.
        let fair = bytes
            .iter()
            .filter(|byte| usize::from(**byte) < 4 * PASSWORD_LETTERS.len());
        for byte in fair.take(length - text.len()) {
            text.push(PASSWORD_LETTERS[usize::from(*byte) % PASSWORD_LETTERS.len()] as char);
        }
    }
    Secret::new(text)
}

/// What is stored of a token.
pub(crate) fn hash(token: &str) -> String {
    hex::encode(digest(&SHA256, token.as_bytes()))
}

/// Whether two texts are equal, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::{hash, new_password, new_token, same};

    #[test]
    fn passwords_have_their_length_and_letters() {
        for length in [1, 32, 100] {
            let password = new_password(length);
            assert_eq!(password.expose().len(), length);
            assert!(
                password
                    .expose()
                    .bytes()
                    .all(|letter| letter.is_ascii_alphanumeric())
            );
        }
        assert_ne!(new_password(32).expose(), new_password(32).expose());
    }

    #[test]
    fn tokens_are_stored_as_their_hash() {
        let token = new_token("hfe_");
        assert!(token.expose().starts_with("hfe_") && token.expose().len() > 40);
        assert_eq!(
            hash("a"),
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
        );
        assert!(same("a", "a") && !same("a", "b") && !same("a", "aa"));
    }
}
