//! What failed identifications cost an address, and what they cost a name.
//!
//! Guessing passwords from one address gets slower with every failure, and is done one guess at a
//! time however many connections guess. Guessing in one name from many addresses is as slow for each
//! address from the start: what others have failed in that name stands for what it has failed itself.
//!
//! Nobody can lock a member out. An address from which the name has logged in before does not mind
//! what others do; any other waits a few seconds, however often others fail, and never for them.
//!
//! All tables are bounded: those of failures and of good logins by forgetting the oldest, the gates of
//! addresses with an IDENTIFY under way by the number of connections.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use core::mem;
use core::net::{IpAddr, Ipv6Addr};

use sha1::{Digest, Sha1};

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
    failures: Recent<Source, Failures>,
    /// The failures in each name, from wherever.
    names: Recent<Name, Failures>,
    known: Known,
    gates: BTreeMap<Source, Gate>,
}

/// As a client has typed it: a member's number or nick. The two are not known to be one member, and
/// nor is it known whether there is such a member: all names are held to the same.
type Name = Arc<str>;

/// A table that knows how old each entry is.
#[derive(Debug)]
struct Recent<K, V> {
    entries: BTreeMap<K, (Millis, V)>,
    /// The same keys by when they were put there.
    oldest: BTreeSet<(Millis, K)>,
}

/// The last failures of one address, oldest first.
#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    times: [Millis; REMEMBERED],
    len: usize,
}

/// From where names have logged in, as some bits of a hash of both: every member who is online has an
/// entry. Where one passes for another, nobody is harmed: somebody does not wait for others' failures.
/// Two sets instead of a list by age: all that is in the older one goes at once.
#[derive(Debug, Default)]
struct Known {
    young: BTreeSet<u32>,
    old: BTreeSet<u32>,
}

/// Identifications of one address.
#[derive(Debug, Default)]
struct Gate {
    running: usize,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    conn: ConnId,
    name: Name,
    since: Millis,
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
    /// Puts a connection that tries a name at the end of its address's line.
    pub(crate) fn queue(&mut self, source: Source, conn: ConnId, name: Name, now: Millis) {
        let waiting = Waiting {
            conn,
            name,
            since: now,
        };
        let gate = self.gates.entry(source).or_default();
        gate.waiting.push_back(waiting);
    }

    /// Looks at the first in line.
    pub(crate) fn turnstile(
        &mut self,
        source: Source,
        now: Millis,
        settings: &Settings,
    ) -> Turnstile {
        let Some(gate) = self.gates.get(&source) else {
            return Turnstile::Shut;
        };
        let Some(first) = gate.waiting.front() else {
            if gate.running == 0 {
                self.gates.remove(&source);
            }
            return Turnstile::Shut;
        };
        let conn = first.conn;
        match self.wait(source, first, now, settings) {
            Some(_) if gate.running > 0 => Turnstile::Shut,
            Some(until) if now < until => Turnstile::Wait(conn, until),
            Some(_) | None => {
                if let Some(gate) = self.gates.get_mut(&source) {
                    gate.waiting.pop_front();
                    gate.running += 1;
                }
                Turnstile::Go(conn)
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
            gate.waiting.retain(|waiting| waiting.conn != conn);
        }
    }

    /// Counts a failure, against the address and against the name.
    pub(crate) fn fail(&mut self, source: Source, name: &Name, now: Millis, settings: &Settings) {
        let mut failures = self.failures.take(&source).unwrap_or_default();
        failures.push(now);
        self.failures.forget(now, settings.window);
        self.failures.put(source, failures, now, settings.addresses);

        if name.len() > LONGEST_NAME {
            return;
        }
        let mut failures = self.names.take(name).unwrap_or_default();
        failures.push(now);
        self.names.forget(now, settings.window);
        self.names.put(name.clone(), failures, now, settings.names);
    }

    /// A member has come in by this name, from this address.
    pub(crate) fn welcome(&mut self, source: Source, name: &str, settings: &Settings) {
        self.known.add(name, source, settings.names / 2);
    }

    /// Whether no identification runs or waits.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn is_idle(&self) -> bool {
        self.gates.is_empty()
    }

    /// When the first in line may try; `None` while neither its address nor its name has failed often
    /// enough to wait.
    fn wait(
        &self,
        source: Source,
        first: &Waiting,
        now: Millis,
        settings: &Settings,
    ) -> Option<Millis> {
        let over = |failures: &Failures, after: u8| {
            let recent = failures.since(now, settings.window);
            recent.checked_sub(usize::from(after.max(1)))
        };
        let address = self.failures.get(&source).and_then(|failures| {
            let over = over(failures, settings.after)?;
            let doubled = settings.first.0.saturating_mul(1 << over);
            Some(failures.last() + Millis(doubled.min(settings.longest.0)))
        });
        let name = self.names.get(&first.name).and_then(|failures| {
            over(failures, settings.name_after)?;
            let is_known = self.known.has(&first.name, source);
            // From when it came, not from the last failure: others fail at any time.
            (!is_known).then_some(first.since + settings.name_wait)
        });
        // The later one; none is earlier than any.
        address.max(name)
    }
}

impl<K: Ord + Clone, V> Recent<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    fn take(&mut self, key: &K) -> Option<V> {
        let (key, (at, value)) = self.entries.remove_entry(key)?;
        self.oldest.remove(&(at, key));
        Some(value)
    }

    /// Puts an entry there, and lets the oldest go where there would be more than `most`.
    fn put(&mut self, key: K, value: V, now: Millis, most: usize) {
        self.take(&key);
        while self.entries.len() >= most.max(1) {
            self.forget_oldest();
        }
        self.entries.insert(key.clone(), (now, value));
        self.oldest.insert((now, key));
    }

    /// Lets go of what was put there a `window` ago.
    fn forget(&mut self, now: Millis, window: Millis) {
        while self
            .oldest
            .first()
            .is_some_and(|(at, _)| *at + window <= now)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.oldest.pop_first() {
            self.entries.remove(&key);
        }
    }
}

impl Known {
    /// Adds a pair, to a set of so many at the most.
    fn add(&mut self, name: &str, source: Source, most: usize) {
        let mark = mark(name, source);
        if self.young.contains(&mark) {
            return;
        }
        if self.young.len() >= most.max(1) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(mark);
    }

    fn has(&self, name: &str, source: Source) -> bool {
        let mark = mark(name, source);
        self.young.contains(&mark) || self.old.contains(&mark)
    }
}

/// SHA-1 is here for WebSockets anyway, and members cannot choose their nicks by what it makes of them as
/// they could with a plain checksum.
fn mark(name: &str, Source(address): Source) -> u32 {
    let hash = Sha1::new().chain_update(name);
    let hash = match address {
        IpAddr::V4(four) => hash.chain_update(four.octets()),
        IpAddr::V6(six) => hash.chain_update(six.octets()),
    };
    let [a, b, c, d, ..]: [u8; 20] = hash.finalize().into();
    u32::from_le_bytes([a, b, c, d])
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            oldest: BTreeSet::new(),
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

/// Enough for the default wait to double from 1 s at the third failure to 16 s at the seventh, and for
/// a name that is tried from many addresses.
const REMEMBERED: usize = 8;

/// Bytes of a name that is counted: 32 characters of four. A member whom a store gives a longer one is
/// not guarded by it; those who make up names cannot make the table large by it.
const LONGEST_NAME: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new(text.parse().unwrap())
    }

    fn conn(n: u32) -> ConnId {
        ConnId::new(n, 0)
    }

    fn name(text: &str) -> Name {
        Arc::from(text)
    }

    /// When the next one may try who comes now.
    fn wait(throttle: &Throttle, source: Source, who: &str, now: Millis) -> Option<Millis> {
        let first = Waiting {
            conn: conn(0),
            name: name(who),
            since: now,
        };
        throttle.wait(source, &first, now, &Settings::default())
    }

    #[test]
    fn waits_double() {
        let (mut throttle, settings) = (Throttle::default(), Settings::default());
        let a = source("192.0.2.1");
        let mut now = Millis(0);
        for expected in [
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
            throttle.fail(a, &name("1"), now, &settings);
            assert_eq!(
                wait(&throttle, a, "2", now),
                expected.map(|s| now + Millis::from_secs(s))
            );
            now = now + Millis(100);
        }
        assert_eq!(wait(&throttle, source("192.0.2.2"), "2", now), None);
        // Ten minutes after a failure it counts no more.
        assert!(wait(&throttle, a, "2", Millis(600_599)).is_some());
        assert_eq!(wait(&throttle, a, "2", Millis(600_600)), None);
        // Then the address is forgotten, as soon as another one fails.
        throttle.fail(source("192.0.2.2"), &name("1"), Millis(600_800), &settings);
        assert_eq!(throttle.failures.entries.len(), 1);
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
                throttle.fail(a, &name("1"), Millis(*nth), &settings);
                let first = Waiting {
                    conn: conn(0),
                    name: name("2"),
                    since: Millis(*nth),
                };
                throttle.wait(a, &first, Millis(*nth), &settings).is_some()
            };
            assert_eq!((1..=20).find(waits), waits_from, "after {after}");
        }
    }

    #[test]
    fn one_at_a_time_once_guilty() {
        let (mut throttle, settings) = (Throttle::default(), Settings::default());
        let a = source("192.0.2.1");
        for n in 0..3 {
            throttle.queue(a, conn(n), name("2"), Millis(0));
            assert_eq!(
                throttle.turnstile(a, Millis(0), &settings),
                Turnstile::Go(conn(n))
            );
        }
        for n in 3..6 {
            throttle.queue(a, conn(n), name("2"), Millis(0));
        }
        for _ in 0..3 {
            throttle.fail(a, &name("1"), Millis(10), &settings);
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
                &name("1"),
                Millis(u64::from(n)),
                &settings,
            );
            throttle.fail(
                source("192.0.2.0"),
                &name("1"),
                Millis(u64::from(n)),
                &settings,
            );
            assert!(
                throttle.failures.entries.len() <= 3
                    && throttle.failures.oldest.len() == throttle.failures.entries.len()
            );
        }
        let left: alloc::vec::Vec<_> = throttle.failures.entries.keys().copied().collect();
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
            throttle.fail(source("192.0.2.1"), &name("1"), Millis(10), &settings);
            let left: alloc::vec::Vec<_> = throttle.failures.entries.keys().copied().collect();
            assert_eq!(
                left,
                [source("192.0.2.1")],
                "whoever failed last, of {addresses}"
            );
        }
    }

    /// Each from an address of its own.
    fn botnet(throttle: &mut Throttle, who: &str, failures: u8, now: Millis) {
        for n in 0..failures {
            let from = Source::new(IpAddr::from([198, 51, 100, n]));
            throttle.fail(from, &name(who), now, &Settings::default());
        }
    }

    #[test]
    fn guesses_from_many_addresses_are_slow_from_the_start() {
        let (mut throttle, now) = (Throttle::default(), Millis(1000));
        let fresh = source("192.0.2.1");
        for (failures, wait_for) in [
            (0, None),
            (7, None),
            (8, Some(4)),
            // It is no more, whatever others do.
            (9, Some(4)),
            (250, Some(4)),
        ] {
            let mut throttle = Throttle::default();
            botnet(&mut throttle, "1", failures, now);
            let expected = wait_for.map(|s| now + Millis::from_secs(s));
            assert_eq!(wait(&throttle, fresh, "1", now), expected, "{failures}");
            // Nobody else waits for it, be it the same member by another name.
            assert_eq!(wait(&throttle, fresh, "alice", now), None);
        }
        botnet(&mut throttle, "1", 250, now);
        let later = now + Settings::default().window;
        assert_eq!(wait(&throttle, fresh, "1", later), None);
    }

    /// Others' failures since then do not make the wait longer.
    #[test]
    fn nobody_is_locked_out() {
        let (mut throttle, settings) = (Throttle::default(), Settings::default());
        let a = source("192.0.2.1");
        botnet(&mut throttle, "1", 8, Millis(0));
        throttle.queue(a, conn(1), name("1"), Millis(0));
        let mut now = Millis(0);
        let went = loop {
            match throttle.turnstile(a, now, &settings) {
                Turnstile::Go(_) => break now,
                Turnstile::Wait(_, until) => now = until,
                Turnstile::Shut => panic!("it is the only one"),
            }
            botnet(&mut throttle, "1", 100, now);
        };
        assert_eq!(went, settings.name_wait);
    }

    #[test]
    fn who_has_logged_in_from_there_does_not_wait() {
        let (mut throttle, settings) = (Throttle::default(), Settings::default());
        let home = source("2001:db8:1:2::1");
        throttle.welcome(home, "1", &settings);
        botnet(&mut throttle, "1", 100, Millis(10));
        botnet(&mut throttle, "2", 100, Millis(10));
        assert_eq!(wait(&throttle, home, "1", Millis(10)), None);
        assert!(wait(&throttle, home, "2", Millis(10)).is_some());
        assert!(wait(&throttle, source("2001:db8:1:3::1"), "1", Millis(10)).is_some());
        // What the address itself has failed counts as ever.
        for _ in 0..3 {
            throttle.fail(home, &name("1"), Millis(20), &settings);
        }
        assert_eq!(wait(&throttle, home, "1", Millis(20)), Some(Millis(1020)));
    }

    /// One at a time, as for an address that has failed.
    #[test]
    fn many_connections_do_not_help() {
        let (mut throttle, settings) = (Throttle::default(), Settings::default());
        let a = source("192.0.2.1");
        botnet(&mut throttle, "1", 100, Millis(0));
        for n in 0..3 {
            throttle.queue(a, conn(n), name("1"), Millis(0));
        }
        let mut at = |now| throttle.turnstile(a, Millis(now), &settings);
        assert_eq!(at(3999), Turnstile::Wait(conn(0), Millis(4000)));
        assert_eq!(at(4000), Turnstile::Go(conn(0)));
        assert_eq!(at(4000), Turnstile::Shut);
        assert_eq!(at(90_000), Turnstile::Shut);
        throttle.done(a);
        let next = throttle.turnstile(a, Millis(90_000), &settings);
        assert_eq!(next, Turnstile::Go(conn(1)));
    }

    #[test]
    fn names_are_bounded() {
        let settings = Settings {
            names: 3,
            ..Settings::default()
        };
        let mut throttle = Throttle::default();
        let a = source("192.0.2.1");
        for n in 0..100_u64 {
            let who = name(&alloc::format!("m{n}"));
            throttle.fail(a, &who, Millis(n), &settings);
            throttle.fail(a, &name("1"), Millis(n), &settings);
            throttle.welcome(a, &who, &settings);
            throttle.welcome(a, "1", &settings);
        }
        assert_eq!(throttle.names.entries.len(), 3);
        assert_eq!(throttle.names.oldest.len(), 3);
        assert_eq!(
            [throttle.known.young.len(), throttle.known.old.len()],
            [1, 1]
        );
        assert_eq!(throttle.names.get(&name("1")).unwrap().len, 8);
        assert!(throttle.known.has("1", a) && throttle.known.has("m99", a));
        assert!(!throttle.known.has("m98", a) && !throttle.known.has("1", source("192.0.2.2")));
        let long = name(&"x".repeat(LONGEST_NAME + 1));
        throttle.fail(a, &long, Millis(100), &settings);
        assert!(throttle.names.get(&long).is_none());
    }

    #[test]
    fn an_ipv6_address_stands_for_its_64() {
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
    }
}
