//! Counters that tests wait for; without the feature `_testing` they do nothing.

use crate::handle::Handle;

#[cfg(feature = "_testing")]
pub use probe::Probe;

/// What has reached the gateway. It is published when everything that it led to is flushed.
#[derive(Debug)]
pub struct Progress {
    #[cfg(feature = "_testing")]
    received: usize,
    #[cfg(feature = "_testing")]
    turns: usize,
    #[cfg(feature = "_testing")]
    probe: std::sync::Arc<Probe>,
}

impl Progress {
    /// Counts for the `Probe` of this handle.
    #[cfg_attr(
        not(feature = "_testing"),
        expect(unused_variables, reason = "there is no probe")
    )]
    pub fn new(handle: &Handle) -> Self {
        Self {
            #[cfg(feature = "_testing")]
            received: 0,
            #[cfg(feature = "_testing")]
            turns: 0,
            #[cfg(feature = "_testing")]
            probe: handle.probe(),
        }
    }

    /// Counts bytes; the end of a stream and a reset count as one byte each.
    #[inline]
    #[cfg_attr(
        not(feature = "_testing"),
        expect(unused_variables, reason = "nothing is counted")
    )]
    pub fn received(&mut self, bytes: usize) {
        #[cfg(feature = "_testing")]
        {
            self.received += bytes;
        }
    }

    /// Counts a turn in which the clock was read and after which no timer is due.
    #[inline]
    pub fn turn(&mut self) {
        #[cfg(feature = "_testing")]
        {
            self.turns += 1;
        }
    }

    /// Publishes the counts: everything is flushed.
    #[inline]
    pub fn publish(&mut self) {
        #[cfg(feature = "_testing")]
        {
            self.probe.add(
                std::mem::take(&mut self.received),
                std::mem::take(&mut self.turns),
            );
        }
    }
}

#[cfg(feature = "_testing")]
mod probe {
    use std::sync::atomic::{AtomicU64, Ordering};

    /// How far a server has come.
    #[derive(Debug, Default)]
    pub struct Probe {
        received: AtomicU64,
        turns: AtomicU64,
    }

    impl Probe {
        pub(super) fn add(&self, received: usize, turns: usize) {
            self.received.fetch_add(received as u64, Ordering::SeqCst);
            self.turns.fetch_add(turns as u64, Ordering::SeqCst);
        }

        /// Bytes that have reached the core, and everything that they led to was flushed. The end of a
        /// stream and a reset count as one byte each.
        pub fn received(&self) -> u64 {
            self.received.load(Ordering::SeqCst)
        }

        /// Turns of the loop: the clock was read, timers fired, and everything was flushed.
        pub fn turns(&self) -> u64 {
            self.turns.load(Ordering::SeqCst)
        }
    }
}
