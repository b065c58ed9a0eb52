//! What failed identifications cost an address: a list of times, and who waits.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::vec::Vec;

use super::side::Turn;
use super::{Input, Model, Side};
use crate::config::Throttle;
use crate::event::ConnId;
use crate::testing::sim::ask::Ask;
use crate::time::Millis;

#[derive(Clone, Debug, Default)]
pub(super) struct Sources(BTreeMap<IpAddr, Source>);

#[derive(Clone, Debug, Default)]
struct Source {
    failures: Vec<Millis>,
    running: usize,
}

impl Sources {
    /// A question goes to the store.
    pub(super) fn went(&mut self, address: IpAddr) {
        self.0.entry(subscriber(address)).or_default().running += 1;
    }

    /// A question has its answer.
    pub(super) fn came(&mut self, address: IpAddr, failed: bool, now: Millis) {
        let source = self.0.entry(subscriber(address)).or_default();
        source.running -= 1;
        if failed {
            source.failures.push(now);
            // No more are remembered.
            if source.failures.len() > 8 {
                source.failures.remove(0);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether another question may go to the store now, with the failures held against the address
    /// that still were `as_of` then.
    fn is_open(&self, address: IpAddr, now: Millis, as_of: Millis, rule: &Throttle) -> bool {
        let Some(source) = self.0.get(&subscriber(address)) else {
            return true;
        };
        let failures = source.failures.iter();
        let recent = failures.filter(|at| as_of < **at + rule.window).count();
        let Some(over) = recent.checked_sub(usize::from(rule.after)) else {
            return true;
        };
        let wait = (rule.first.0 << over).min(rule.longest.0);
        let last = source.failures.last().copied().unwrap_or_default();
        source.running == 0 && now >= last + Millis(wait)
    }
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
    pub(super) fn assert_next_in_line(&self, id: ConnId) {
        let me = &self.sides[&id];
        let address = me.peer.ip();
        let rule = &self.config.limits.throttle;
        let now = self.now.mono;
        // What the timers let go went before the answer at hand.
        let before = matches!(self.cause, Input::Answer(..)).then_some(&self.sources_before);
        let mut either = before.into_iter().chain([&self.sources]);
        assert!(
            either.any(|sources| sources.is_open(address, now, now, rule)),
            "too early for {address}"
        );
        for (other, side) in self.in_line(address) {
            assert!(side.since >= me.since, "{other:?} was first");
        }
    }

    /// Whoever is first in line is told once how long to wait: a failure that is forgotten meanwhile
    /// does not make it shorter.
    pub(super) fn assert_nobody_waits_for_nothing(&self) {
        for side in self.sides.values() {
            let address = side.peer.ip();
            let rule = &self.config.limits.throttle;
            assert!(
                !matches!(side.turn, Turn::Line(_))
                    || !self
                        .sources
                        .is_open(address, self.now.mono, side.since, rule),
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
