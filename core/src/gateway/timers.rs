//! One queue of deadlines for everything that waits: connections, questions, held-back notes, a stop.

use super::{Gateway, Phase};
use crate::conn::State;
use crate::event::Action;
use crate::id::{ConnId, Ticket};
use crate::member::{Answer, Unavailable};
use crate::time::Millis;
use crate::web::counters::Limit;

/// What a deadline is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    Conn(ConnId),
    Silence(ConnId),
    Question(Ticket),
    Throttle,
    Refusals,
    Renamings,
    Drain,
    Stop,
}

impl Gateway {
    /// Queues the connection's deadline, unless an earlier one is queued: that one computes it anew when it fires,
    /// so that a message does not have to move it.
    pub(super) fn arm(&mut self, id: ConnId) {
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        let Some(due) = conn.deadline(&self.config) else {
            return;
        };
        if self.deadlines.get(id).is_none_or(|armed| due < armed) {
            self.deadlines.set(id, due);
        }
    }

    /// Fires what is due, the earliest first, and no more than `most`.
    pub(super) fn fire(&mut self, most: usize) {
        for _ in 0..most {
            match self.next_due() {
                Some((at, due)) if at <= self.now.mono => self.fire_one(due),
                Some(_) | None => return,
            }
        }
    }

    /// Begins some of the handshakes that wait.
    pub(super) fn begin_handshakes(&mut self) {
        self.handshakes.refill(self.now.mono);
        while let Some(id) = self.handshakes.next() {
            self.advance(id, &[]);
        }
    }

    /// Whether any deadline has come. Every input asks this; which one comes first is asked where there is one.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        let now = self.now.mono;
        let lookup = self.config.limits.lookup;
        self.deadlines.first().is_some_and(|(at, _)| at <= now)
            || self.silences.first().is_some_and(|(at, _)| at <= now)
            || self.throttle.deadline().is_some_and(|at| at <= now)
            || self.refusals.deadline().is_some_and(|at| at <= now)
            || self.renamings.deadline().is_some_and(|at| at <= now)
            || self.drain_ends().is_some_and(|at| at <= now)
            || matches!(self.phase, Phase::Stopping(at) if at <= now)
            || self
                .questions
                .oldest()
                .is_some_and(|(_, asked)| asked + lookup <= now)
    }

    /// The next deadline of all. Of equal ones, the first in this function.
    pub(super) fn next_due(&self) -> Option<(Millis, Due)> {
        let mut next = self.deadlines.first().map(|(at, id)| (at, Due::Conn(id)));
        let mut sooner = |at: Millis, due: Due| {
            if next.is_none_or(|(first, _)| at < first) {
                next = Some((at, due));
            }
        };
        if let Some((at, id)) = self.silences.first() {
            sooner(at, Due::Silence(id));
        }
        if let Some((ticket, asked)) = self.questions.oldest() {
            let at = asked + self.config.limits.lookup;
            sooner(at, Due::Question(ticket));
        }
        if let Some(at) = self.throttle.deadline() {
            sooner(at, Due::Throttle);
        }
        if let Some(at) = self.refusals.deadline() {
            sooner(at, Due::Refusals);
        }
        if let Some(at) = self.renamings.deadline() {
            sooner(at, Due::Renamings);
        }
        if let Some(at) = self.drain_ends() {
            sooner(at, Due::Drain);
        }
        if let Phase::Stopping(at) = self.phase {
            sooner(at, Due::Stop);
        }
        next
    }

    fn fire_one(&mut self, due: Due) {
        match due {
            Due::Conn(id) => self.fire_conn(id),
            Due::Silence(id) => self.break_silence(id),
            Due::Question(ticket) => {
                self.counters.hit(Limit::Lookup);
                self.answer(ticket, Answer::Unavailable(Unavailable::TimedOut));
            }
            Due::Throttle => {
                self.throttle.fire(self.now.mono);
                self.ask_next();
            }
            Due::Refusals => {
                let note = self.refusals.due(self.now.mono);
                if let Some(note) = note {
                    self.act(Action::Note(note));
                }
            }
            Due::Renamings => self.end_waits(),
            Due::Drain => self.look_at_drain(),
            Due::Stop => {
                self.phase = Phase::Stopped;
                // Every chat was ended when the stop began, and none has begun since.
                for id in self.conns.ids() {
                    self.abort(id);
                }
            }
        }
        self.after_departures();
    }

    fn fire_conn(&mut self, id: ConnId) {
        self.deadlines.remove(id);
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        match conn.deadline(&self.config) {
            Some(due) if due <= self.now.mono => {}
            Some(_) | None => return self.arm(id),
        }
        match conn.state {
            State::Ending(ending) => self.give_up(id, ending),
            State::Chat(_) => {
                self.look_after(id);
                self.claim_is_due(id);
                self.advance(id, &[]);
            }
            State::Sniffing(..) | State::Http { .. } => self.advance(id, &[]),
        }
    }
}

/// Timers that one [`Input::Timeout`] fires at most.
pub(super) const MAX_FIRED: usize = 512;
