//! IDENTIFY: from the command through the address's line and the member store to a verdict.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem;
use core::net::{IpAddr, SocketAddr};

use super::ending::Ends;
use super::{Gateway, Step};
use crate::conn::{Identify, InLine, Stage, Turn, Who};
use crate::event::{Action, ConnId, Ticket};
use crate::member::{Answer, Denial, Login, Query, Secret};
use crate::note::{CloseReason, Note};
use crate::reply;
use crate::throttle::{Source, Turnstile};
use crate::time::Millis;

/// A question that the member store has not answered yet. It outlives its connection, since a
/// failure counts even when whoever caused it did not wait to see it.
#[derive(Debug)]
pub(super) struct Lookup {
    conn: ConnId,
    peer: SocketAddr,
    /// Whom to count a failure against; nobody for an exempt address.
    source: Option<Source>,
    /// The name that was tried.
    id: Arc<str>,
    pub(super) submitted: Millis,
}

impl Gateway {
    pub(super) fn identify(&mut self, id: ConnId, name: &str, password: &str) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let address = conn.peer().ip();
        let Some(chat) = conn.chat() else { return };
        if let Who::Member(_) = chat.who {
            return self.say(id, &reply::error("Already identified."));
        }
        let (login, password) = (Login::parse(name), Secret::new(password));
        let identify = Identify {
            id: Arc::from(name),
            login,
            password,
        };
        match self.source(address) {
            Some(source) => self.queue_up(id, source, identify),
            None => self.look_up(id, None, identify, self.now.mono),
        }
    }

    fn queue_up(&mut self, id: ConnId, source: Source, identify: Identify) {
        let now = self.now.mono;
        if let Some(chat) = self.conns.get_mut(id).and_then(|conn| conn.chat()) {
            let name = Arc::clone(&identify.id);
            let in_line = InLine {
                identify,
                source,
                until: None,
            };
            chat.wait(Turn::Throttled(Box::new(in_line)), now);
            self.throttle.queue(source, id, name, now);
            self.pump(source);
        }
    }

    /// The store's answer, or that there will be none.
    pub(super) fn answer(&mut self, ticket: Ticket, answer: Answer) {
        let Some(lookup) = self.lookups.remove(&ticket) else {
            return;
        };
        let Lookup {
            conn: id,
            peer,
            source,
            ..
        } = lookup;
        let answer = self.as_of_now(ticket, answer);
        if let Some(source) = source {
            let (name, now, settings) = (&lookup.id, self.now.mono, &self.config.limits.throttle);
            match &answer {
                Answer::Denied(_) => self.throttle.fail(source, name, now, settings),
                Answer::Member(_) => self.throttle.welcome(source, name, settings),
                Answer::Unavailable(_) => {}
            }
            self.throttle.done(source);
        }
        let waiting = self.is_waiting_for(id, ticket);
        match answer {
            Answer::Member(member) => {
                if waiting {
                    self.ready(id);
                    self.claim(id, lookup.id, member);
                }
            }
            Answer::Denied(why) => {
                self.counters.failed_logins += 1;
                self.note(Note::LoginFailed {
                    peer,
                    id: lookup.id,
                    why,
                });
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
                self.note(Note::LoginUnavailable {
                    peer,
                    id: lookup.id,
                    why,
                });
                if waiting {
                    self.ready(id);
                    self.say(id, &reply::error("Please try again later."));
                }
            }
        }
        if waiting {
            self.advance(id, &[]);
        }
        if let Some(source) = source {
            self.pump(source);
        }
    }

    /// An answer from before its member was disabled, renamed or removed lets nobody in.
    fn as_of_now(&mut self, ticket: Ticket, answer: Answer) -> Answer {
        let outdated = match &answer {
            Answer::Member(member) => {
                let first_after = self.changed.get(&member.id);
                first_after.is_some_and(|first| ticket < *first)
            }
            Answer::Denied(_) | Answer::Unavailable(_) => false,
        };
        if self.lookups.is_empty() {
            self.changed.clear();
        }
        if outdated {
            Answer::Denied(Denial::Changed)
        } else {
            answer
        }
    }

    /// Sends the refusal that was held back until now.
    pub(super) fn refuse_login(&mut self, id: ConnId) -> Step {
        self.ready(id);
        self.say(id, &reply::error("Identification failed."));
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

    /// Lets whoever is next of an address go, or know when.
    pub(super) fn pump(&mut self, source: Source) {
        loop {
            match self
                .throttle
                .turnstile(source, self.now.mono, &self.config.limits.throttle)
            {
                Turnstile::Go(id) => {
                    let chat = self.conns.get_mut(id).and_then(|conn| conn.chat());
                    let Some(chat) = chat else { continue };
                    let since = chat.waiting_since;
                    if let Turn::Throttled(in_line) = mem::replace(&mut chat.turn, Turn::Ready) {
                        self.look_up(id, Some(source), in_line.identify, since);
                    }
                }
                Turnstile::Wait(id, at) => {
                    let chat = self.conns.get_mut(id).and_then(|conn| conn.chat());
                    if let Some(Turn::Throttled(in_line)) = chat.map(|chat| &mut chat.turn) {
                        in_line.until = Some(at);
                    }
                    return self.arm(id);
                }
                Turnstile::Shut => return,
            }
        }
    }

    /// Whom to hold failures from an address against.
    pub(super) fn source(&self, address: IpAddr) -> Option<Source> {
        self.is_limited(address).then(|| Source::new(address))
    }

    /// Asks the member store for a connection that has waited for this since `since`.
    fn look_up(&mut self, id: ConnId, source: Option<Source>, identify: Identify, since: Millis) {
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
            source,
            id: identify.id,
            submitted,
        };
        self.lookups.insert(ticket, lookup);
        let (login, password) = (identify.login, identify.password);
        let query = Query::Identify { login, password };
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
