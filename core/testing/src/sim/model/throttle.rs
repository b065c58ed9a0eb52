//! The login throttle, as PROTOCOL.md describes it: lists of times that are searched anew for each question.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroU32;

use super::side::{Since, Turn};
use super::{Input, Model, Question, Side};
use crate::sim::client::Kind;
use crate::sim::key::Key;
use flashgate_core::{Answer, LoginThrottle, Member, MemberId, Millis, Source, Throttle};

/// What is remembered of earlier logins.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// Every failure that counts: its source, the name as it was sent, and the time.
    failures: Vec<(Source, String, Millis)>,
    /// Names and the addresses that they have logged in from.
    logins: BTreeSet<(String, Source)>,
    /// The numbers of nicks, from the store's answers.
    numbers: BTreeMap<String, String>,
    /// For each guarded name, when the last question passed, and how many may pass in a second.
    passed: BTreeMap<String, (Millis, Option<NonZeroU32>)>,
    /// Since when a name has its place in the line of a source: since it came, or since its last turn.
    stands: BTreeMap<(Source, String), Since>,
}

/// One IDENTIFY that waits.
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

    /// The store has answered which member a name stands for. Only nicks need to be remembered.
    pub(super) fn told(&mut self, name: &str, id: MemberId) {
        if !is_number(name) {
            self.numbers.insert(name.to_string(), id.0.to_string());
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

    /// The same text for all names of a member.
    fn member(&self, name: &str) -> String {
        let number = self.numbers.get(name);
        number.map_or_else(|| name.to_string(), Clone::clone)
    }
}

impl Look<'_> {
    /// Whether two names belong to the same member.
    fn same(&self, one: &str, other: &str) -> bool {
        self.past.member(one) == self.past.member(other)
    }

    fn has_logged_in(&self, source: Source, name: &str) -> bool {
        let pair = (self.past.member(name), source);
        self.past.logins.contains(&pair)
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
        there
            .filter(|q| q.counts && self.same(&q.name, name))
            .count()
    }

    fn failures_in(&self, name: &str) -> usize {
        self.recent(|_, other| self.same(other, name)).len()
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
        let passed = self.past.passed.iter();
        let of_it = passed.filter(|(name, _)| self.same(name, waits.name));
        let slow = of_it.filter_map(|(_, (at, rate))| Some((*at, (*rate)?.get())));
        let paced = slow
            .map(|(at, rate)| at + Millis(1000_u64.div_ceil(rate.into())))
            .all(|next| self.now >= next);
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
        let all = self.waits.iter();
        let of_it = all.filter(|other| other.source == source && self.same(other.name, name));
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

    fn must_be_first(&self, waits: Waits<'_>) -> bool {
        let (class, since) = self.place(waits);
        let all = self.waits.iter();
        all.filter(|other| other.source == waits.source && self.may(**other))
            .map(|other| self.place(*other))
            .all(|(other, theirs)| (class, since.latest) <= (other, theirs.soonest))
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
            let rival = other.source != source && self.same(other.name, name);
            if rival && self.must(*other) && self.must_be_first(*other) {
                let (_, theirs) = self.place(*other);
                assert!(
                    stood.soonest <= theirs.latest,
                    "not the turn of {source:?} in {name}"
                );
            }
        }
    }
}

impl Model {
    /// Puts an IDENTIFY in line that could be carried out and has not led to a question.
    pub(super) fn queue_up(&mut self, id: Key) {
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        if limits.throttle.login == LoginThrottle::Off {
            return;
        }
        let late = self.must_be_late(id) && self.sides[&id].perhaps_since.is_none();
        if late || self.who(id).is_some() {
            return;
        }
        let side = self.side(id);
        // The model does not know which commands the core finds in garbage.
        let is_known = side.chat && side.kind != Kind::Garbage;
        if !is_known || side.ending.is_some() || side.turn != Turn::Free {
            return;
        }
        let Some(ask) = side.next(&limits, now).cloned() else {
            return;
        };
        if ask.arguments("IDENTIFY").is_none() {
            return;
        }
        if side.must(&ask, &limits, now) {
            let order = side.may_since(&limits);
            side.take(&limits, now);
            (side.turn, side.order) = (Turn::Line(ask), order);
            self.stand(id);
            self.count("in line");
        } else if side.may(&ask, &limits, now) {
            side.perhaps_since.get_or_insert(now);
        }
    }

    /// Gives a name its place in the line of a source, if it has none.
    pub(super) fn stand(&mut self, id: Key) {
        let Some(waits) = self.wait_of(id, &self.sides[&id]) else {
            return;
        };
        let (pair, since) = ((waits.source, waits.name.to_string()), waits.since);
        let mut look = self.look(&self.past);
        look.waits.retain(|other| other.conn != id);
        let since = look.stood(waits.source, waits.name).unwrap_or(since);
        self.past.stands.insert(pair, since);
    }

    /// Checks that a question of this connection may pass now, and that no other had to pass before it.
    pub(super) fn passes(&mut self, id: Key) {
        let Some(waits) = self.wait_of(id, &self.sides[&id]) else {
            return;
        };
        let (source, name) = (waits.source, waits.name.to_string());
        let look = self.look(&self.past);
        if !self.blurred {
            look.assert_turn(waits);
        }
        let guarded = look.is_guarded(&name) && !look.has_logged_in(source, &name);
        let same: Vec<(Source, String)> = look
            .waits
            .iter()
            .filter(|other| other.source == source && look.same(other.name, &name))
            .map(|other| (source, other.name.to_string()))
            .collect();
        let (now, rate) = (self.now.mono, self.config.limits.throttle.name_rate);
        if guarded && self.config.limits.throttle.login == LoginThrottle::On {
            self.past.passed.insert(name, (now, rate));
            self.count("guarded");
        } else if let Some(rate) = rate
            && self.blurred
        {
            self.unsure_until = now + Millis(1000_u64.div_ceil(rate.get().into()));
        }
        for pair in same {
            self.past.stands.insert(pair, Since::at(now));
        }
    }

    /// Checks that no login waits that must pass.
    pub(super) fn assert_nobody_waits_for_nothing(&self) {
        if self.now.mono < self.unsure_until {
            return;
        }
        let look = self.look(&self.past);
        for waits in &look.waits {
            assert!(
                !look.must(*waits),
                "forgotten in line: {:?} {} since {:?}, {} failures and {} lookups in it, failures there {:?}, {:?}, {:?}",
                waits.source,
                waits.name,
                waits.since,
                look.failures_in(waits.name),
                look.strangers_in(waits.name),
                look.recent(|source, _| source == waits.source),
                look.questions,
                look.rule
            );
        }
    }

    /// Whether a question of this connection counts as a failure until it is answered.
    pub(super) fn counts(&self, id: Key) -> bool {
        let look = self.look(&self.past);
        let waits = self.wait_of(id, &self.sides[&id]);
        waits.is_some_and(|waits| !look.has_logged_in(waits.source, waits.name))
            && self.config.limits.throttle.login == LoginThrottle::On
    }

    /// Remembers the answer to a question.
    pub(super) fn learn(&mut self, question: &Question, answer: &Answer) {
        if !question.throttled {
            return;
        }
        let (source, name, now) = (question.source, question.name.as_str(), self.now.mono);
        if let Some(member) = answer.member() {
            self.past.told(name, member);
            self.stand_as_one(name);
        }
        match answer {
            Answer::Member(member) => self.past.logged_in(source, member),
            Answer::Denied(..) => self.past.failed(source, name, now),
            Answer::Claimed
            | Answer::Renamed(_)
            | Answer::Taken
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Unavailable(_) => {}
        }
    }

    /// Joins two names that turn out to be one member's: in each line, they have the earlier place.
    fn stand_as_one(&mut self, name: &str) {
        let look = self.look(&self.past);
        let waits = look.waits.iter();
        let one: Vec<_> = waits
            .filter(|other| look.same(other.name, name))
            .filter_map(|other| {
                let pair = (other.source, other.name.to_string());
                Some((pair, look.stood(other.source, name)?))
            })
            .collect();
        self.past.stands.extend(one);
    }

    /// The source that a connection counts for.
    pub(super) fn source(&self, id: Key) -> Source {
        let side = &self.sides[&id];
        if side.limited {
            Source::Address(subscriber(side.peer.ip()))
        } else {
            Source::Connection(id.conn)
        }
    }

    /// Of the connections that ask the same from the same source, the one that this question comes from.
    pub(super) fn who_asks(&self, asking: Vec<Key>) -> Option<Key> {
        let limits = &self.config.limits;
        // A connection that was just answered comes first, and the one whose bytes just came comes last.
        let goes_on = |id: &Key| self.last_written == Some(*id);
        let fresh = |id: &Key| matches!(self.cause, Input::Bytes(to, _) if to == *id);
        asking.into_iter().min_by_key(|id| {
            let side = &self.sides[id];
            match side.turn {
                Turn::Line(_) => (false, side.since.latest, false, false, side.order, *id),
                Turn::Free
                | Turn::Asking(_)
                | Turn::Right(_)
                | Turn::Verdict(_)
                | Turn::Claim { .. }
                | Turn::Refused(_) => {
                    let since = side.may_since(limits);
                    (true, Millis(0), !goes_on(id), fresh(id), since, *id)
                }
            }
        })
    }

    fn look<'a>(&'a self, past: &'a Past) -> Look<'a> {
        let sides = self.sides.iter();
        Look {
            past,
            questions: self.questions.values().filter(|q| q.throttled).collect(),
            waits: sides
                .filter_map(|(id, side)| self.wait_of(*id, side))
                .collect(),
            rule: &self.config.limits.throttle,
            now: self.now.mono,
        }
    }

    fn wait_of<'a>(&self, id: Key, side: &'a Side) -> Option<Waits<'a>> {
        let Turn::Line(ask) = &side.turn else {
            return None;
        };
        let [name, _] = ask.arguments("IDENTIFY")? else {
            return None;
        };
        side.ending.is_none().then(|| Waits {
            conn: id,
            source: self.source(id),
            name,
            since: side.since,
        })
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
