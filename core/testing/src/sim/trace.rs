//! Everything that went into the core and came out of it, as one number. The runtime of the simulation feeds it,
//! and no observer: so that two runs differ if an observer changes what the core decides.

use std::fmt;
use std::fmt::Write as _;

use flashgate_core::{_testing, Action, ConnId, Now};

/// FNV-1a (Fowler, Noll and Vo): a few lines, and the same everywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trace(u64);

impl Trace {
    pub(super) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(super) fn hash(&self) -> u64 {
        self.0
    }

    pub(super) fn input(&mut self, now: Now, number: u64) {
        self.number(now.mono.0 ^ number << 40);
    }

    pub(super) fn action(&mut self, action: &Action) {
        let mut conn = |kind: u64, id: &ConnId| self.number(kind << 56 ^ id.to_bits());
        match action {
            Action::Write(id, chunk) => {
                conn(1, id);
                let parts = chunk.slices(0).into_iter();
                parts.for_each(|part| self.bytes(part));
            }
            Action::Broadcast(to, chunk) => {
                to.iter().for_each(|id| conn(2, &id));
                let parts = chunk.slices(0).into_iter();
                parts.for_each(|part| self.bytes(part));
            }
            Action::Finish(id) => conn(3, id),
            Action::Close(id) => conn(4, id),
            Action::Abort(id) => conn(5, id),
            Action::Pause(id) => conn(6, id),
            Action::Resume(id) => conn(7, id),
            Action::Lookup(ticket, _) => self.number(8 << 56 ^ _testing::number(*ticket)),
            Action::Note(note) => {
                // Writing to a hash does not fail.
                let _ = write!(self, "{note:?}");
            }
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }
}

impl fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}
