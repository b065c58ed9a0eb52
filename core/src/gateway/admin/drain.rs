//! A drain: new clients are refused, and the host is notified when all have left or the time is up.

use super::super::ending::Ends;
use super::Gateway;
use crate::chat::reply;
use crate::conn::{Stage, State, Who};
use crate::id::{ConnId, Peer};
use crate::note::{CloseReason, What};
use crate::time::Millis;

/// A drain that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drain {
    /// Clients may stay until then.
    Until(Millis),
    /// The host was notified of the end.
    Done,
}

impl Gateway {
    /// Begins a drain, or changes its end if it has begun.
    pub(super) fn drain(&mut self, within: Millis, text: &str) {
        if self.admin.drain == Some(Drain::Done) {
            return;
        }
        self.admin.drain = Some(Drain::Until(self.now.mono + within));
        self.announce(text);
        for id in self.conns.ids() {
            let conn = self.conns.known(id).map(|conn| &conn.state);
            if let Some(State::Chat(chat)) = conn
                && matches!(chat.who, Who::Nobody { .. })
            {
                self.turn_away(id);
                self.settle(id);
            }
        }
        self.look_at_drain();
    }

    /// Asks a client that has not logged in to come back later.
    fn turn_away(&mut self, id: ConnId) {
        self.say(id, &reply::error(reply::TRY_LATER));
        self.end_chat(id, CloseReason::Drained, Ends::With(Stage::Finishing));
    }

    /// Whether new clients are refused.
    pub(in crate::gateway) fn is_draining(&self) -> bool {
        self.admin.drain.is_some()
    }

    /// When the time of the drain is up.
    #[inline]
    pub(in crate::gateway) fn drain_ends(&self) -> Option<Millis> {
        match self.admin.drain {
            Some(Drain::Until(at)) => Some(at),
            Some(Drain::Done) | None => None,
        }
    }

    /// Notifies the host once the drain is over.
    pub(in crate::gateway) fn look_at_drain(&mut self) {
        if let Some(at) = self.drain_ends()
            && (self.clients == 0 || at <= self.now.mono)
        {
            self.admin.drain = Some(Drain::Done);
            let clients = self.clients;
            // No connection has caused it.
            self.note_of_ours(What::Drained { clients });
        }
    }

    fn note_of_ours(&mut self, what: What) {
        let note = crate::note::Note {
            conn: None::<ConnId>,
            peer: Peer::Unix,
            what,
        };
        self.act(crate::event::Action::Note(note));
    }
}
