//! How failed identifications slow down an address and a name.
//!
//! Every IDENTIFY enters two lines before the member store is asked: the line of its address (the
//! *gate*) and the line of its name. It leaves both when both are open.
//!
//! - A gate is slow from the third failure of its address on: one lookup at a time, each some seconds
//!   after the last failure. Until then, few lookups run at once. A gate lets names that have logged in
//!   from its address pass first, then names without a failure, then the rest. Within each, names take
//!   turns, so that a client that guesses does not lock out the others behind the same proxy.
//! - A name is guarded from the eighth failure in it on, whatever the addresses. An IDENTIFY in it then
//!   waits some seconds. After that few pass a second, and addresses take turns. An address from which
//!   the name has logged in does not wait for the name at all.
//!
//! A lookup under way counts as a failure until it is answered. A connection whose address is exempt
//! from limits is a source of its own. Its gate is always open, and it never counts as known.
//!
//! After every input no IDENTIFY waits that could pass. So a new one passes at once or not at all, and
//! whatever changes a gate or a name marks it as changed, to be looked at before the input is done.
//! Time changes gates and names, too: the agenda has the next moment at which each may open.
//!
//! All tables are bounded: those of failures, nicks and good logins by forgetting the oldest entry, the
//! lines by the number of connections.

mod known;
mod lines;
mod recent;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;

use crate::config::{LoginThrottle, Throttle as Settings};
use crate::id::{ConnId, Source};
use crate::member::{Answer, Login, MemberId};
use crate::time::Millis;
use known::{Known, Mark, mark};
use lines::{Gate, Line, Pair, Waiting, Which};
use recent::{Failures, Recent};

#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// The failures of each address that is not exempt.
    addresses: Recent<Source, Failures>,
    /// The failures in each name, from whatever addresses.
    names: Recent<Name, Tried>,
    /// The number of each nick, as far as the store's answers give it.
    numbers: Recent<Arc<str>, MemberId>,
    known: Known,
    gates: BTreeMap<Source, Gate>,
    lines: BTreeMap<Name, Line>,
    /// When to look at a gate or a line again.
    agenda: BTreeSet<(Millis, Which)>,
    /// Gates and lines that may have opened.
    changed: VecDeque<Which>,
    /// How many places the lines have given so far.
    turns: u64,
}

/// The name that a client logs in by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// A member's number: sent by the client, or known from the store's answers about a nick.
    Number(MemberId),
    /// A nick whose number is not known.
    Nick(Arc<str>),
}

/// What is remembered of a name.
#[derive(Clone, Copy, Debug, Default)]
struct Tried {
    failures: Failures,
    /// A guarded IDENTIFY passes then at the earliest.
    next: Millis,
}

/// What the throttle does with an IDENTIFY.
#[derive(Debug)]
pub(crate) enum Entered {
    /// It passes: ask the member store now.
    Passes(Flight),
    /// It waits. [`Throttle::next`] says when it passes.
    Waits,
}

/// An IDENTIFY that has passed, and whose lookup is under way.
#[derive(Debug)]
pub(crate) struct Flight {
    source: Source,
    name: Name,
    /// Whether the name had logged in from the address: such a lookup is not counted.
    is_known: bool,
}

impl Throttle {
    /// An IDENTIFY has come. It passes at once, or is put into the lines of its source and its name.
    pub(crate) fn enter(
        &mut self,
        conn: ConnId,
        source: Source,
        login: &Login,
        now: Millis,
        settings: &Settings,
    ) -> Entered {
        let name = self.name(login);
        let mark = mark(&name, source);
        let is_known = self.has_logged_in(mark);
        let gate = self.gates.get(&source);
        let is_first = gate.is_none_or(|gate| !gate.pairs.contains_key(&name));
        let is_settled = self.changed.is_empty() && self.deadline().is_none_or(|at| at > now);
        // No IDENTIFY waits that could pass, so this one overtakes none.
        if is_first
            && is_settled
            && self.is_gate_open(source, is_known, now, settings)
            && (is_known || self.is_line_open(&name, now, now, settings))
        {
            return Entered::Passes(self.take_off(source, &name, is_known, now, settings));
        }
        self.turns += 1;
        let gate = self.gates.entry(source).or_default();
        let pair = gate.pairs.entry(name.clone());
        let pair = pair.or_insert_with(|| Pair::new(mark, self.turns));
        pair.waiting.push_back(Waiting {
            conn,
            since: now,
            arrival: self.turns,
        });
        let line = self.lines.entry(name.clone()).or_default();
        line.sources.insert(source);
        if is_settled {
            let own = (settings.name_wait > Millis(0)).then_some(now + settings.name_wait);
            let opens = self.gate_opens(source, now, settings);
            if let Some(at) = own.into_iter().chain(opens).min() {
                self.wake(Which::Gate(source), at);
            }
        } else {
            self.changed.push_back(Which::Gate(source));
        }
        self.arm_line(&name, now, settings);
        Entered::Waits
    }

    /// The connection whose IDENTIFY passes next, and its flight; without a flight if logins are no longer
    /// throttled.
    pub(crate) fn next(
        &mut self,
        now: Millis,
        settings: &Settings,
    ) -> Option<(ConnId, Option<Flight>)> {
        while let Some(which) = self.changed.front().cloned() {
            let first = match &which {
                Which::Gate(source) => self.first_of_gate(*source, now, settings),
                Which::Line(name) => match self.first_of_line(name, now, settings) {
                    Ok(source) => Some((source, name.clone())),
                    Err(held_up) => {
                        self.changed.extend(held_up.into_iter().map(Which::Gate));
                        None
                    }
                },
            };
            if let Some((source, name)) = first
                && let Some(passed) = self.pass(source, &name, now, settings)
            {
                return Some(passed);
            }
            self.changed.pop_front();
            match which {
                Which::Gate(source) => self.arm_gate(source, now, settings),
                Which::Line(name) => self.arm_line(&name, now, settings),
            }
        }
        None
    }

    /// A waiting connection is gone. Call [`Self::next`] afterwards.
    pub(crate) fn leave(&mut self, source: Source, conn: ConnId) {
        let Some(gate) = self.gates.get_mut(&source) else {
            return;
        };
        let holds = |pair: &Pair| pair.waiting.iter().any(|waits| waits.conn == conn);
        let Some((name, pair)) = gate.pairs.iter_mut().find(|(_, pair)| holds(pair)) else {
            return;
        };
        pair.waiting.retain(|waits| waits.conn != conn);
        if pair.waiting.is_empty() {
            let name = name.clone();
            self.remove_pair(source, &name);
            self.tidy(source, &name);
        } else {
            // Another login is first now, and may have to wait longer.
            self.changed.push_back(Which::Gate(source));
        }
    }

    /// The lookup of a flight has ended. `typed` is the name as the client sent it, `others` are the flights
    /// of the lookups still under way.
    pub(crate) fn land<'a>(
        &mut self,
        flight: Flight,
        typed: &str,
        answer: &Answer,
        others: impl Iterator<Item = &'a mut Flight>,
        now: Millis,
        settings: &Settings,
    ) {
        let Flight {
            source,
            mut name,
            is_known,
        } = flight;
        if let Some(gate) = self.gates.get_mut(&source) {
            gate.running = gate.running.saturating_sub(1);
            gate.unknown = gate.unknown.saturating_sub(usize::from(!is_known));
        }
        if let Some(line) = self.lines.get_mut(&name) {
            line.running = line.running.saturating_sub(usize::from(!is_known));
        }
        self.tidy(source, &name);
        if self.lines.contains_key(&name) {
            self.changed.push_back(Which::Line(name.clone()));
        }
        if let (Login::Nick(nick), Some(member)) = (Login::parse(typed), answer.member()) {
            self.learn(shortened(&nick), member, others, now, settings);
            name = Name::Number(member);
        }
        match answer {
            Answer::Member(member) => {
                // A member that logged in by its number may come back by its nick.
                for name in [name, Name::Nick(Arc::clone(&member.nick))] {
                    if let Some(mark) = mark(&name, source) {
                        self.known.add(mark, settings.names / 2);
                    }
                }
            }
            Answer::Denied(..) => self.fail(source, &name, now, settings),
            Answer::Claimed
            | Answer::Renamed(_)
            | Answer::Taken
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_)
            | Answer::Unavailable(_) => {}
        }
        if self.gates.contains_key(&source) {
            self.changed.push_back(Which::Gate(source));
        }
    }

    /// When a waiting login may pass although nothing else happens.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// Takes the next thing from the agenda that is due.
    pub(crate) fn fire(&mut self, now: Millis) {
        if self.deadline().is_some_and(|at| at <= now)
            && let Some((_, which)) = self.agenda.pop_first()
        {
            match &which {
                Which::Gate(source) => {
                    if let Some(gate) = self.gates.get_mut(source) {
                        gate.wakes = None;
                    }
                }
                Which::Line(name) => {
                    if let Some(line) = self.lines.get_mut(name) {
                        line.wakes = None;
                    }
                }
            }
            self.changed.push_back(which);
        }
    }

    /// The settings have changed: any gate or line may have opened.
    pub(crate) fn reconsider(&mut self) {
        self.changed
            .extend(self.gates.keys().copied().map(Which::Gate));
        self.changed
            .extend(self.lines.keys().cloned().map(Which::Line));
    }

    /// Whether no login is under way or waits.
    #[cfg(any(test, feature = "_testing"))]
    pub(crate) fn is_idle(&self) -> bool {
        self.gates.is_empty()
            && self.lines.is_empty()
            && self.agenda.is_empty()
            && self.changed.is_empty()
    }

    /// The name that a login stands for.
    fn name(&self, login: &Login) -> Name {
        match login {
            Login::Id(id) => Name::Number(*id),
            Login::Nick(nick) => {
                let nick = shortened(nick);
                let number = self.numbers.get(&nick).copied();
                number.map_or(Name::Nick(nick), Name::Number)
            }
        }
    }

    fn fail(&mut self, source: Source, name: &Name, now: Millis, settings: &Settings) {
        if let Source::Address(_) = source {
            let mut failures = self.addresses.take(&source).unwrap_or_default();
            failures.push(now);
            self.addresses.forget(now, settings.window);
            let forgotten = self
                .addresses
                .put(source, failures, now, settings.addresses);
            self.changed.extend(forgotten.map(Which::Gate));
        }
        let mut tried = self.names.take(name).unwrap_or_default();
        tried.failures.push(now);
        self.names.forget(now, settings.window);
        self.remember(name, tried, now, settings);
    }

    fn remember(&mut self, name: &Name, tried: Tried, now: Millis, settings: &Settings) {
        // A guarded name keeps its pace, even if the window is shorter than that.
        let changed = now.max(tried.next - settings.window);
        let forgotten = self.names.put(name.clone(), tried, changed, settings.names);
        self.changed.extend(forgotten.map(Which::Line));
    }

    /// A nick and a number are one name from now on, with all failures and logins of both.
    fn learn<'a>(
        &mut self,
        nick: Arc<str>,
        member: MemberId,
        flights: impl Iterator<Item = &'a mut Flight>,
        now: Millis,
        settings: &Settings,
    ) {
        if self.numbers.get(&nick) == Some(&member) {
            return;
        }
        let (before, number) = (Name::Nick(Arc::clone(&nick)), Name::Number(member));
        if let Some(old) = self.names.take(&before) {
            let mut tried = self.names.take(&number).unwrap_or_default();
            tried.failures.merge(&old.failures);
            tried.next = tried.next.max(old.next);
            self.remember(&number, tried, now, settings);
        }
        if let Some(old) = self.lines.remove(&before) {
            if let Some(at) = old.wakes {
                self.agenda.remove(&(at, Which::Line(before.clone())));
            }
            let line = self.lines.entry(number.clone()).or_default();
            line.running += old.running;
            line.sources.extend(&old.sources);
            for source in old.sources {
                if let Some(gate) = self.gates.get_mut(&source) {
                    gate.rename(&before, &number, source);
                }
                self.changed.push_back(Which::Gate(source));
            }
            self.changed.push_back(Which::Line(number.clone()));
        }
        let renamed = flights.filter(|flight| flight.name == before);
        renamed.for_each(|flight| flight.name = number.clone());
        // No login waits by a nick that is forgotten: its line has the number's name.
        self.numbers.put(nick, member, now, settings.names);
    }

    /// Lets the first of a pair pass.
    fn pass(
        &mut self,
        source: Source,
        name: &Name,
        now: Millis,
        settings: &Settings,
    ) -> Option<(ConnId, Option<Flight>)> {
        let pair = self.gates.get_mut(&source)?.pairs.get_mut(name)?;
        let Waiting { conn, .. } = pair.waiting.pop_front()?;
        self.turns += 1;
        pair.turn = self.turns;
        let (mark, is_last) = (pair.mark, pair.waiting.is_empty());
        if is_last {
            self.remove_pair(source, name);
        }
        let is_known = self.has_logged_in(mark);
        let flight =
            (!is_off(settings)).then(|| self.take_off(source, name, is_known, now, settings));
        self.tidy(source, name);
        Some((conn, flight))
    }

    /// Counts a lookup that begins.
    fn take_off(
        &mut self,
        source: Source,
        name: &Name,
        is_known: bool,
        now: Millis,
        settings: &Settings,
    ) -> Flight {
        if let Some(rate) = settings.name_rate
            && !is_known
            && self.is_guarded(name, now, settings)
        {
            let mut tried = self.names.take(name).unwrap_or_default();
            tried.next = now + Millis(1000_u64.div_ceil(rate.get().into()));
            self.remember(name, tried, now, settings);
        }
        if let Source::Address(_) = source {
            let gate = self.gates.entry(source).or_default();
            gate.running += 1;
            gate.unknown += usize::from(!is_known);
            if !gate.pairs.is_empty() {
                self.arm_gate(source, now, settings);
            }
        }
        if !is_known {
            let line = self.lines.entry(name.clone()).or_default();
            line.running += 1;
            if !line.sources.is_empty() {
                self.arm_line(name, now, settings);
            }
        }
        Flight {
            source,
            name: name.clone(),
            is_known,
        }
    }

    /// Whether the pair of a name and a source has logged in.
    fn has_logged_in(&self, mark: Option<Mark>) -> bool {
        mark.is_some_and(|mark| self.known.has(mark))
    }
}

/// A nick as far as it counts: longer than any member's, and short enough that made-up nicks do not fill
/// the tables.
fn shortened(nick: &Arc<str>) -> Arc<str> {
    if nick.len() <= LONGEST_NAME {
        return Arc::clone(nick);
    }
    let mut end = LONGEST_NAME;
    while !nick.is_char_boundary(end) {
        end -= 1;
    }
    Arc::from(&nick[..end])
}

/// Bytes: 32 characters of four.
const LONGEST_NAME: usize = 128;

/// Whether logins are not throttled.
fn is_off(settings: &Settings) -> bool {
    match settings.login {
        LoginThrottle::On => false,
        LoginThrottle::Off => true,
    }
}

#[cfg(test)]
mod tests;
