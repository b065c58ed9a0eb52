//! Counters that tests wait for; nothing at all without the feature `testing`.

#[cfg(feature = "testing")]
use std::mem;

use crate::handle::Handle;

/// What has reached the gateway, and is to be made known when all that it led to is flushed.
#[derive(Debug)]
pub(crate) struct Progress {
    #[cfg(feature = "testing")]
    received: usize,
    #[cfg(feature = "testing")]
    turns: usize,
    #[cfg(feature = "testing")]
    probe: std::sync::Arc<flashgate_core::testing::Probe>,
}

impl Progress {
    pub(crate) fn new(_handle: &Handle) -> Self {
        Self {
            #[cfg(feature = "testing")]
            received: 0,
            #[cfg(feature = "testing")]
            turns: 0,
            #[cfg(feature = "testing")]
            probe: _handle.probe(),
        }
    }

    /// Counts bytes; an end of stream or a reset is one.
    pub(crate) fn received(&mut self, _bytes: usize) {
        #[cfg(feature = "testing")]
        {
            self.received += _bytes;
        }
    }

    /// Counts a look at the clock that has left no timer due.
    pub(crate) fn turn(&mut self) {
        #[cfg(feature = "testing")]
        {
            self.turns += 1;
        }
    }

    /// Makes known what was counted: everything is flushed.
    pub(crate) fn publish(&mut self) {
        #[cfg(feature = "testing")]
        {
            self.probe.add_received(mem::take(&mut self.received));
            for _ in 0..mem::take(&mut self.turns) {
                self.probe.add_turn();
            }
        }
    }
}
