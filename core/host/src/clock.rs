//! The clocks of the machine.

use std::sync::atomic::{AtomicI32, AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flashgate_core::{Clock, Millis, Now, UnixSeconds};

/// The machine's monotonic clock, counted from when this value was made, and its wall clock in the
/// local time zone.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    /// The second for which `offset` was looked up. A time zone changes its offset on a whole second, and
    /// a lookup costs more than reading both clocks.
    looked_up: AtomicI64,
    offset: AtomicI32,
}

impl SystemClock {
    /// A clock whose monotonic side starts at 0 now.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            looked_up: AtomicI64::new(i64::MIN),
            offset: AtomicI32::new(0),
        }
    }

    fn offset(&self, second: i64) -> i32 {
        if self.looked_up.load(Ordering::Acquire) != second {
            let offset = jiff::Zoned::now().offset().seconds();
            self.offset.store(offset, Ordering::Relaxed);
            // After the offset, so that a thread which sees this second sees its offset, too.
            self.looked_up.store(second, Ordering::Release);
        }
        self.offset.load(Ordering::Relaxed)
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let utc = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_secs() as i64,
            Err(before) => -(before.duration().as_secs() as i64),
        };
        Now {
            mono: Millis(self.started.elapsed().as_millis() as u64),
            utc: UnixSeconds(utc),
            offset: self.offset(utc),
        }
    }

    fn until(&self, deadline: Millis) -> Option<Duration> {
        Some(
            deadline
                .to_duration()
                .saturating_sub(self.started.elapsed()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_ends_at_its_deadline_or_later() {
        let clock = SystemClock::new();
        let deadline = clock.now().mono + Millis(20);
        let sleep = clock.until(deadline);
        std::thread::sleep(sleep.expect("this clock moves by itself"));
        assert!(clock.now().mono >= deadline);
        assert_eq!(clock.until(Millis(0)), Some(Duration::ZERO));
    }

    #[test]
    fn the_wall_clock_is_the_machines() {
        let now = SystemClock::new().now();
        let zoned = jiff::Zoned::now();
        assert!((zoned.timestamp().as_second() - now.utc.0).abs() <= 1);
        assert_eq!(now.offset, zoned.offset().seconds());
    }
}
