//! Deadlines: which of a client's timers may have ended.

use super::Model;
use super::side::Turn;
use crate::sim::key::Key;
use flashgate_core::Millis;

impl Model {
    /// If the host itself was suspended past a client's deadline, the client gets its whole time again.
    pub(super) fn forgive_the_unheard(&mut self) {
        let now = self.now.mono;
        let Some(silence) = self.config.limits.silence else {
            return;
        };
        for side in self.sides.values_mut() {
            let unheard = side.chat && side.is_socket() && !side.paused && !side.eof;
            if unheard && now >= side.last_bytes + silence + AWAY {
                side.last_bytes = now;
            }
        }
    }

    /// Whether its time to log in may be over.
    pub(super) fn may_be_late(&self, id: Key) -> bool {
        let [least, _] = self.sides[&id].stood_still;
        self.is_late(id, least)
    }

    pub(super) fn must_be_late(&self, id: Key) -> bool {
        let [_, most] = self.sides[&id].stood_still;
        self.is_late(id, most)
    }

    pub(super) fn is_late(&self, id: Key, stood_still: Millis) -> bool {
        let (side, limits) = (&self.sides[&id], &self.config.limits);
        let until = side.accepted + stood_still + limits.login;
        side.turn == Turn::Free && self.who(id).is_none() && self.now.mono >= until
    }

    /// Whether the time for a request that has begun is over.
    pub(super) fn is_late_request(&self, id: Key) -> bool {
        let patience = self.config.limits.request;
        let began = self.sides[&id].began;
        began.is_some_and(|at| self.now.mono >= at + patience)
    }
}

/// A host that is later than this was suspended.
pub(super) const AWAY: Millis = Millis(5000);
