//! Handshakes of TLS take longer than anything else that a client can cause. So only some begin at a time, and the others
//! wait: a crowd that comes back does not keep those waiting who chat.

use alloc::collections::VecDeque;

use crate::id::ConnId;
use crate::time::Millis;

/// How many have begun, and who waits.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    /// When the last ones began, and how many did.
    at: Millis,
    begun: usize,
    /// Connections whose first bytes are those of TLS, in the order in which they came.
    waiting: VecDeque<ConnId>,
    /// The connection whose turn it is.
    turn: Option<ConnId>,
}

impl Handshakes {
    /// Whether a connection may begin now. If it may not, it waits from now on.
    pub(super) fn may_begin(&mut self, id: ConnId, now: Millis) -> bool {
        if self.turn == Some(id) {
            return true;
        }
        if self.at != now {
            (self.at, self.begun) = (now, 0);
        }
        if self.waiting.is_empty() && self.begun < AT_ONCE {
            self.begun += 1;
            return true;
        }
        if !self.waits(id) {
            self.waiting.push_back(id);
        }
        false
    }

    /// When the next ones may begin: at once, but by an input of their own, before which others get their turn.
    pub(super) fn deadline(&self) -> Option<Millis> {
        (!self.waiting.is_empty()).then_some(self.at)
    }

    /// The next ones may begin now.
    pub(super) fn refill(&mut self, now: Millis) {
        (self.at, self.begun) = (now, 0);
    }

    /// The next connection whose turn it is, of [`AT_ONCE`].
    pub(super) fn next(&mut self) -> Option<ConnId> {
        self.turn = None;
        if self.begun < AT_ONCE {
            self.turn = self.waiting.pop_front();
            self.begun += usize::from(self.turn.is_some());
        }
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        self.turn
    }

    /// The connection is gone, or waits no more.
    pub(super) fn forget(&mut self, id: ConnId) {
        if !self.waiting.is_empty() {
            self.waiting.retain(|waiting| *waiting != id);
        }
    }

    pub(super) fn waits(&self, id: ConnId) -> bool {
        self.waiting.contains(&id)
    }
}

/// Handshakes that begin by one [`Input::Timeout`](crate::Input::Timeout), or else in one millisecond. They take about
/// that long.
const AT_ONCE: usize = 8;
