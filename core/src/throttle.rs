//! What failed identifications cost an address, and what they cost a name.
//!
//! Guessing passwords from one address gets slower with every failure, and is done one guess at a
//! time however many connections guess. A name that is guessed in from many addresses makes each of
//! them wait from its first guess on, and guess one at a time.
//!
//! Nobody can lock a member out. An address from which the name has logged in before does not mind
//! what others do; any other waits a few seconds, which are the same however often others fail, and
//! stands in no line with them.
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
mod tests;
