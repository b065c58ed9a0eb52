//! Passwords: from IDENTIFY or PASSWD through the throttle to the member store, and what its answer counts as.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::ending::Ends;
use super::questions::Question;
use super::{Gateway, Step};
use crate::chat::attempt::Attempt;
use crate::chat::question::About;
use crate::chat::reply;
use crate::chat::throttle::{Entered, Flight};
use crate::config::LoginThrottle;
use crate::conn::{InLine, Stage, Turn, Who};
use crate::id::{ConnId, Peer, Source};
use crate::member::{Answer, Unavailable};
use crate::note::{CloseReason, What};
use crate::time::Millis;
use crate::web::counters::Limit;

impl Gateway {
    /// Asks the member store about a client's password, when the throttle lets the question pass.
    pub(super) fn attempt(&mut self, id: ConnId, attempt: Attempt) {
        let source = self.source(id);
        match self.config.limits.throttle.login {
            LoginThrottle::On => self.enter(id, source, attempt),
            LoginThrottle::Off => self.look_up(id, source, None, attempt),
        }
    }

    /// What a connection counts against where an address has a limit.
    pub(super) fn source(&self, id: ConnId) -> Source {
        match self.conns.known(id) {
            Some(conn) => conn.counted().map_or(Source::Connection(id), Source::of),
            None => Source::Connection(id),
        }
    }

    fn enter(&mut self, id: ConnId, source: Source, attempt: Attempt) {
        let (now, settings) = (self.now.mono, &self.config.limits.throttle);
        let entered = self
            .throttle
            .enter(id, source, &attempt.login(), now, settings);
        match entered {
            Entered::Passes(flight) => self.look_up(id, source, Some(flight), attempt),
            Entered::Waits => {
                let in_line = InLine { attempt, source };
                if let Some(chat) = self.conns.known_mut(id).and_then(|conn| conn.chat()) {
                    chat.wait(Turn::Throttled(Box::new(in_line)), now);
                }
                self.ask_next();
                let turn = self.conns.known(id).and_then(|conn| conn.turn());
                if matches!(turn, Some(Turn::Throttled(_))) {
                    self.counters.hit(Limit::Throttle);
                }
            }
        }
    }

    /// Counts what became of a password, for a client that has left, too.
    pub(super) fn count_login(&mut self, question: &mut Question, answer: &Answer) {
        let (id, flight) = match &mut question.about {
            About::Login { id, flight } | About::Password { id, flight } => (id, flight),
            About::Claim { .. } | About::Rename { .. } => return,
        };
        if let Some(flight) = flight.take() {
            self.throttle.land(
                flight,
                id,
                answer,
                self.questions.flights(),
                self.now.mono,
                &self.config.limits.throttle,
            );
        }
        let id = Arc::clone(id);
        self.store_failed = match answer {
            Answer::Member(_)
            | Answer::Claimed
            | Answer::Renamed(_)
            | Answer::Taken
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_)
            | Answer::Denied(..) => None,
            // A store that is busy works, and a ticket says nothing about the store.
            Answer::Unavailable(
                Unavailable::Busy | Unavailable::TicketBeforeStart | Unavailable::TicketsFull,
            ) => self.store_failed,
            Answer::Unavailable(why) => Some((self.now.mono, *why)),
        };
        self.log_verdict(question.conn, question.peer, id, answer);
    }

    /// Counts and logs a login of a client that is there.
    pub(super) fn log_failure(&mut self, id: ConnId, name: &Arc<str>, answer: &Answer) {
        if let Some(peer) = self.conns.known(id).map(|conn| conn.peer()) {
            self.log_verdict(id, peer, Arc::clone(name), answer);
        }
    }

    fn log_verdict(&mut self, conn: ConnId, peer: Peer, id: Arc<str>, answer: &Answer) {
        match *answer {
            Answer::Member(_)
            | Answer::Claimed
            | Answer::Renamed(_)
            | Answer::Taken
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_) => {}
            Answer::Denied(why, _) => {
                self.counters.failed_logins += 1;
                self.note_from(conn, peer, What::LoginFailed { id, why });
            }
            Answer::Unavailable(why) => {
                self.counters.unavailable_logins += 1;
                self.note_from(conn, peer, What::LoginUnavailable { id, why });
            }
        }
    }

    /// Holds a refusal back. The delay counts from the question, not from the command: a client that had
    /// to wait for the throttle would otherwise be refused the moment the store has answered, and could
    /// time the hash.
    pub(super) fn hold_refusal(&mut self, id: ConnId, asked: Millis) {
        let (now, until) = (self.now.mono, asked + self.config.limits.failure_delay);
        if let Some(chat) = self.conns.known_mut(id).and_then(|conn| conn.chat()) {
            chat.wait(Turn::Refusal { until }, now);
        }
    }

    /// Sends the refusal that was held back until now.
    pub(super) fn refuse_login(&mut self, id: ConnId) -> Step {
        self.ready(id);
        self.say(id, &reply::error(reply::IDENTIFICATION_FAILED));
        let Some(chat) = self.conns.known_mut(id).and_then(|conn| conn.chat()) else {
            return Step::Wait;
        };
        let failures = match &mut chat.who {
            Who::Nobody { failures, .. } => failures,
            Who::Member(_) => self.failures.entry(id).or_default(),
        };
        *failures = failures.saturating_add(1);
        if *failures >= self.config.limits.failures.max(1) {
            self.counters.hit(Limit::Failures);
            self.end_chat(id, CloseReason::FailedLogins, Ends::With(Stage::Finishing));
        }
        Step::Consumed(0)
    }

    /// Asks the store about all logins that the throttle lets pass by now.
    pub(super) fn ask_next(&mut self) {
        while let Some((id, flight)) = self
            .throttle
            .next(self.now.mono, &self.config.limits.throttle)
        {
            let conn = self.conns.known_mut(id);
            let turn = conn.map(|conn| conn.ready(self.now.mono));
            if let Some(Turn::Throttled(in_line)) = turn {
                let InLine { attempt, source } = *in_line;
                self.look_up(id, source, flight, attempt);
            }
        }
    }

    fn look_up(&mut self, id: ConnId, source: Source, flight: Option<Flight>, attempt: Attempt) {
        let (query, about) = attempt.question(source, flight);
        self.ask(id, query, about);
    }
}
