//! Counters by which a test knows how far a runtime has come.

use core::sync::atomic::{AtomicU64, Ordering};

/// What a runtime has handed to its gateway so far.
#[derive(Debug, Default)]
pub struct Probe {
    received: AtomicU64,
    turns: AtomicU64,
}

impl Probe {
    /// Counts bytes that reached the core; a runtime counts an end of stream or a reset as one.
    pub fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::SeqCst);
    }

    /// Counts one turn of the loop: the clock was read, timers fired, and everything was flushed.
    pub fn add_turn(&self) {
        self.turns.fetch_add(1, Ordering::SeqCst);
    }

    /// Bytes, ends and resets that have reached the core, and everything they led to was flushed.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::SeqCst)
    }

    /// Turns of the loop so far.
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::SeqCst)
    }
}
