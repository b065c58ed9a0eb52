//! Connections behind a filter: their wire bytes on the way in and out. All else sees plain bytes.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::Gateway;
use crate::chunk::{Chunk, Split};
use crate::conn::filter::Flow;
use crate::conn::filtered::Filtered;
use crate::event::{Action, Input, MAX_READ};
use crate::id::ConnId;

impl Gateway {
    /// Gives a connection its filter, if its listener has one and the connection has none; these wire bytes
    /// are its first.
    pub(super) fn begin_filter(&mut self, id: ConnId, wire: &[u8]) -> bool {
        let conn = self.conns.known(id);
        let filter = conn.and_then(|conn| conn.serves(&self.config).filter());
        let (Some(make), false) = (filter, self.filters.contains_key(&id)) else {
            return false;
        };
        let filter = make.make();
        self.unfiltered = filter
            .is_some()
            .then(|| (id, Zeroizing::new(Vec::from(wire))));
        self.filters.insert(id, filter.map(Filtered::new));
        // Only plain bytes count.
        self.counters.received -= wire.len() as u64;
        true
    }

    /// Makes the bytes and the backlog of an input plain. Returns whether the input is still to be taken.
    #[cold]
    pub(super) fn unfilter(&mut self, input: &mut Input<'_>) -> bool {
        match input {
            Input::Bytes(id, wire) if self.filtered(*id).is_some() => {
                self.receive(*id, wire);
                self.receive_first();
                false
            }
            // The filter may have said so before.
            Input::Eof(id) => self.filtered(*id).is_none_or(Filtered::end),
            Input::Backlog(id, left) => {
                if let Some(filtered) = self.filtered(*id) {
                    *left = filtered.left(*left);
                }
                true
            }
            Input::Bytes(..)
            | Input::Gone(..)
            | Input::Answer(..)
            | Input::Member(_)
            | Input::Announce(_)
            | Input::Kick { .. }
            | Input::Host(_)
            | Input::Configure(_)
            | Input::Timeout
            | Input::Shutdown => true,
        }
    }

    pub(super) fn filtered(&mut self, id: ConnId) -> Option<&mut Filtered> {
        self.filters.get_mut(&id)?.as_mut()
    }

    /// Takes the first bytes of a connection that got its filter during this input.
    #[cold]
    pub(super) fn receive_first(&mut self) {
        if let Some((id, wire)) = self.unfiltered.take() {
            self.receive(id, &wire);
        }
    }

    /// Takes bytes from the wire of a connection with a filter.
    fn receive(&mut self, id: ConnId, wire: &[u8]) {
        let most = self.config.limits.own_backlog.max(HANDSHAKE);
        let Some(filtered) = self.filtered(id) else {
            return;
        };
        let mut plain = Zeroizing::new(Vec::new());
        let (back, flow) = filtered.receive(wire, &mut plain, most);
        self.act_on_wire(id, back);
        let (first, rest) = plain.split_at(plain.len().min(MAX_READ));
        self.plain(id, first);
        for piece in rest.chunks(MAX_READ) {
            self.plain(id, piece);
        }
        if flow == Flow::Ended {
            self.before(&Input::Eof(id));
            self.eof(id);
            self.claim_freed();
        }
    }

    fn plain(&mut self, id: ConnId, bytes: &[u8]) {
        self.before(&Input::Bytes(id, bytes));
        self.bytes(id, bytes);
        self.claim_freed();
    }

    /// Puts an action through the filters of the connections that it is about. A broadcast is written to each of
    /// them: no two get the same bytes.
    #[cold]
    pub(super) fn act_filtered(&mut self, action: Action) {
        match &action {
            Action::Write(id, chunk) if self.send_filtered(*id, chunk) => return,
            Action::Broadcast(everyone, chunk) => {
                if let Some(Split { alone, shared }) = everyone.split() {
                    for id in alone {
                        self.send_filtered(*id, chunk);
                    }
                    if shared.iter().len() > 0 {
                        let shared = Action::Broadcast(shared.clone(), chunk.clone());
                        self.actions.push_back(shared);
                    }
                    return;
                }
                debug_assert!(
                    everyone.iter().all(|id| self.filtered(id).is_none()),
                    "the hub knows whose bytes cannot be shared"
                );
            }
            Action::Finish(id) | Action::Close(id) => {
                let last = self.filtered(*id).and_then(Filtered::close);
                self.act_on_wire(*id, last);
            }
            Action::Abort(id) => {
                if let Some(filtered) = self.filtered(*id) {
                    filtered.abort();
                }
            }
            Action::Write(..)
            | Action::Pause(_)
            | Action::Resume(_)
            | Action::Lookup(..)
            | Action::Note(_) => {}
        }
        self.actions.push_back(action);
    }

    /// Sends a chunk through the connection's filter, if it has one.
    fn send_filtered(&mut self, id: ConnId, chunk: &Chunk) -> bool {
        let Some(filtered) = self.filtered(id) else {
            return false;
        };
        let wire = filtered.send(chunk);
        self.act_on_wire(id, wire);
        true
    }

    fn act_on_wire(&mut self, id: ConnId, wire: Option<Chunk>) {
        let write = wire.map(|wire| Action::Write(id, wire));
        self.actions.extend(write);
    }
}

/// Memory that a filter's own bytes may always take while they wait: a handshake with a chain of certificates.
const HANDSHAKE: usize = 16 * 1024;
