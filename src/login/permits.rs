//! How many threads may do something at once.

use parking_lot::{Condvar, Mutex};

use crate::password::memory;

/// A number of permits.
pub(super) struct Permits {
    state: Mutex<State>,
    back: Condvar,
}

struct State {
    left: usize,
    /// Threads that wait in `take`. They go before those in `take_last`.
    waiting: usize,
}

/// Counts as used until it is dropped.
pub(super) struct Permit<'a>(&'a Permits);

/// Permits to hash. A hash takes a core and megabytes of memory, which are passed on with the permit.
pub(super) struct Hashing {
    permits: Permits,
    memory: Mutex<Vec<memory::Kept>>,
}

/// The permit to hash, until it is dropped.
pub(super) struct MayHash<'a> {
    hashing: &'a Hashing,
    _permit: Permit<'a>,
}

impl Permits {
    pub(super) fn new(all: usize) -> Self {
        Self {
            state: Mutex::new(State {
                left: all,
                waiting: 0,
            }),
            back: Condvar::new(),
        }
    }

    /// Waits for a permit.
    pub(super) fn take(&self) -> Permit<'_> {
        let mut state = self.state.lock();
        state.waiting += 1;
        self.back.wait_while(&mut state, |state| state.left == 0);
        state.left -= 1;
        state.waiting -= 1;
        Permit(self)
    }

    /// Waits until a permit is free and no other thread waits for one.
    pub(super) fn take_last(&self) -> Permit<'_> {
        let mut state = self.state.lock();
        let wanted = |state: &mut State| state.left == 0 || state.waiting > 0;
        self.back.wait_while(&mut state, wanted);
        state.left -= 1;
        Permit(self)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state.lock().left += 1;
        self.0.back.notify_all();
    }
}

impl Hashing {
    pub(super) fn new(all: usize) -> Self {
        Self {
            permits: Permits::new(all),
            memory: Mutex::default(),
        }
    }

    /// Waits until fewer threads hash than are permitted.
    pub(super) fn take(&self) -> MayHash<'_> {
        self.begin(self.permits.take())
    }

    /// Waits until no other thread wants to hash.
    pub(super) fn take_last(&self) -> MayHash<'_> {
        self.begin(self.permits.take_last())
    }

    /// Frees the memory that is kept for the next hash.
    pub(super) fn rest(&self) {
        self.memory.lock().clear();
    }

    fn begin<'a>(&'a self, permit: Permit<'a>) -> MayHash<'a> {
        if let Some(kept) = self.memory.lock().pop() {
            memory::lend(kept);
        }
        MayHash {
            hashing: self,
            _permit: permit,
        }
    }
}

impl Drop for MayHash<'_> {
    fn drop(&mut self) {
        self.hashing.memory.lock().push(memory::take_back());
    }
}
