//! What the gateway logs: refusals, and what happens to connections.

use super::Gateway;
use super::refusals::Last;
use crate::conn::Conn;
use crate::event::Action;
use crate::id::{ConnId, Peer};
use crate::note::{Note, Refusal, What};

impl Gateway {
    /// Counts a connection that is turned away, and logs it unless that reason was logged a moment ago.
    pub(super) fn refuse(&mut self, id: ConnId, reason: Refusal, detail: Option<&[u8]>) {
        let Some(peer) = self.conns.known(id).map(Conn::peer) else {
            return;
        };
        self.count_refusal(
            reason,
            Last {
                conn: Some(id),
                peer,
            },
            detail,
        );
    }

    pub(super) fn refuse_unaccepted(&mut self, reason: Refusal, peer: Peer) {
        self.count_refusal(reason, Last { conn: None, peer }, None);
    }

    pub(super) fn count_refusal(&mut self, reason: Refusal, last: Last, detail: Option<&[u8]>) {
        let note = self.refusals.count(self.now.mono, reason, last, detail);
        if let Some(note) = note {
            self.act(Action::Note(note));
        }
    }

    /// Logs what happened to a connection that is still there.
    pub(super) fn note(&mut self, id: ConnId, what: What) {
        if let Some(peer) = self.conns.known(id).map(Conn::peer) {
            self.note_from(id, peer, what);
        }
    }

    /// Logs what happened to a connection that may be gone.
    pub(super) fn note_from(&mut self, id: ConnId, peer: Peer, what: What) {
        if self.is_watched() {
            self.watch_note(peer, &what);
        }
        let conn = Some(id);
        self.act(Action::Note(Note { conn, peer, what }));
    }
}
