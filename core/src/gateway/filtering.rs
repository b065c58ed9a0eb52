//! Connections behind a filter: their wire bytes on the way in and out. All else sees plain bytes.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::Gateway;
use crate::chunk::{Chunk, Recipients};
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

    /// Takes an input. Wire bytes and a backlog of wire chunks become plain here.
    #[cold]
    pub(super) fn take_filtered(&mut self, input: Input<'_>) {
        let plain = match input {
            Input::Bytes(id, wire) => return self.receive(id, wire),
            // The filter may have said so before.
            Input::Eof(id) if !self.filtered(id).is_none_or(Filtered::end) => return,
            Input::Backlog(id, left) => {
                let filtered = self.filtered(id);
                Input::Backlog(id, filtered.map_or(left, |filtered| filtered.left(left)))
            }
            Input::Eof(_)
            | Input::Gone(..)
            | Input::Answer(..)
            | Input::Member(_)
            | Input::Announce(_)
            | Input::Kick { .. }
            | Input::Host(_)
            | Input::Configure(_)
            | Input::Timeout
            | Input::Shutdown => input,
        };
        self.take_input(plain);
    }

    fn filtered(&mut self, id: ConnId) -> Option<&mut Filtered> {
        self.filters.get_mut(&id)?.as_mut()
    }

    /// Takes bytes from the wire of a connection.
    #[cold]
    pub(super) fn receive(&mut self, id: ConnId, wire: &[u8]) {
        let most = self.config.limits.own_backlog.max(HANDSHAKE);
        let Some(filtered) = self.filtered(id) else {
            return self.take_input(Input::Bytes(id, wire));
        };
        let mut plain = Zeroizing::new(Vec::new());
        let (back, flow) = filtered.receive(wire, &mut plain, most);
        self.act_on_wire(id, back);
        let (first, rest) = plain.split_at(plain.len().min(MAX_READ));
        self.take_input(Input::Bytes(id, first));
        for piece in rest.chunks(MAX_READ) {
            self.take_input(Input::Bytes(id, piece));
        }
        if flow == Flow::Ended {
            self.take_input(Input::Eof(id));
        }
    }

    /// Puts an action through the filters of the connections that it is about. A broadcast is written to each of
    /// them: no two get the same bytes.
    #[cold]
    pub(super) fn act_filtered(&mut self, action: Action) {
        match &action {
            Action::Write(id, chunk) if self.send_filtered(*id, chunk) => return,
            Action::Broadcast(everyone, chunk) => {
                let plain: Vec<_> = everyone
                    .iter()
                    .filter(|id| !self.send_filtered(*id, chunk))
                    .collect();
                if plain.is_empty() {
                    return;
                }
                if plain.len() < everyone.iter().len() {
                    let (audience, form) = (everyone.audience(), everyone.form());
                    let plain = Recipients::new(audience, form, plain.into_iter());
                    return self
                        .actions
                        .push_back(Action::Broadcast(plain, chunk.clone()));
                }
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
