//! The one TLS provider of the whole program.

/// Makes ring the provider of every TLS connection of this process. First line of each `main`;
/// repeating it is harmless.
pub fn install_crypto_provider() {
    // An error means that a provider is installed already, and only this function installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Fills the buffer with random bytes of the system.
///
/// # Errors
/// The system has none.
pub fn random_bytes(buffer: &mut [u8]) -> std::io::Result<()> {
    getrandom::fill(buffer).map_err(std::io::Error::from)
}
