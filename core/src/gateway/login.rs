//! IDENTIFY: from the command through the address's line and the member store to a verdict.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem;
use core::net::{IpAddr, SocketAddr};

use super::ending::Ends;
use super::{Gateway, Step};
use crate::config::OnDuplicate;
use crate::conn::{Identify, Stage, Turn, Who};
use crate::event::{Action, ConnId, Ticket};
use crate::hub::Seat;
use crate::member::{Answer, Login, Member, Query, Secret};
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
    asked: Millis,
    pub(super) submitted: Millis,
}

impl Gateway {
    pub(super) fn identify(&mut self, id: ConnId, name: &str, password: &str) {
        let now = self.now.mono;
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let address = conn.peer().ip();
        let Some(chat) = conn.chat() else { return };
        if let Who::Member(_) = chat.who {
            return self.say(id, reply::error("Already identified."));
        }
        let (login, password) = (Login::parse(name), Secret::new(password));
        let identify = Box::new(Identify {
            id: Arc::from(name),
            login,
            password,
            asked: now,
        });
        chat.wait(
            Turn::Throttled {
                identify,
                until: None,
            },
            now,
        );
        match self.source(address) {
            Some(source) => {
                self.throttle.queue(source, id);
                self.pump(source);
            }
            None => self.look_up(id, None),
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
        if let Some(source) = source {
            if answer == Answer::Denied {
                self.throttle
                    .fail(source, self.now.mono, &self.config.limits.throttle);
            }
            self.throttle.done(source);
        }
        let waiting = self.is_waiting_for(id, ticket);
        match answer {
            Answer::Member(member) => {
                if waiting {
                    self.ready(id);
                    self.claim(id, member);
                }
            }
            Answer::Denied => {
                self.counters.failed_logins += 1;
                self.note(Note::LoginFailed {
                    peer,
                    id: lookup.id,
                });
                let until = lookup.asked + self.config.limits.failure_delay;
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
                    self.say(id, reply::error("Please try again later."));
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

    /// Sends the refusal that was held back until now.
    pub(super) fn refuse_login(&mut self, id: ConnId) -> Step {
        self.ready(id);
        self.say(id, reply::error("Identification failed."));
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
                Turnstile::Go(id) => self.look_up(id, Some(source)),
                Turnstile::Wait(id, at) => {
                    let chat = self.conns.get_mut(id).and_then(|conn| conn.chat());
                    if let Some(Turn::Throttled { until, .. }) = chat.map(|chat| &mut chat.turn) {
                        *until = Some(at);
                    }
                    return self.arm(id);
                }
                Turnstile::Shut => return,
            }
        }
    }

    /// The same for the address of a connection.
    pub(super) fn pump_for(&mut self, id: ConnId) {
        let address = self.conns.get(id).map(|conn| conn.peer().ip());
        if let Some(source) = address.and_then(|address| self.source(address)) {
            self.pump(source);
        }
    }

    /// Whom to hold failures from an address against.
    pub(super) fn source(&self, address: IpAddr) -> Option<Source> {
        self.is_limited(address).then(|| Source::new(address))
    }

    fn look_up(&mut self, id: ConnId, source: Option<Source>) {
        let ticket = Ticket(self.next_ticket);
        let submitted = self.now.mono;
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let peer = conn.peer();
        let Some(chat) = conn.chat() else { return };
        let Turn::Throttled { identify, .. } = mem::replace(&mut chat.turn, Turn::Lookup(ticket))
        else {
            return;
        };
        let Identify {
            id: name,
            login,
            password,
            asked,
        } = *identify;
        self.next_ticket += 1;
        self.lookups.insert(
            ticket,
            Lookup {
                conn: id,
                peer,
                source,
                id: name,
                asked,
                submitted,
            },
        );
        self.actions
            .push_back(Action::Lookup(ticket, Query::Identify { login, password }));
    }

    fn is_waiting_for(&self, id: ConnId, ticket: Ticket) -> bool {
        self.conns
            .get(id)
            .and_then(|conn| conn.turn())
            .is_some_and(|turn| matches!(turn, Turn::Lookup(t) if *t == ticket))
    }

    fn ready(&mut self, id: ConnId) {
        let now = self.now.mono;
        if let Some(chat) = self.conns.get_mut(id).and_then(|conn| conn.chat()) {
            chat.ready(now);
        }
    }

    /// Becomes online, if nobody is in the way. A step of its own: it may one day need an answer
    /// from elsewhere.
    fn claim(&mut self, id: ConnId, member: Member) {
        let Some(seat) = self.hub.find(&member) else {
            return self.join(id, member);
        };
        let same = self.hub.online(seat).is_some_and(|online| {
            online.member.id == member.id && online.member.nick == member.nick
        });
        match self.config.duplicates {
            OnDuplicate::Replace if same => self.take_over(id, seat, member),
            OnDuplicate::Replace | OnDuplicate::Refuse => {
                self.say(id, reply::error("Already online."))
            }
        }
    }

    fn join(&mut self, id: ConnId, member: Member) {
        let (login, identify) = (reply::login(&member), reply::identify(&member));
        self.note_login(id, &member);
        let seat = self.hub.join(id, member);
        self.sit(id, seat);
        self.broadcast(login, id);
        self.say(id, identify);
    }

    fn take_over(&mut self, id: ConnId, seat: Seat, member: Member) {
        let identify = reply::identify(&member);
        let Some(old) = self.hub.online(seat).map(|online| online.conn) else {
            return;
        };
        self.say(old, reply::error("Replaced by a new login."));
        self.end_chat(old, CloseReason::Replaced, Ends::With(Stage::Finishing));
        self.settle(old);
        self.note_login(id, &member);
        self.hub.replace(seat, id, member);
        self.sit(id, seat);
        self.say(id, identify);
    }

    fn sit(&mut self, id: ConnId, seat: Seat) {
        if let Some(chat) = self.conns.get_mut(id).and_then(|conn| conn.chat()) {
            chat.who = Who::Member(seat);
        }
    }

    fn note_login(&mut self, id: ConnId, member: &Member) {
        let Some(peer) = self.conns.get(id).map(|conn| conn.peer()) else {
            return;
        };
        self.counters.logins += 1;
        let (clients, max) = (self.clients, self.config.limits.clients);
        self.note(Note::Login {
            peer,
            member: member.id,
            clients,
            max,
        });
    }
}
