//! Connections behind a filter: their wire bytes on the way in and out. All else sees plain bytes.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::Gateway;
use super::ending::Ends;
use crate::chunk::{Chunk, Split};
use crate::conn::filter::{FilterEvent, Flow, TlsVersion};
use crate::conn::filtered::Filtered;
use crate::conn::{Stage, State};
use crate::event::{Action, Input, MAX_READ};
use crate::id::ConnId;
use crate::note::{CloseReason, Refusal, What};

/// What is kept of a connection that has or had a filter.
#[derive(Debug)]
pub(super) struct Behind {
    /// `None` in a replay, whose bytes are plain already.
    pub(super) filter: Option<Filtered>,
    handshake: Handshake,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handshake {
    Pending,
    /// Done, with this version, or failed.
    Done(Option<TlsVersion>),
}

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
        if filter.is_some() {
            let wire = Zeroizing::new(Vec::from(wire));
            self.unfiltered.push_back((id, wire));
        }
        let filter = filter.map(Filtered::new);
        let handshake = Handshake::Pending;
        self.filters.insert(id, Behind { filter, handshake });
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
            | Input::Filter(..)
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
        self.filters.get_mut(&id)?.filter.as_mut()
    }

    /// Takes the first bytes of the connections that got their filters during this input, which is done: what comes out
    /// of a filter is an input of its own.
    #[cold]
    pub(super) fn receive_first(&mut self) {
        while let Some((id, wire)) = self.unfiltered.pop_front() {
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
        let event = filtered.event();
        self.act_on_wire(id, back);
        if let Some(FilterEvent::Established(_)) = &event {
            self.hear_of_filter(id, event.clone());
        }
        let (first, rest) = plain.split_at(plain.len().min(MAX_READ));
        self.plain(id, first);
        for piece in rest.chunks(MAX_READ) {
            self.plain(id, piece);
        }
        match event {
            Some(FilterEvent::Broken(_)) => self.hear_of_filter(id, event),
            Some(FilterEvent::Established(_)) | None if flow == Flow::Ended => {
                self.before(&Input::Eof(id));
                self.eof(id);
                self.after_departures();
            }
            Some(FilterEvent::Established(_)) | None => {}
        }
    }

    /// Takes an event as an input of its own.
    fn hear_of_filter(&mut self, id: ConnId, event: Option<FilterEvent>) {
        let Some(event) = event else { return };
        let input = Input::Filter(id, event);
        self.before(&input);
        if let Input::Filter(_, event) = &input {
            self.filter_event(id, event);
        }
        self.after_departures();
    }

    pub(super) fn filter_event(&mut self, id: ConnId, event: &FilterEvent) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let behind = self.filters.get_mut(&id);
        let pending = behind.filter(|behind| behind.handshake == Handshake::Pending);
        match (event, &mut conn.state, pending) {
            (FilterEvent::Established(version), State::Sniffing(_, first), Some(behind)) => {
                // What the client speaks begins with its first plain byte.
                *first = None;
                behind.handshake = Handshake::Done(*version);
                self.counters.tls_established(*version);
                self.arm(id);
            }
            (FilterEvent::Established(_), ..) => {}
            (FilterEvent::Broken(why), State::Sniffing(..), Some(behind)) => {
                behind.handshake = Handshake::Done(None);
                self.refuse_handshake(id, why);
                self.close(id);
                self.arm(id);
            }
            (FilterEvent::Broken(_), State::Chat(_), _) => {
                self.end_chat(id, CloseReason::Tls, Ends::With(Stage::Closing));
                self.arm(id);
            }
            (
                FilterEvent::Broken(_),
                State::Sniffing(..) | State::Http { .. } | State::Ending(_),
                _,
            ) => self.eof(id),
        }
    }

    /// Counts a handshake that the connection will not finish, if one is under way.
    pub(super) fn never_established(&mut self, id: ConnId) {
        if self.filters.is_empty() {
            return;
        }
        let conn = self.conns.known(id);
        let opens = conn.is_some_and(|conn| matches!(conn.state, State::Sniffing(..)));
        if let Some(behind) = self.filters.get_mut(&id)
            && opens
            && behind.handshake == Handshake::Pending
        {
            behind.handshake = Handshake::Done(None);
            self.refuse_handshake(id, "not finished");
        }
    }

    fn refuse_handshake(&mut self, id: ConnId, why: &str) {
        self.counters.tls_failed += 1;
        self.refuse(id, Refusal::Handshake, Some(why.as_bytes()));
    }

    /// Logs by which version of TLS a chat came.
    pub(super) fn note_version(&mut self, id: ConnId) {
        let behind = self.filters.get(&id);
        if let Some(Handshake::Done(Some(version))) = behind.map(|behind| behind.handshake) {
            self.note(id, What::Tls { version });
        }
    }

    /// The version of TLS that a connection speaks, if it does.
    pub(super) fn tls_version(&self, id: ConnId) -> Option<TlsVersion> {
        match self.filters.get(&id)?.handshake {
            Handshake::Done(version) => version,
            Handshake::Pending => None,
        }
    }

    fn plain(&mut self, id: ConnId, bytes: &[u8]) {
        self.before(&Input::Bytes(id, bytes));
        self.bytes(id, bytes);
        self.after_departures();
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
