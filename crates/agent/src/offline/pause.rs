//! What is not tried again at once, and of which is said once that it fails.

use std::time::Duration;

/// A pause after something failed, by the clock that never goes back.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    until: Option<Duration>,
}

impl Pause {
    /// Whether it may be tried now.
    pub(crate) fn is_over(&self, steady: Duration) -> bool {
        self.until.is_none_or(|until| steady >= until)
    }

    /// It failed, and is left alone for a time. Answers whether it had not failed before.
    pub(crate) fn failed(&mut self, steady: Duration, pause: Duration) -> bool {
        self.until.replace(steady.saturating_add(pause)).is_none()
    }

    /// It went well. Answers whether it had failed before.
    pub(crate) fn went_well(&mut self) -> bool {
        self.until.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_and_tried_seldom() {
        let second = Duration::from_secs;
        let mut pause = Pause::default();
        let (mut tries, mut said) = (0, 0);
        for now in 0..3600 {
            if pause.is_over(second(now)) {
                tries += 1;
                said += u32::from(pause.failed(second(now), second(60)));
            }
        }
        assert_eq!((tries, said), (60, 1));
        assert!(pause.went_well() && !pause.went_well());
        assert!(pause.is_over(second(0)));
    }
}
