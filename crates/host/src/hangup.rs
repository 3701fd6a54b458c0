//! Whether a program outlives its terminal.

/// Whether this process was started to ignore SIGHUP, as by `nohup`. Where the system does not tell (it is read from
/// `/proc`), it was not.
#[must_use]
pub fn ignores_hangup() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| says_ignored(&status))
}

/// Reads the mask of ignored signals, hexadecimal, of which SIGHUP has the lowest bit.
fn says_ignored(status: &str) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_bit_is_the_hangup() {
        for (status, expected) in [
            (
                "Name:\tx\nSigIgn:\t0000000000000001\nSigCgt:\t0000000000000000\n",
                true,
            ),
            ("SigIgn:\t0000000000001003\n", true),
            (
                "SigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n",
                false,
            ),
            ("SigIgn:\tnothing\n", false),
            ("", false),
        ] {
            assert_eq!(says_ignored(status), expected, "{status}");
        }
    }
}
