//! The lock around the gateway. Threads get it in the order in which they asked for it. After a panic of a
//! thread that held it, no other thread gets it.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// A fair mutex. Otherwise a reader that finds more in its socket would take the lock again before the waiting
/// threads, and a few such readers would keep it from all others for seconds.
pub(crate) struct Lock<T> {
    inner: Mutex<T>,
    poisoned: AtomicBool,
}

/// Access to what the lock guards.
pub(crate) struct Held<'a, T> {
    /// `None` only while it is released.
    guard: Option<MutexGuard<'a, T>>,
    poisoned: &'a AtomicBool,
}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            inner: Mutex::new(value),
            poisoned: AtomicBool::new(false),
        }
    }

    /// Waits for the lock. Panics if a thread panicked while it held it: the value may be half changed.
    pub(crate) fn lock(&self) -> Held<'_, T> {
        let held = self.lock_anyway();
        held.assert_whole();
        held
    }

    /// Waits for the lock, even after a panic.
    pub(crate) fn lock_anyway(&self) -> Held<'_, T> {
        Held {
            guard: Some(self.inner.lock()),
            poisoned: &self.poisoned,
        }
    }
}

impl<T> Held<'_, T> {
    /// Releases the lock while it waits for the condition, for at most `longest`. True if that time has passed.
    pub(crate) fn wait(&mut self, condition: &Condvar, longest: Duration) -> bool {
        let Some(guard) = &mut self.guard else {
            return true;
        };
        let timed_out = condition.wait_for(guard, longest).timed_out();
        self.assert_whole();
        timed_out
    }

    /// The same, for as long as `while_this` holds.
    pub(crate) fn wait_while(
        &mut self,
        condition: &Condvar,
        longest: Duration,
        while_this: impl Fn(&T) -> bool,
    ) {
        let until = Instant::now() + longest;
        while while_this(self) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.wait(condition, left);
        }
    }

    fn assert_whole(&self) {
        assert!(!self.poisoned.load(Ordering::SeqCst), "{POISON}");
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect(HELD)
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect(HELD)
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.poisoned.store(true, Ordering::SeqCst);
        }
        if let Some(guard) = self.guard.take() {
            MutexGuard::unlock_fair(guard);
        }
    }
}

/// A gateway in which a thread panicked may be half changed: no thread goes on with it.
const POISON: &str = "no thread has panicked with the gateway in hand";

const HELD: &str = "the lock is given back by drop alone";

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::mpsc;

    /// Without `unlock_fair` the thread that asks again gets it before most waiting threads.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_waiting_thread_comes_before_one_that_asks_again() {
        let lock = Arc::new(Lock::new(Vec::new()));
        let mut held = lock.lock();
        let waits: Vec<_> = (0..WAIT)
            .map(|n| {
                let (asks, asked) = mpsc::channel();
                let other = Arc::clone(&lock);
                let waits = thread::spawn(move || {
                    let itself = std::fs::read_link("/proc/thread-self").expect("proc(5)");
                    asks.send(itself).expect("the test waits for it");
                    other.lock().push(n);
                });
                let stat = Path::new("/proc").join(asked.recv().expect("it asks"));
                let sleeps = || {
                    let stat = std::fs::read_to_string(stat.join("stat")).expect("it lives");
                    stat.contains(") S ")
                };
                // A thread that sleeps waits for the lock: it waits for nothing else.
                while !sleeps() {
                    thread::yield_now();
                }
                waits
            })
            .collect();
        held.push(WAIT);
        drop(held);
        lock.lock().push(WAIT + 1);
        for thread in waits {
            thread.join().expect("it has pushed");
        }
        let order: Vec<usize> = [WAIT]
            .into_iter()
            .chain(0..WAIT)
            .chain([WAIT + 1])
            .collect();
        assert_eq!(*lock.lock(), order);
    }

    #[cfg(target_os = "linux")]
    const WAIT: usize = 20;

    #[test]
    fn a_panic_with_it_in_hand_is_seen_by_all() {
        let lock = Arc::new(Lock::new(0));
        let other = Arc::clone(&lock);
        let panics = thread::spawn(move || {
            let _held = other.lock();
            panic!("as this test wants it");
        });
        assert!(panics.join().is_err());
        let other = Arc::clone(&lock);
        assert!(thread::spawn(move || drop(other.lock())).join().is_err());
        assert_eq!(*lock.lock_anyway(), 0);
    }
}
