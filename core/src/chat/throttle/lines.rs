//! The logins that wait, and which of them passes next.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::known::{Mark, mark};
use super::recent::REMEMBERED;
use super::{Name, Settings, Throttle, is_off};
use crate::id::{ConnId, Source};
use crate::time::Millis;

/// The logins of one source, under way and waiting.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Lookups under way.
    pub(super) running: usize,
    /// Lookups among them whose name had not logged in from the source.
    pub(super) unknown: usize,
    /// The logins that wait, by name.
    pub(super) pairs: BTreeMap<Name, Pair>,
    /// When the agenda looks at it again.
    pub(super) wakes: Option<Millis>,
}

/// The logins in one name, under way and waiting.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Lookups under way, from addresses from which the name had not logged in.
    pub(super) running: usize,
    /// The sources of the logins that wait.
    pub(super) sources: BTreeSet<Source>,
    /// When the agenda looks at it again.
    pub(super) wakes: Option<Millis>,
}

/// The logins of one source in one name that wait.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) mark: Option<Mark>,
    /// Its place among the names of the source, and among the sources of the name: the lowest is first.
    pub(super) turn: u64,
    /// In order of arrival.
    pub(super) waiting: VecDeque<Waiting>,
}

/// An IDENTIFY that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) conn: ConnId,
    pub(super) since: Millis,
    /// Orders logins that came in the same millisecond.
    pub(super) arrival: u64,
}

/// One of the two lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Which {
    Gate(Source),
    Line(Name),
}

/// The order in which a gate lets names pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// The name has logged in from the source.
    Known,
    /// The name has not failed within the window.
    Blameless,
    Rest,
}

impl Throttle {
    /// Which pair of a gate passes next, or one that has an earlier turn in the same name.
    pub(super) fn first_of_gate(
        &self,
        source: Source,
        now: Millis,
        settings: &Settings,
    ) -> Option<(Source, Name)> {
        let (name, _) = self.best(source, now, settings)?;
        let first = self.first_of_line(name, now, settings);
        Some((first.unwrap_or(source), name.clone()))
    }

    /// The source of a name that passes next, among the sources whose gate prefers no other name. `Err`, if
    /// there is none: the sources whose gate does, as the name may pass after that other one.
    pub(super) fn first_of_line(
        &self,
        name: &Name,
        now: Millis,
        settings: &Settings,
    ) -> Result<Source, Vec<Source>> {
        let (mut first, mut held_up) = (None, Vec::new());
        for source in self.lines.get(name).iter().flat_map(|line| &line.sources) {
            match self.best(*source, now, settings) {
                Some((best, _)) if best != name => held_up.push(*source),
                Some((_, turn)) if first.is_none_or(|(before, _)| turn < before) => {
                    first = Some((turn, *source));
                }
                Some(_) | None => {}
            }
        }
        first.map(|(_, source)| source).ok_or(held_up)
    }

    /// Whether an IDENTIFY in this name waits for its turn, from an address that is not known.
    pub(super) fn is_guarded(&self, name: &Name, now: Millis, settings: &Settings) -> bool {
        let tried = self.names.get(name);
        let failed = tried.map_or(0, |tried| tried.failures.since(now, settings.window));
        let running = self.lines.get(name).map_or(0, |line| line.running);
        !is_off(settings) && failed + running >= usize::from(settings.name_after.max(1))
    }

    /// Puts the next moment at which a login may pass a gate into the agenda. A moment that has come and
    /// was not handled yet stays.
    pub(super) fn arm_gate(&mut self, source: Source, now: Millis, settings: &Settings) {
        let Some(gate) = self.gates.get(&source) else {
            return;
        };
        if gate.wakes.is_some_and(|at| at <= now) {
            return;
        }
        let firsts = gate.pairs.values().filter_map(|pair| pair.waiting.front());
        let waits = firsts
            .map(|waits| waits.since + settings.name_wait)
            .filter(|at| *at > now)
            .min();
        let opens = self.gate_opens(source, now, settings);
        let at = match (waits, opens) {
            (Some(waits), Some(opens)) => Some(waits.min(opens)),
            (waits, opens) => waits.or(opens),
        };
        self.set_wake(Which::Gate(source), at);
    }

    /// The same for a name.
    pub(super) fn arm_line(&mut self, name: &Name, now: Millis, settings: &Settings) {
        let Some(line) = self.lines.get(name) else {
            return;
        };
        if line.wakes.is_some_and(|at| at <= now) {
            return;
        }
        let at = self
            .names
            .get(name)
            .filter(|_| !line.sources.is_empty())
            .and_then(|tried| {
                let forgotten = tried.failures.times().map(|at| *at + settings.window);
                forgotten.chain([tried.next]).filter(|at| *at > now).min()
            });
        self.set_wake(Which::Line(name.clone()), at);
    }

    /// Puts a gate or a line into the agenda, unless an earlier moment stands there.
    pub(super) fn wake(&mut self, which: Which, at: Millis) {
        if self.wakes(&which).is_none_or(|before| at < before) {
            self.set_wake(which, Some(at));
        }
    }

    pub(super) fn remove_pair(&mut self, source: Source, name: &Name) {
        if let Some(gate) = self.gates.get_mut(&source) {
            gate.pairs.remove(name);
        }
        if let Some(line) = self.lines.get_mut(name) {
            line.sources.remove(&source);
        }
    }

    /// Drops a gate and a line without a login under way or waiting.
    pub(super) fn tidy(&mut self, source: Source, name: &Name) {
        let gate = self.gates.get(&source);
        if gate.is_some_and(|gate| gate.running == 0 && gate.pairs.is_empty())
            && let Some(at) = self.gates.remove(&source).and_then(|gate| gate.wakes)
        {
            self.agenda.remove(&(at, Which::Gate(source)));
        }
        let line = self.lines.get(name);
        if line.is_some_and(|line| line.running == 0 && line.sources.is_empty())
            && let Some(at) = self.lines.remove(name).and_then(|line| line.wakes)
        {
            self.agenda.remove(&(at, Which::Line(name.clone())));
        }
    }

    /// The name that passes a gate next, if one may, and its turn.
    fn best(&self, source: Source, now: Millis, settings: &Settings) -> Option<(&Name, u64)> {
        let gate = self.gates.get(&source)?;
        let opens = |is_known| self.is_gate_open(source, is_known, now, settings);
        let (known, unknown) = (opens(true), opens(false));
        if !known && !unknown {
            return None;
        }
        let open = gate.pairs.iter().filter_map(|(name, pair)| {
            let is_known = self.has_logged_in(pair.mark);
            let passes = if is_known {
                known
            } else {
                let since = pair.waiting.front()?.since;
                unknown && self.is_line_open(name, since, now, settings)
            };
            passes.then(|| (self.class(name, is_known, now, settings), pair.turn, name))
        });
        open.min().map(|(_, turn, name)| (name, turn))
    }

    fn class(&self, name: &Name, is_known: bool, now: Millis, settings: &Settings) -> Class {
        let tried = self.names.get(name);
        let failed = tried.is_some_and(|tried| tried.failures.since(now, settings.window) > 0);
        let running = self.lines.get(name).is_some_and(|line| line.running > 0);
        match (is_known, failed || running) {
            (true, _) => Class::Known,
            (false, false) => Class::Blameless,
            (false, true) => Class::Rest,
        }
    }

    pub(super) fn is_gate_open(
        &self,
        source: Source,
        is_known: bool,
        now: Millis,
        settings: &Settings,
    ) -> bool {
        let Source::Address(_) = source else {
            return true;
        };
        if is_off(settings) {
            return true;
        }
        let gate = self.gates.get(&source);
        let (running, unknown) = gate.map_or((0, 0), |gate| (gate.running, gate.unknown));
        if !is_known && unknown >= settings.address_lookups.max(1) {
            return false;
        }
        // A name that has logged in from the source waits for failures, not for lookups under way.
        let under_way = if is_known { 0 } else { unknown };
        let after = usize::from(settings.after.max(1));
        let Some(failures) = self.addresses.get(&source) else {
            return under_way < after || running == 0;
        };
        let failed = failures.since(now, settings.window);
        if failed + under_way < after {
            return true;
        }
        let waited = failed
            .checked_sub(after)
            .is_none_or(|over| now >= failures.last() + wait(over, settings));
        running == 0 && waited
    }

    /// Whether a login that has waited since `since` may pass, in a name that has not logged in from its
    /// source.
    pub(super) fn is_line_open(
        &self,
        name: &Name,
        since: Millis,
        now: Millis,
        settings: &Settings,
    ) -> bool {
        if is_off(settings) {
            return true;
        }
        let running = self.lines.get(name).map_or(0, |line| line.running);
        if running >= settings.name_lookups.max(1) {
            return false;
        }
        if !self.is_guarded(name, now, settings) {
            return true;
        }
        let next = self.names.get(name).map_or(Millis(0), |tried| tried.next);
        now >= next.max(since + settings.name_wait)
    }

    /// The next moment at which a gate may open although no lookup ends.
    pub(super) fn gate_opens(
        &self,
        source: Source,
        now: Millis,
        settings: &Settings,
    ) -> Option<Millis> {
        let failures = self.addresses.get(&source)?;
        let opens = |is_known| {
            let forgotten = failures.times().map(|at| *at + settings.window);
            let waits = (0..REMEMBERED).map(|over| failures.last() + wait(over, settings));
            forgotten
                .chain(waits)
                .filter(|at| *at > now && self.is_gate_open(source, is_known, *at, settings))
                .min()
        };
        let shut = [true, false].into_iter();
        let shut = shut.filter(|is_known| !self.is_gate_open(source, *is_known, now, settings));
        shut.filter_map(opens).min()
    }

    fn wakes(&self, which: &Which) -> Option<Millis> {
        match which {
            Which::Gate(source) => self.gates.get(source)?.wakes,
            Which::Line(name) => self.lines.get(name)?.wakes,
        }
    }

    fn set_wake(&mut self, which: Which, at: Option<Millis>) {
        let before = match &which {
            Which::Gate(source) => {
                let gate = self.gates.get_mut(source);
                gate.map(|gate| core::mem::replace(&mut gate.wakes, at))
            }
            Which::Line(name) => {
                let line = self.lines.get_mut(name);
                line.map(|line| core::mem::replace(&mut line.wakes, at))
            }
        };
        let Some(before) = before else { return };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.agenda.remove(&(before, which.clone()));
        }
        if let Some(at) = at {
            self.agenda.insert((at, which));
        }
    }
}

/// The wait after the last failure, by how many there were beyond those that cost nothing.
fn wait(over: usize, settings: &Settings) -> Millis {
    let doubled = settings.first.0.saturating_mul(1 << over);
    Millis(doubled.min(settings.longest.0))
}

impl Gate {
    /// Logins that wait by a nick wait by the number from now on.
    pub(super) fn rename(&mut self, nick: &Name, number: &Name, source: Source) {
        let Some(old) = self.pairs.remove(nick) else {
            return;
        };
        let pair = self.pairs.entry(number.clone());
        let pair = pair.or_insert_with(|| Pair::new(mark(number, source), old.turn));
        pair.turn = pair.turn.min(old.turn);
        pair.waiting.extend(old.waiting);
        let waiting = pair.waiting.make_contiguous();
        waiting.sort_by_key(|waits| waits.arrival);
    }
}

impl Pair {
    pub(super) fn new(mark: Option<Mark>, turn: u64) -> Self {
        Self {
            mark,
            turn,
            waiting: VecDeque::new(),
        }
    }
}
