//! The login throttle, as PROTOCOL.md describes it: lists of times that are searched anew for each question.

mod line;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Question;
use super::side::Since;
use crate::sim::key::Key;
use flashgate_core::{LoginThrottle, Member, Millis, Source, Throttle};

/// What is remembered of earlier logins. A name here is a member's number, or a nick whose number is not known. A nick
/// that another member has later does not take along what was counted for the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// Every failure that counts: its source, its name, and the time.
    failures: Vec<(Source, String, Millis)>,
    /// Names and the addresses that they have logged in from.
    logins: BTreeSet<(String, Source)>,
    /// The numbers of nicks, from the store's answers.
    numbers: BTreeMap<String, String>,
    /// For each guarded name, when the next question may pass.
    passed: BTreeMap<String, Millis>,
    /// Since when a name has its place in the line of a source: since it came, or since its last turn.
    stands: BTreeMap<(Source, String), Since>,
}

/// One command with a password that waits.
#[derive(Clone, Copy)]
struct Waits<'a> {
    conn: Key,
    source: Source,
    name: &'a str,
    since: Since,
}

/// What the rules depend on.
struct Look<'a> {
    past: &'a Past,
    questions: Vec<&'a Question>,
    waits: Vec<Waits<'a>>,
    rule: &'a Throttle,
    now: Millis,
}

impl Past {
    pub(super) fn failed(&mut self, source: Source, name: &str, now: Millis) {
        self.failures.push((source, name.to_string(), now));
    }

    /// A member has logged in, and is known at this source by number and by nick.
    pub(super) fn logged_in(&mut self, source: Source, member: &Member) {
        if let Source::Address(_) = source {
            let names = [member.id.0.to_string(), member.nick.to_string()];
            self.logins.extend(names.map(|name| (name, source)));
        }
    }

    /// The store has answered which member a nick stands for: what was counted for the nick is the member's.
    fn told(&mut self, nick: &str, number: &str) {
        self.numbers.insert(nick.to_string(), number.to_string());
        for (_, name, _) in &mut self.failures {
            if name == nick {
                *name = number.to_string();
            }
        }
        if let Some(old) = self.passed.remove(nick) {
            let passed = self.passed.entry(number.to_string()).or_insert(old);
            *passed = (*passed).max(old);
        }
    }

    /// How many addresses, names and pairs are remembered.
    pub(super) fn sizes(&self) -> [usize; 3] {
        let sources: BTreeSet<_> = self.failures.iter().map(|(source, ..)| source).collect();
        let names: BTreeSet<_> = self.failures.iter().map(|(_, name, _)| name).collect();
        [
            sources.len(),
            names.len() + self.numbers.len() + self.passed.len(),
            self.logins.len(),
        ]
    }

    /// The name that a login by this nick or number counts for.
    fn name(&self, name: &str) -> String {
        let number = self.numbers.get(name);
        number.map_or_else(|| name.to_string(), Clone::clone)
    }
}

impl Look<'_> {
    fn has_logged_in(&self, source: Source, name: &str) -> bool {
        self.past.logins.contains(&(name.to_string(), source))
    }

    /// The last failures within the window. No more than eight are remembered.
    fn recent(&self, of: impl Fn(Source, &str) -> bool) -> Vec<Millis> {
        let all = self.past.failures.iter();
        let all = all.filter(|(source, name, _)| of(*source, name));
        let mut times: Vec<Millis> = all.map(|(.., at)| *at).collect();
        times.drain(..times.len().saturating_sub(8));
        times.retain(|at| self.now < *at + self.rule.window);
        times
    }

    /// "From the third failure of an address within 10 minutes on, its IDENTIFYs are looked up one at
    /// a time, each no sooner than 1 s after its last failure, doubling to 16 s." "At most 3 are in
    /// flight for an address", but for those that have logged in.
    fn address_lets(&self, waits: Waits<'_>) -> bool {
        if let Source::Connection(_) = waits.source {
            return true;
        }
        let here = self.questions.iter().filter(|q| q.source == waits.source);
        let under_way = here.clone().count();
        let strangers = here.filter(|q| q.counts).count();
        let failures = self.recent(|source, _| source == waits.source);
        let mut guilt = failures.len();
        if !self.has_logged_in(waits.source, waits.name) {
            if strangers >= self.rule.address_lookups {
                return false;
            }
            guilt += strangers;
        }
        if guilt < usize::from(self.rule.after) {
            return true;
        }
        let (mut pause, mut more) = (self.rule.first.0, usize::from(self.rule.after));
        while more < failures.len() {
            (pause, more) = (pause * 2, more + 1);
        }
        let pause = Millis(pause.min(self.rule.longest.0));
        let is_over = match failures.last() {
            Some(last) if failures.len() >= usize::from(self.rule.after) => {
                self.now >= *last + pause
            }
            Some(_) | None => true,
        };
        under_way == 0 && is_over
    }

    fn strangers_in(&self, name: &str) -> usize {
        let there = self.questions.iter();
        there.filter(|q| q.counts && q.counts_for == name).count()
    }

    fn failures_in(&self, name: &str) -> usize {
        self.recent(|_, other| other == name).len()
    }

    fn is_guarded(&self, name: &str) -> bool {
        let guilt = self.failures_in(name) + self.strangers_in(name);
        guilt >= usize::from(self.rule.name_after)
    }

    /// "From the eighth failure in one member's name on, from whatever addresses, IDENTIFYs in it from
    /// addresses that have not logged in by it wait 4 s and are then looked up at most 2 a second
    /// together." At most 8 are in flight.
    fn name_lets(&self, waits: Waits<'_>, since: Millis) -> bool {
        if self.has_logged_in(waits.source, waits.name) {
            return true;
        }
        if self.strangers_in(waits.name) >= self.rule.name_lookups {
            return false;
        }
        let next = self.past.passed.get(waits.name);
        let paced = next.is_none_or(|next| self.now >= *next);
        !self.is_guarded(waits.name) || (paced && self.now >= since + self.rule.name_wait)
    }

    fn may(&self, waits: Waits<'_>) -> bool {
        self.lets(waits, waits.since.soonest)
    }

    fn must(&self, waits: Waits<'_>) -> bool {
        self.lets(waits, waits.since.latest)
    }

    fn lets(&self, waits: Waits<'_>, since: Millis) -> bool {
        self.rule.login == LoginThrottle::Off
            || self.address_lets(waits) && self.name_lets(waits, since)
    }

    /// "First names that have logged in from this address before, then names without a failure in the
    /// window, then the rest; within each, names take turns."
    fn place(&self, waits: Waits<'_>) -> (u8, Since) {
        let blameless = self.failures_in(waits.name) + self.strangers_in(waits.name) == 0;
        let class = match self.has_logged_in(waits.source, waits.name) {
            true => 0,
            false if blameless => 1,
            false => 2,
        };
        (
            class,
            self.stood(waits.source, waits.name).unwrap_or(waits.since),
        )
    }

    /// Since when a waiting name has its place in the line of a source.
    fn stood(&self, source: Source, name: &str) -> Option<Since> {
        self.stood_by(source, |other| other == name)
    }

    fn stood_by(&self, source: Source, is_one: impl Fn(&str) -> bool) -> Option<Since> {
        let all = self.waits.iter();
        let of_it = all.filter(|other| other.source == source && is_one(other.name));
        let stands = of_it.map(|other| {
            let pair = (source, other.name.to_string());
            self.past.stands.get(&pair).copied().unwrap_or(other.since)
        });
        let first = |one: Since, other: Since| Since {
            soonest: one.soonest.min(other.soonest),
            latest: one.latest.min(other.latest),
        };
        stands.reduce(first)
    }

    /// Whether no other login of its address that passes has a better place.
    fn may_be_first(&self, waits: Waits<'_>) -> bool {
        let (class, since) = self.place(waits);
        self.rivals(waits)
            .map(|other| self.place(*other))
            .all(|(other, theirs)| (class, since.soonest) <= (other, theirs.latest))
    }

    /// Whether it has the best place of its address for sure: of two names that stand since the same millisecond, the
    /// model does not know which was first.
    fn must_be_first(&self, waits: Waits<'_>) -> bool {
        let (class, since) = self.place(waits);
        let all = self.waits.iter();
        let others = all.filter(|other| other.source == waits.source && other.name != waits.name);
        others
            .filter(|other| self.may(**other))
            .map(|other| self.place(*other))
            .all(|(other, theirs)| (class, since.latest) < (other, theirs.soonest))
    }

    /// The logins that pass in the same address if none is ahead of them.
    fn rivals(&self, waits: Waits<'_>) -> impl Iterator<Item = &Waits<'_>> {
        let all = self.waits.iter();
        all.filter(move |other| other.source == waits.source && self.must(**other))
    }
}

impl Look<'_> {
    /// Whether this login may pass, and no other must pass before it.
    fn assert_turn(&self, waits: Waits<'_>) {
        let Waits { source, name, .. } = waits;
        assert!(
            self.may(waits),
            "too early: {source:?} {name} since {:?}, address {}, name {}: {} failures, {} lookups, {:?}",
            waits.since,
            self.address_lets(waits),
            self.name_lets(waits, waits.since.soonest),
            self.failures_in(name),
            self.strangers_in(name),
            self.past.passed,
        );
        assert!(
            self.may_be_first(waits),
            "not the first of {source:?}: {name} {:?}, but {:?}",
            self.place(waits),
            self.rivals(waits)
                .map(|other| (other.name, other.since, self.place(*other)))
                .collect::<Vec<_>>(),
        );
        if !self.is_guarded(name) || self.has_logged_in(source, name) {
            return;
        }
        let (_, stood) = self.place(waits);
        for other in &self.waits {
            let rival = other.source != source && other.name == name;
            if rival && self.must(*other) && self.must_be_first(*other) {
                let (_, theirs) = self.place(*other);
                assert!(
                    stood.soonest <= theirs.latest,
                    "not the turn of {source:?} in {name}: {stood:?}, but {:?} {theirs:?} of {:?}",
                    other.source,
                    self.rivals(*other)
                        .map(|other| (other.name, self.place(*other)))
                        .collect::<Vec<_>>(),
                );
            }
        }
    }
}

/// Whether a name is a number in its plain form.
pub(super) fn is_number(name: &str) -> bool {
    let plain = name == "0" || !name.starts_with('0');
    plain && name.bytes().all(|b| b.is_ascii_digit())
}

/// An IPv6 address stands for its /64.
pub(super) fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}
