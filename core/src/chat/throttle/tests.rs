//! A throttle with an invented clock; the tests are in the modules below, by subject.

mod addresses;
mod forgetting;
mod names;

use alloc::vec::Vec;

use super::*;
use crate::member::{Denial, Member, MemberId, Unavailable};

#[derive(Clone, Copy)]
enum Outcome {
    LoggedIn,
    Failed,
    Unknown,
}

/// A throttle, a clock, and the lookups under way.
#[derive(Default)]
struct Lab {
    throttle: Throttle,
    settings: Settings,
    now: Millis,
    flights: BTreeMap<ConnId, Flight>,
    passed: Vec<ConnId>,
}

impl Lab {
    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut lab = Self::default();
        change(&mut lab.settings);
        lab
    }

    /// Sends an IDENTIFY. Says whether it passes at once.
    fn ask(&mut self, n: u32, source: Source, name: &str) -> bool {
        let login = Login::parse(name);
        let entered = self
            .throttle
            .enter(conn(n), source, &login, self.now, &self.settings);
        if let Entered::Passes(flight) = entered {
            self.flights.insert(conn(n), flight);
            self.passed.push(conn(n));
        }
        self.drain();
        self.passed.pop_if(|passed| *passed == conn(n)).is_some()
    }

    fn land(&mut self, n: u32, outcome: Outcome, typed: &str, member: Option<i64>) {
        let flight = self.flights.remove(&conn(n)).expect("is under way");
        let member = member.map(MemberId);
        let answer = match outcome {
            Outcome::LoggedIn => Answer::Member(Member {
                id: member.unwrap_or(MemberId(0)),
                nick: typed.into(),
                name: typed.into(),
            }),
            Outcome::Failed => Answer::Denied(Denial::WrongPassword, member),
            Outcome::Unknown => Answer::Unavailable(Unavailable::Failed),
        };
        self.throttle.land(
            flight,
            typed,
            &answer,
            self.flights.values_mut(),
            self.now,
            &self.settings,
        );
        self.drain();
    }

    fn fails(&mut self, n: u32, name: &str) {
        self.land(n, Outcome::Failed, name, None);
    }

    /// Asks and fails in the same moment.
    fn fail(&mut self, source: Source, name: &str) {
        assert!(self.ask(9999, source, name), "{name} does not pass");
        self.fails(9999, name);
    }

    fn log_in(&mut self, source: Source, name: &str) {
        assert!(self.ask(9999, source, name), "{name} does not pass");
        self.land(9999, Outcome::LoggedIn, name, None);
    }

    /// From as many addresses, so that none of them is slow.
    fn botnet(&mut self, name: &str, failures: u8) {
        for n in 0..failures {
            let source = Source::of([198, 51, 100, n].into());
            let flight = Flight {
                source,
                name: self.throttle.name(&Login::parse(name)),
                is_known: true,
            };
            self.flights.insert(conn(9999), flight);
            self.fails(9999, name);
        }
    }

    /// Lets time pass, timer by timer. Returns when each connection passed, and which.
    fn pass(&mut self, span: u64) -> Vec<(u64, u32)> {
        let (until, mut all) = (self.now + Millis(span), Vec::new());
        while let Some(at) = self.throttle.deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.throttle.fire(self.now);
            self.drain();
            let passed = self.passed.drain(..);
            all.extend(passed.map(|conn| (self.now.0, conn.slot() as u32)));
        }
        self.now = until;
        all
    }

    /// The connections that have passed since the last call.
    fn passed(&mut self) -> Vec<u32> {
        let passed = core::mem::take(&mut self.passed);
        passed.into_iter().map(|conn| conn.slot() as u32).collect()
    }

    fn drain(&mut self) {
        while let Some((conn, flight)) = self.throttle.next(self.now, &self.settings) {
            flight.map(|flight| self.flights.insert(conn, flight));
            self.passed.push(conn);
        }
    }
}

fn source(text: &str) -> Source {
    Source::of(text.parse().unwrap())
}

/// A connection over loopback.
fn exempt(n: u32) -> Source {
    Source::Connection(conn(n))
}

fn conn(n: u32) -> ConnId {
    ConnId::new(n, 0)
}

fn here() -> Source {
    source("192.0.2.1")
}
