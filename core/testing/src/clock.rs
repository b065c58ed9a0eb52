//! A clock that moves by hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flashgate_core::{Clock, Millis, Now, UnixSeconds};

/// Stands still until a test moves it. Wall clock and monotonic clock move together.
///
/// After a move, the test wakes the runtime, which would otherwise sleep on.
#[derive(Debug, Default)]
pub struct ManualClock {
    mono: AtomicU64,
    started: UnixSeconds,
    offset: i32,
}

impl ManualClock {
    /// A clock whose monotonic side is at 0 when its wall clock says `started`, `offset` seconds east of UTC.
    pub fn new(started: UnixSeconds, offset: i32) -> Self {
        Self {
            mono: AtomicU64::new(0),
            started,
            offset,
        }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Millis) {
        self.mono.fetch_add(by.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        let mono = self.mono.load(Ordering::SeqCst);
        let utc = UnixSeconds(self.started.0 + (mono / 1000) as i64);
        Now {
            mono: Millis(mono),
            utc,
            offset: self.offset,
        }
    }

    fn until(&self, _deadline: Millis) -> Option<Duration> {
        None
    }
}
