//! At most one message a minute about the same cause, so that nobody can fill the log. The next message says how many were left out.

use crate::time::Timestamp;

/// The time between two messages, in seconds.
const INTERVAL: u64 = 60;

/// The messages about one cause.
#[derive(Clone, Copy, Debug, Default)]
pub struct Throttle {
    last: Option<Timestamp>,
    left_out: u32,
}

impl Throttle {
    /// A throttle without messages.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: None, left_out: 0 }
    }

    /// Whether a message can be logged now: how many were left out before it, or `None`. If the clock goes back, messages do not stop
    /// until it has caught up.
    pub fn admit(&mut self, now: Timestamp) -> Option<u32> {
        let waits =
            self.last.is_some_and(|last| now.seconds_since(last).max(last.seconds_since(now)) < INTERVAL);
        if waits {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn one_message_a_minute_says_how_many_were_left_out() {
        let mut throttle = Throttle::new();
        let mut admit = |second: u64| throttle.admit(Timestamp::from_unix_seconds(1_000_000 + second));
        let admitted = [0, 0, 1, 59, 60, 119, 120, 180].map(&mut admit);
        assert_eq!(admitted, [Some(0), None, None, None, Some(3), None, Some(1), Some(0)]);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_end_the_messages() {
        let mut throttle = Throttle::new();
        let mut admit = |second| throttle.admit(Timestamp::from_unix_seconds(second));
        assert_eq!([1_000_000, 999_990, 0, 10].map(&mut admit), [Some(0), None, Some(1), None]);
    }
}
