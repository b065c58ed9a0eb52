//! IDENTIFY: from the command through the address's line and the member store to a verdict.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem;
use core::net::{IpAddr, SocketAddr};

use super::ending::Ends;
use super::{Gateway, Step};
use crate::chat::commands::identify::Identify;
use crate::chat::reply;
use crate::chat::throttle::{Entered, Flight};
use crate::config::LoginThrottle;
use crate::conn::{InLine, Stage, Turn, Who};
use crate::event::Action;
use crate::id::{ConnId, Source, Ticket};
use crate::member::{Answer, Denial, Query, Unavailable};
use crate::note::{CloseReason, What};
use crate::time::Millis;

/// A question that the member store has not answered yet. It outlives its connection: a failure counts
/// though the client has not waited for the answer.
#[derive(Debug)]
pub(super) struct Lookup {
    conn: ConnId,
    peer: SocketAddr,
    /// What it counts as; nothing where logins are not throttled.
    flight: Option<Flight>,
    /// The name that was tried.
    id: Arc<str>,
    pub(super) submitted: Millis,
}

impl Gateway {
    /// Asks the member store whether a client may log in, when the throttle lets the question pass.
    pub(super) fn log_in(&mut self, id: ConnId, identify: Identify) {
        let (now, throttle) = (self.now.mono, self.config.limits.throttle.login);
        let Some(address) = self.conns.get(id).map(|conn| conn.peer().ip()) else {
            return;
        };
        let source = self.source(id, address);
        match throttle {
            LoginThrottle::On => self.enter(id, source, identify),
            LoginThrottle::Off => self.look_up(id, source, None, identify, now),
        }
    }

    fn enter(&mut self, id: ConnId, source: Source, identify: Identify) {
        let (now, settings) = (self.now.mono, &self.config.limits.throttle);
        let entered = self
            .throttle
            .enter(id, source, &identify.login, now, settings);
        match entered {
            Entered::Passes(flight) => self.look_up(id, source, Some(flight), identify, now),
            Entered::Waits => {
                let in_line = InLine { identify, source };
                if let Some(chat) = self.conns.get_mut(id).and_then(|conn| conn.chat()) {
                    chat.wait(Turn::Throttled(Box::new(in_line)), now);
                }
                self.ask_next();
            }
        }
    }

    /// The store's answer, or that there will be none.
    pub(super) fn answer(&mut self, ticket: Ticket, answer: Answer) {
        let Some(mut lookup) = self.lookups.remove(&ticket) else {
            return;
        };
        let (answer, id, peer) = (self.as_of_now(ticket, answer), lookup.conn, lookup.peer);
        if let Some(flight) = lookup.flight.take() {
            let others = self.lookups.values_mut();
            self.throttle.land(
                flight,
                &lookup.id,
                &answer,
                others.filter_map(|other| other.flight.as_mut()),
                self.now.mono,
                &self.config.limits.throttle,
            );
        }
        self.store_failed = match answer {
            Answer::Member(_) | Answer::Denied(..) => None,
            // One that has too much to do works, and a ticket says nothing of it.
            Answer::Unavailable(
                Unavailable::Busy | Unavailable::TicketBeforeStart | Unavailable::TicketsFull,
            ) => self.store_failed,
            Answer::Unavailable(why) => Some((self.now.mono, why)),
        };
        let waiting = self.is_waiting_for(id, ticket);
        match answer {
            Answer::Member(member) => {
                if waiting {
                    self.ready(id);
                    self.claim(id, lookup.id, member);
                }
            }
            Answer::Denied(why, _) => {
                self.counters.failed_logins += 1;
                self.note_from(id, peer, What::LoginFailed { id: lookup.id, why });
                // From the question, not the command: who had to wait for it before would otherwise
                // be refused the moment the store has answered, and could time the hash.
                let until = lookup.submitted + self.config.limits.failure_delay;
                if let Some(chat) = self.conns.get_mut(id).and_then(|conn| conn.chat())
                    && waiting
                {
                    chat.turn = Turn::Refusal { until };
                }
            }
            Answer::Unavailable(why) => {
                self.counters.unavailable_logins += 1;
                self.note_from(id, peer, What::LoginUnavailable { id: lookup.id, why });
                if waiting {
                    self.ready(id);
                    self.say(id, &reply::error(reply::TRY_LATER));
                }
            }
        }
        if waiting {
            self.advance(id, &[]);
        }
        self.ask_next();
    }

    /// An answer from before its member was disabled, renamed or removed lets nobody in.
    fn as_of_now(&mut self, ticket: Ticket, answer: Answer) -> Answer {
        let outdated = match &answer {
            Answer::Member(member) => {
                let first_after = self.changed.get(&member.id);
                first_after
                    .filter(|first| ticket < **first)
                    .map(|_| member.id)
            }
            Answer::Denied(..) | Answer::Unavailable(_) => None,
        };
        if self.lookups.is_empty() {
            self.changed.clear();
        }
        match outdated {
            Some(member) => Answer::Denied(Denial::Changed, Some(member)),
            None => answer,
        }
    }

    /// Sends the refusal that was held back until now.
    pub(super) fn refuse_login(&mut self, id: ConnId) -> Step {
        self.ready(id);
        self.say(id, &reply::error(reply::IDENTIFICATION_FAILED));
        let Some(chat) = self.conns.get_mut(id).and_then(|conn| conn.chat()) else {
            return Step::Wait;
        };
        if let Who::Nobody { failures } = &mut chat.who {
            *failures = failures.saturating_add(1);
            if *failures >= self.config.limits.failures.max(1) {
                self.end_chat(id, CloseReason::FailedLogins, Ends::With(Stage::Finishing));
            }
        }
        Step::Consumed(0)
    }

    /// Asks the store for everybody who need not wait any more.
    pub(super) fn ask_next(&mut self) {
        while let Some((id, flight)) = self
            .throttle
            .next(self.now.mono, &self.config.limits.throttle)
        {
            let chat = self.conns.get_mut(id).and_then(|conn| conn.chat());
            let Some(chat) = chat else { continue };
            let since = chat.waiting_since;
            if let Turn::Throttled(in_line) = mem::replace(&mut chat.turn, Turn::Ready) {
                let InLine { identify, source } = *in_line;
                self.look_up(id, source, flight, identify, since);
            }
        }
    }

    /// Whom to hold failures of a connection against.
    fn source(&self, id: ConnId, address: IpAddr) -> Source {
        if self.is_limited(address) {
            Source::of(address)
        } else {
            Source::Connection(id)
        }
    }

    /// Asks the member store for a connection that has waited for this since `since`.
    fn look_up(
        &mut self,
        id: ConnId,
        source: Source,
        flight: Option<Flight>,
        identify: Identify,
        since: Millis,
    ) {
        let submitted = self.now.mono;
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let peer = conn.peer();
        let Some(chat) = conn.chat() else {
            return;
        };
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        chat.wait(Turn::Lookup(ticket), since);
        let lookup = Lookup {
            conn: id,
            peer,
            flight,
            id: identify.id,
            submitted,
        };
        self.lookups.insert(ticket, lookup);
        let query = Query::Identify {
            login: identify.login,
            password: identify.password,
            source,
        };
        self.actions.push_back(Action::Lookup(ticket, query));
    }

    fn is_waiting_for(&self, id: ConnId, ticket: Ticket) -> bool {
        self.conns
            .get(id)
            .and_then(|conn| conn.turn())
            .is_some_and(|turn| matches!(turn, Turn::Lookup(t) if *t == ticket))
    }

    pub(super) fn ready(&mut self, id: ConnId) {
        let now = self.now.mono;
        if let Some(conn) = self.conns.get_mut(id) {
            conn.ready(now);
        }
    }
}
