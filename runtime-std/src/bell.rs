//! What the thread of the timers sleeps on.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Wakes the thread of the timers, which waits for it or will.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    /// Waits until the bell rings, for at most `timeout` (`None`: without limit). Each ring ends one wait.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut rung = self.rung.lock();
        let silent = |rung: &mut bool| !*rung;
        match deadline {
            Some(deadline) => {
                self.changed.wait_while_until(&mut rung, silent, deadline);
            }
            None => self.changed.wait_while(&mut rung, silent),
        }
        *rung = false;
    }
}

impl flashgate_host::Bell for Bell {
    fn ring(&self) {
        *self.rung.lock() = true;
        self.changed.notify_one();
    }
}
