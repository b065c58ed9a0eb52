//! What failed identifications cost an address.
//!
//! Guessing passwords from one address gets slower with every failure, and is done one guess at a
//! time however many connections guess. Two tables: the failures of each address, bounded by
//! forgetting the oldest, and the gates of addresses with an IDENTIFY under way, bounded by the
//! number of connections.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use core::net::{IpAddr, Ipv6Addr};

use crate::config::Throttle as Settings;
use crate::event::ConnId;
use crate::time::Millis;

/// An address as far as guilt goes: an IPv6 subscriber has a whole /64 to guess from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source(IpAddr);

impl Source {
    pub(crate) fn new(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self(address),
            IpAddr::V6(v6) => Self(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64))),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Throttle {
    failures: BTreeMap<Source, Failures>,
    /// The same addresses by their last failure.
    oldest: BTreeSet<(Millis, Source)>,
    gates: BTreeMap<Source, Gate>,
}

/// The last failures of one address, oldest first.
#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    times: [Millis; REMEMBERED],
    len: usize,
}

/// Identifications of one address.
#[derive(Debug, Default)]
struct Gate {
    running: usize,
    waiting: VecDeque<ConnId>,
}

/// What the first in line has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turnstile {
    /// Go: it was taken out of the line.
    Go(ConnId),
    /// Wait until then.
    Wait(ConnId, Millis),
    /// Nobody can go, or nobody waits.
    Shut,
}

impl Throttle {
    /// Puts a connection at the end of its address's line.
    pub(crate) fn queue(&mut self, source: Source, conn: ConnId) {
        self.gates
            .entry(source)
            .or_default()
            .waiting
            .push_back(conn);
    }

    /// Looks at the first in line.
    pub(crate) fn turnstile(
        &mut self,
        source: Source,
        now: Millis,
        settings: &Settings,
    ) -> Turnstile {
        let wait = self.wait(source, now, settings);
        let Some(gate) = self.gates.get_mut(&source) else {
            return Turnstile::Shut;
        };
        let Some(&first) = gate.waiting.front() else {
            if gate.running == 0 {
                self.gates.remove(&source);
            }
            return Turnstile::Shut;
        };
        match wait {
            Some(_) if gate.running > 0 => Turnstile::Shut,
            Some(until) if now < until => Turnstile::Wait(first, until),
            Some(_) | None => {
                gate.waiting.pop_front();
                gate.running += 1;
                Turnstile::Go(first)
            }
        }
    }

    /// An identification that went has its verdict, or never will.
    pub(crate) fn done(&mut self, source: Source) {
        if let Some(gate) = self.gates.get_mut(&source) {
            gate.running = gate.running.saturating_sub(1);
        }
    }

    /// A connection in line is gone.
    pub(crate) fn leave(&mut self, source: Source, conn: ConnId) {
        if let Some(gate) = self.gates.get_mut(&source) {
            gate.waiting.retain(|waiting| *waiting != conn);
        }
    }

    /// Counts a failure.
    pub(crate) fn fail(&mut self, source: Source, now: Millis, settings: &Settings) {
        let mut failures = self.forget(source).unwrap_or_default();
        failures.push(now);
        while self.oldest.first().is_some_and(|(last, _)| {
            *last + settings.window <= now || self.failures.len() >= settings.addresses
        }) {
            self.forget_oldest();
        }
        self.failures.insert(source, failures);
        self.oldest.insert((now, source));
    }

    /// Whether no identification runs or waits.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn is_idle(&self) -> bool {
        self.gates.is_empty()
    }

    /// When the address may try again; `None` while it has not failed often enough to wait.
    fn wait(&self, source: Source, now: Millis, settings: &Settings) -> Option<Millis> {
        let failures = self.failures.get(&source)?;
        let recent = failures.since(now, settings.window);
        let over = recent.checked_sub(usize::from(settings.after.max(1)))?;
        let doubled = settings.first.0.saturating_mul(1 << over);
        Some(failures.last() + Millis(doubled.min(settings.longest.0)))
    }

    fn forget(&mut self, source: Source) -> Option<Failures> {
        let failures = self.failures.remove(&source)?;
        self.oldest.remove(&(failures.last(), source));
        Some(failures)
    }

    fn forget_oldest(&mut self) {
        if let Some((_, source)) = self.oldest.pop_first() {
            self.failures.remove(&source);
        }
    }
}

impl Failures {
    fn push(&mut self, now: Millis) {
        if self.len == REMEMBERED {
            self.times.rotate_left(1);
            self.len -= 1;
        }
        self.times[self.len] = now;
        self.len += 1;
    }

    fn last(&self) -> Millis {
        self.times[self.len.saturating_sub(1)]
    }

    /// How many of them are held against the address.
    fn since(&self, now: Millis, window: Millis) -> usize {
        self.times[..self.len]
            .iter()
            .filter(|time| now < **time + window)
            .count()
    }
}

/// Enough for the default wait to double from 1 s at the third failure to 16 s at the seventh.
const REMEMBERED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new(text.parse().unwrap())
    }

    fn conn(n: u32) -> ConnId {
        ConnId::new(n, 0)
    }

    #[test]
    fn waits_double() {
        let (mut throttle, settings) = (Throttle::default(), Settings::default());
        let a = source("192.0.2.1");
        let mut now = Millis(0);
        for wait in [
            None,
            None,
            Some(1),
            Some(2),
            Some(4),
            Some(8),
            Some(16),
            Some(16),
            Some(16),
        ] {
            throttle.fail(a, now, &settings);
            assert_eq!(
                throttle.wait(a, now, &settings),
                wait.map(|s| now + Millis::from_secs(s))
            );
            now = now + Millis(100);
        }
        assert_eq!(throttle.wait(source("192.0.2.2"), now, &settings), None);
        // Ten minutes after a failure it counts no more.
        assert!(throttle.wait(a, Millis(600_599), &settings).is_some());
        assert_eq!(throttle.wait(a, Millis(600_600), &settings), None);
        // Then the address is forgotten, as soon as another one fails.
        throttle.fail(source("192.0.2.2"), Millis(600_800), &settings);
        assert_eq!(throttle.failures.len(), 1);
    }

    #[test]
    fn eight_failures_are_remembered() {
        let a = source("192.0.2.1");
        for (after, waits_from) in [(8, Some(8)), (9, None)] {
            let settings = Settings {
                after,
                ..Settings::default()
            };
            let mut throttle = Throttle::default();
            let waits = |nth: &u64| {
                throttle.fail(a, Millis(*nth), &settings);
                throttle.wait(a, Millis(*nth), &settings).is_some()
            };
            assert_eq!((1..=20).find(waits), waits_from, "after {after}");
        }
    }

    #[test]
    fn one_at_a_time_once_guilty() {
        let (mut throttle, settings) = (Throttle::default(), Settings::default());
        let a = source("192.0.2.1");
        for n in 0..3 {
            throttle.queue(a, conn(n));
            assert_eq!(
                throttle.turnstile(a, Millis(0), &settings),
                Turnstile::Go(conn(n))
            );
        }
        for n in 3..6 {
            throttle.queue(a, conn(n));
        }
        for _ in 0..3 {
            throttle.fail(a, Millis(10), &settings);
        }
        throttle.done(a);
        assert_eq!(
            throttle.turnstile(a, Millis(5000), &settings),
            Turnstile::Shut,
            "two still run"
        );
        throttle.done(a);
        throttle.done(a);
        throttle.leave(a, conn(3));
        assert_eq!(
            throttle.turnstile(a, Millis(20), &settings),
            Turnstile::Wait(conn(4), Millis(1010))
        );
        assert_eq!(
            throttle.turnstile(a, Millis(1010), &settings),
            Turnstile::Go(conn(4))
        );
        assert_eq!(
            throttle.turnstile(a, Millis(1010), &settings),
            Turnstile::Shut
        );
        throttle.done(a);
        assert_eq!(
            throttle.turnstile(a, Millis(1010), &settings),
            Turnstile::Go(conn(5))
        );
        throttle.done(a);
        assert_eq!(
            throttle.turnstile(a, Millis(1010), &settings),
            Turnstile::Shut
        );
        assert!(throttle.gates.is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_goes_first() {
        let settings = Settings {
            addresses: 3,
            ..Settings::default()
        };
        let mut throttle = Throttle::default();
        for n in 0..10_u8 {
            throttle.fail(
                Source::new(IpAddr::from([192, 0, 2, n])),
                Millis(u64::from(n)),
                &settings,
            );
            throttle.fail(source("192.0.2.0"), Millis(u64::from(n)), &settings);
            assert!(
                throttle.failures.len() <= 3 && throttle.oldest.len() == throttle.failures.len()
            );
        }
        let left: alloc::vec::Vec<_> = throttle.failures.keys().copied().collect();
        assert_eq!(
            left,
            [
                source("192.0.2.0"),
                source("192.0.2.8"),
                source("192.0.2.9")
            ]
        );
        for addresses in [0, 1] {
            let settings = Settings {
                addresses,
                ..Settings::default()
            };
            throttle.fail(source("192.0.2.1"), Millis(10), &settings);
            let left: alloc::vec::Vec<_> = throttle.failures.keys().copied().collect();
            assert_eq!(
                left,
                [source("192.0.2.1")],
                "whoever failed last, of {addresses}"
            );
        }
    }

    #[test]
    fn an_ipv6_address_stands_for_its_64() {
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
    }
}
