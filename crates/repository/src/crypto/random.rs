//! Random bytes in bulk: one call to the operating system serves hundreds of nonces.

use zeroize::Zeroize;

use crate::error::Result;

const BUFFER_LENGTH: usize = 4096;

/// Hands out random bytes of the operating system from a buffer; each byte is handed out once.
pub struct RandomSource {
    buffer: Box<[u8; BUFFER_LENGTH]>,
    used: usize,
}

impl Default for RandomSource {
    fn default() -> Self {
        Self {
            buffer: Box::new([0; BUFFER_LENGTH]),
            used: BUFFER_LENGTH,
        }
    }
}

impl std::fmt::Debug for RandomSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RandomSource")
    }
}

impl RandomSource {
    /// The next `N` random bytes; `N` is at most 4096.
    ///
    /// # Errors
    /// [`crate::Error::Random`].
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        const { assert!(N <= BUFFER_LENGTH) };
        let mut out = [0; N];
        if self.used + N > BUFFER_LENGTH {
            super::random_bytes(self.buffer.as_mut_slice())?;
            self.used = 0;
        }
        let taken = &mut self.buffer[self.used..self.used + N];
        out.copy_from_slice(taken);
        taken.zeroize();
        self.used += N;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bytes_are_handed_out_twice() {
        let mut source = RandomSource::default();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..2000 {
            assert!(seen.insert(source.take::<12>().unwrap()));
        }
        assert!(!format!("{source:?}").contains('['));
    }
}
