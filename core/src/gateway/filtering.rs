//! Connections behind a filter: their wire bytes on the way in and out. All else sees plain bytes.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::Gateway;
use crate::chunk::{Chunk, Recipients};
use crate::conn::Whose;
use crate::conn::filter::Flow;
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
        self.filters.insert(id, filter);
        // Only plain bytes count.
        self.counters.received -= wire.len() as u64;
        true
    }

    /// Takes bytes from the wire of a connection with a filter.
    #[cold]
    pub(super) fn receive(&mut self, id: ConnId, wire: &[u8]) {
        let Some(Some(filter)) = self.filters.get_mut(&id) else {
            return self.take(Input::Bytes(id, wire));
        };
        let (mut plain, mut back) = (Zeroizing::new(Vec::new()), Vec::new());
        let flow = filter.receive(wire, &mut plain, &mut back);
        self.answer_wire(id, &back);
        let (first, rest) = plain.split_at(plain.len().min(MAX_READ));
        self.take(Input::Bytes(id, first));
        for piece in rest.chunks(MAX_READ) {
            self.take(Input::Bytes(id, piece));
        }
        if flow == Flow::Ended {
            self.take(Input::Eof(id));
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
                if let Some(Some(mut filter)) = self.filters.remove(id) {
                    let mut wire = Vec::new();
                    filter.close(&mut wire);
                    self.answer_wire(*id, &wire);
                }
            }
            Action::Abort(id) => {
                self.filters.remove(id);
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
        let Some(Some(filter)) = self.filters.get_mut(&id) else {
            return false;
        };
        let mut wire = Vec::new();
        for part in chunk.slices(0) {
            filter.send(part, &mut wire);
        }
        if !wire.is_empty() {
            let wire = Chunk::new(&wire);
            if let Some(conn) = self.conns.known_mut(id) {
                conn.grew(chunk.memory(), wire.memory(), &self.config.limits);
            }
            self.actions.push_back(Action::Write(id, wire));
        }
        true
    }

    /// Sends bytes of the filter itself. They wait for the client as an answer does.
    fn answer_wire(&mut self, id: ConnId, wire: &[u8]) {
        if wire.is_empty() {
            return;
        }
        let chunk = Chunk::new(wire);
        if let Some(conn) = self.conns.known_mut(id) {
            conn.queued(chunk.memory(), Whose::Own, &self.config.limits);
        }
        self.actions.push_back(Action::Write(id, chunk));
    }
}
