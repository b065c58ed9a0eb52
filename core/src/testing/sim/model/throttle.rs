//! What failed identifications cost an address and a name: lists of times, and who waits.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::string::String;
use std::vec::Vec;

use super::side::Turn;
use super::{Input, Model, Side};
use crate::config::Throttle;
use crate::event::ConnId;
use crate::testing::sim::ask::Ask;
use crate::time::Millis;

#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    addresses: BTreeMap<IpAddr, Source>,
    /// Failures in each name.
    names: BTreeMap<String, Vec<Millis>>,
    /// Who has logged in from where.
    known: BTreeSet<(String, IpAddr)>,
}

#[derive(Clone, Debug, Default)]
struct Source {
    failures: Vec<Millis>,
    running: usize,
}

/// When failures are looked at, and those count that still were held against somebody `as_of` then.
#[derive(Clone, Copy)]
struct When {
    now: Millis,
    as_of: Millis,
}

impl Sources {
    /// A question goes to the store.
    pub(super) fn went(&mut self, address: IpAddr) {
        self.source(address).running += 1;
    }

    /// A question has its answer, or is given up.
    pub(super) fn came(&mut self, address: IpAddr) {
        self.source(address).running -= 1;
    }

    pub(super) fn failed(&mut self, address: IpAddr, name: &str, now: Millis) {
        let names = self.names.entry(String::from(name)).or_default();
        remember(names, now);
        remember(&mut self.source(address).failures, now);
    }

    pub(super) fn logged_in(&mut self, address: IpAddr, name: &str) {
        let known = (String::from(name), subscriber(address));
        self.known.insert(known);
    }

    pub(super) fn len(&self) -> usize {
        self.addresses.len()
    }

    pub(super) fn names(&self) -> usize {
        self.names.len()
    }

    pub(super) fn acquainted(&self) -> usize {
        self.known.len()
    }

    fn source(&mut self, address: IpAddr) -> &mut Source {
        self.addresses.entry(subscriber(address)).or_default()
    }

    /// Whether who has waited at the head of the line `since` then may ask.
    fn is_open(
        &self,
        (address, name): (IpAddr, &str),
        since: Millis,
        when: When,
        rule: &Throttle,
    ) -> bool {
        let address = subscriber(address);
        let source = self.addresses.get(&address);
        let (mut alone, mut until) = (false, Millis(0));
        if let Some(source) = source
            && let Some(over) = over(&source.failures, rule.after, when, rule)
        {
            alone = true;
            let wait = (rule.first.0 << over).min(rule.longest.0);
            until = *source.failures.last().expect("has failed") + Millis(wait);
        }
        let known = self.known.contains(&(String::from(name), address));
        if let Some(failures) = self.names.get(name)
            && !known
            && over(failures, rule.name_after, when, rule).is_some()
        {
            alone = true;
            until = until.max(since + rule.name_wait);
        }
        let running = source.is_some_and(|source| source.running > 0);
        !alone || (!running && when.now >= until)
    }
}

fn remember(failures: &mut Vec<Millis>, now: Millis) {
    failures.push(now);
    // No more are remembered.
    if failures.len() > 8 {
        failures.remove(0);
    }
}

/// How many failures there are beyond those that cost nothing.
fn over(failures: &[Millis], after: u8, when: When, rule: &Throttle) -> Option<usize> {
    let recent = failures.iter().filter(|at| when.as_of < **at + rule.window);
    recent.count().checked_sub(usize::from(after))
}

impl Model {
    /// An IDENTIFY that could be carried out, and has not led to a question, stands in line.
    pub(super) fn queue_up(&mut self, id: ConnId) {
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        if self.is_late(id) || self.who(id).is_some() {
            return;
        }
        let side = self.side(id);
        if !side.chat || !side.limited || side.ending.is_some() || side.turn != Turn::Free {
            return;
        }
        if let Some(ask @ Ask::Identify { .. }) = side.next().cloned()
            && side.may(&ask, &limits, now)
        {
            side.take(&limits, now);
            (side.turn, side.since) = (Turn::Line(ask), now);
            self.count("in line");
        }
    }

    /// First come, first served, and no sooner than the failures before allow.
    pub(super) fn assert_next_in_line(&self, id: ConnId, name: &str) {
        let me = &self.sides[&id];
        let address = me.peer.ip();
        let rule = &self.config.limits.throttle;
        let now = self.now.mono;
        // What the timers let go went before the answer at hand.
        let before = matches!(self.cause, Input::Answer(..)).then_some(&self.sources_before);
        let mut either = before.into_iter().chain([&self.sources]);
        assert!(
            either.any(|sources| {
                let when = When { now, as_of: now };
                sources.is_open((address, name), me.since, when, rule)
            }),
            "too early for {address}, {name}"
        );
        for (other, side) in self.in_line(address) {
            assert!(side.since >= me.since, "{other:?} was first");
        }
    }

    /// Whoever is first in line is told once how long to wait: a failure that is forgotten meanwhile
    /// does not make it shorter. All behind wait for the first.
    pub(super) fn assert_nobody_waits_for_nothing(&self) {
        let rule = &self.config.limits.throttle;
        for (id, side) in &self.sides {
            if !matches!(side.turn, Turn::Line(_)) {
                continue;
            }
            let mut before = self
                .in_line(side.peer.ip())
                .filter(|(other, first)| other == id || first.since <= side.since);
            assert!(
                before.any(|(_, first)| {
                    let Turn::Line(Ask::Identify { login, .. }) = &first.turn else {
                        return false;
                    };
                    let when = When {
                        now: self.now.mono,
                        as_of: first.since,
                    };
                    let who = (first.peer.ip(), login.as_str());
                    !self.sources.is_open(who, first.since, when, rule)
                }),
                "forgotten in line: {side:?}"
            );
        }
    }

    fn in_line(&self, address: IpAddr) -> impl Iterator<Item = (ConnId, &Side)> {
        self.sides.iter().filter_map(move |(id, side)| {
            let waits = matches!(side.turn, Turn::Line(_)) && side.ending.is_none();
            let same = subscriber(side.peer.ip()) == subscriber(address);
            (waits && same).then_some((*id, side))
        })
    }
}

/// An IPv6 address stands for its /64.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}
