//! The line in front of the member store: which command with a password waits, and which must pass.

use super::{Look, Past, Waits, is_number, subscriber};
use crate::sim::ask::Ask;
use crate::sim::client::Kind;
use crate::sim::key::Key;
use crate::sim::model::side::{Since, Turn};
use crate::sim::model::{Input, Model, Question, Side};
use flashgate_core::{Answer, LoginThrottle, Millis, Source};

impl Model {
    /// Puts a command with a password in line that could be carried out and has not led to a question.
    pub(in crate::sim::model) fn queue_up(&mut self, id: Key) {
        let Some((ask, name)) = self.next_with_a_password(id) else {
            return;
        };
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        let side = self.side(id);
        if side.must(&ask, &limits, now) {
            let order = side.may_since(&limits);
            side.take(&limits, now);
            side.order = order;
            self.line_up(id, ask, name);
            self.count("in line");
        } else if side.may(&ask, &limits, now) {
            side.perhaps_since.get_or_insert(now);
        }
    }

    /// Something of another client is written to this one. What waits from now on may hold back its command with a
    /// password, unless that was taken earlier in this input.
    pub(in crate::sim::model) fn may_have_queued_up(&mut self, id: Key) {
        let Some((ask, _)) = self.next_with_a_password(id) else {
            return;
        };
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        let side = self.side(id);
        if side.may(&ask, &limits, now) {
            side.perhaps_since.get_or_insert(now);
        }
    }

    /// The next command of a client, if it has a password to check, and the name that this counts for.
    fn next_with_a_password(&mut self, id: Key) -> Option<(Ask, String)> {
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        if limits.throttle.login == LoginThrottle::Off {
            return None;
        }
        if self.must_be_late(id) && self.sides[&id].perhaps_since.is_none() {
            return None;
        }
        let side = self.side(id);
        // The model does not know which commands the core finds in garbage.
        let is_known = side.chat && side.kind != Kind::Garbage;
        if !is_known || side.ending.is_some() || side.turn != Turn::Free {
            return None;
        }
        let ask = side.next(&limits, now)?.clone();
        let name = self.name_in(id, &ask)?;
        Some((ask, name))
    }

    /// The name that a command with a password counts for; `None` if the store need not be asked about it.
    pub(in crate::sim::model) fn name_in(&self, id: Key, ask: &Ask) -> Option<String> {
        if let Some([name, _]) = ask.arguments("IDENTIFY") {
            return self.who(id).is_none().then(|| name.clone());
        }
        ask.arguments("PASSWD")?;
        let refused = self.passwd_without_the_store(id).is_some();
        let member = self.who(id).filter(|_| !refused)?;
        Some(member.id.to_string())
    }

    /// A command with a password waits for its turn, in this name.
    pub(in crate::sim::model) fn line_up(&mut self, id: Key, ask: Ask, name: String) {
        if ask.arguments("PASSWD").is_some() {
            self.raise_level(id);
        }
        let counts_for = self.past.name(&name);
        let side = self.side(id);
        (side.turn, side.tried, side.counts_for) = (Turn::Line(ask), name, counts_for);
        self.stand(id);
    }

    /// Gives a name its place in the line of a source, if it has none.
    pub(in crate::sim::model) fn stand(&mut self, id: Key) {
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
    pub(in crate::sim::model) fn passes(&mut self, id: Key) {
        let Some(waits) = self.wait_of(id, &self.sides[&id]) else {
            return;
        };
        let (source, name) = (waits.source, waits.name.to_string());
        let look = self.look(&self.past);
        if !self.blurred {
            look.assert_turn(waits);
        }
        let guarded = look.is_guarded(&name) && !look.has_logged_in(source, &name);
        let now = self.now.mono;
        let rate = self.config.limits.throttle.name_rate;
        let next = rate.map(|rate| now + Millis(1000_u64.div_ceil(rate.get().into())));
        if guarded && self.config.limits.throttle.login == LoginThrottle::On {
            self.past.passed.insert(name.clone(), next.unwrap_or(now));
            self.count("guarded");
        } else if let Some(next) = next
            && self.blurred
        {
            self.unsure_until = next;
        }
        self.past.stands.insert((source, name), Since::at(now));
    }

    /// Checks that no login waits that must pass.
    pub(in crate::sim::model) fn assert_nobody_waits_for_nothing(&self) {
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
    pub(in crate::sim::model) fn counts(&self, id: Key) -> bool {
        let look = self.look(&self.past);
        let waits = self.wait_of(id, &self.sides[&id]);
        waits.is_some_and(|waits| !look.has_logged_in(waits.source, waits.name))
            && self.config.limits.throttle.login == LoginThrottle::On
    }

    /// Remembers the answer to a question.
    pub(in crate::sim::model) fn learn(&mut self, question: &Question, answer: &Answer) {
        if !question.throttled {
            return;
        }
        let (source, now) = (question.source, self.now.mono);
        let mut name = question.counts_for.clone();
        if let Some(member) = answer.member() {
            name = member.0.to_string();
            if !is_number(&question.name) {
                self.become_one(&question.name, &name);
            }
        }
        match answer {
            Answer::Member(member) => self.past.logged_in(source, member),
            Answer::Denied(..) => self.past.failed(source, &name, now),
            Answer::Claimed
            | Answer::Renamed(_)
            | Answer::Taken
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_)
            | Answer::Unavailable(_) => {}
        }
    }

    /// A nick turns out to be a member's: what waits and is asked in it counts for the member, and has the earlier place
    /// of the two in each line.
    fn become_one(&mut self, nick: &str, number: &str) {
        let look = self.look(&self.past);
        let is_one = |name: &str| name == nick || name == number;
        let waits = look.waits.iter().filter(|waits| is_one(waits.name));
        let stands: Vec<_> = waits
            .filter_map(|waits| {
                let stood = look.stood_by(waits.source, is_one)?;
                Some(((waits.source, number.to_string()), stood))
            })
            .collect();
        self.past.told(nick, number);
        self.past.stands.extend(stands);
        let sides = self.sides.values_mut().map(|side| &mut side.counts_for);
        let questions = self.questions.values_mut().map(|q| &mut q.counts_for);
        for name in sides.chain(questions).filter(|name| *name == nick) {
            *name = number.to_string();
        }
    }

    /// The source that a connection counts for.
    pub(in crate::sim::model) fn source(&self, id: Key) -> Source {
        let side = &self.sides[&id];
        if side.limited {
            Source::Address(subscriber(side.peer.ip()))
        } else {
            Source::Connection(id.conn)
        }
    }

    /// Of the connections that ask the same from the same source, the one that this question comes from.
    pub(in crate::sim::model) fn who_asks(&self, asking: Vec<Key>) -> Option<Key> {
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
        let Turn::Line(_) = &side.turn else {
            return None;
        };
        side.ending.is_none().then(|| Waits {
            conn: id,
            source: self.source(id),
            name: &side.counts_for,
            since: side.since,
        })
    }
}
