//! One connection as the model knows it.

use core::net::SocketAddr;
use std::collections::VecDeque;
use std::string::String;
use std::vec::Vec;

use super::Owner;
use crate::config::Limits;
use crate::event::{ConnId, Ticket};
use crate::member::{Answer, Member};
use crate::testing::sim::ask::{Ask, IDLE, Speak, TOO_LONG};
use crate::testing::sim::client::{AT_EOF, Item, Kind, Visit};
use crate::testing::sim::reader::{Form, Said};
use crate::time::Millis;

#[derive(Debug)]
pub(in crate::testing::sim) struct Side {
    pub(super) kind: Kind,
    pub(super) peer: SocketAddr,
    pub(super) limited: bool,
    pub(super) accepted: Millis,
    /// When its first byte came, and its last.
    pub(super) began: Option<Millis>,
    pub(super) last_bytes: Millis,
    /// The same before the input at hand: its timers fire first.
    pub(super) heard_before: Millis,
    /// Bytes that the core was given.
    pub(super) arrived: u64,
    pub(super) eof: bool,
    pub(super) paused: bool,
    pub(super) chat: bool,
    pub(super) upgraded: bool,
    /// It has sent a command in the code page.
    pub(super) ascii: bool,
    /// Since when it is known to have sent a command ended by NUL.
    flash: Option<Millis>,
    /// Everything that the client asks for, whether it has arrived or not, and was not done yet.
    pub(super) script: VecDeque<Item>,
    pub(super) turn: Turn,
    /// Since when a command waits for us.
    pub(super) since: Millis,
    /// Of those that have come to a line in the same input, the first is the one whom the rate has
    /// let go on first.
    pub(super) order: Millis,
    pub(super) stood_still: Millis,
    pub(super) failures: u8,
    pub(super) logged_in: Millis,
    /// The name that it tried last.
    pub(super) tried: String,
    /// What is used up of the command rate, in 1,024ths of a microsecond, as of a time.
    debt: u64,
    debt_at: Millis,
    /// What of the debt is for what came behind a command that was too long. The core takes that on when it
    /// looks at it, which may be later.
    rest: u64,
    /// When the log said last that the rate slows it down.
    pub(super) slowed: Option<Millis>,
    /// What is in the runtime's queue.
    waiting: VecDeque<Waiting>,
    progress: Millis,
    pub(super) ending: Option<Stage>,
    /// What a visitor was answered so far.
    pub(super) answer: Vec<u8>,
}

/// A chunk in the runtime's queue.
#[derive(Debug)]
struct Waiting {
    owner: Owner,
    /// Without its bytes that are written.
    memory: usize,
    /// It is an answer that alone takes more than may wait.
    long: bool,
}

/// What the next command waits for, besides rate and backlog.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    Free,
    /// Its address's turn.
    Line(Ask),
    Asking(Ticket),
    /// The store has spoken; what that leads to was not seen yet.
    Verdict(Answer),
    /// A sign of life from an older connection, which was asked then.
    Claim {
        member: Member,
        old: ConnId,
        asked: Millis,
    },
    Refused(Millis),
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The chat is over.
    Said,
    Finish,
    Close,
    Abort,
}

impl Side {
    pub(super) fn new(kind: Kind, peer: SocketAddr, limited: bool, now: Millis) -> Self {
        Self {
            kind,
            peer,
            limited,
            accepted: now,
            began: None,
            last_bytes: now,
            heard_before: now,
            arrived: 0,
            eof: false,
            paused: false,
            chat: false,
            upgraded: false,
            ascii: false,
            flash: None,
            script: VecDeque::new(),
            turn: Turn::Free,
            since: now,
            order: now,
            stood_still: Millis(0),
            failures: 0,
            logged_in: now,
            tried: String::new(),
            debt: 0,
            debt_at: now,
            rest: 0,
            slowed: None,
            waiting: VecDeque::new(),
            progress: now,
            ending: None,
            answer: Vec::new(),
        }
    }

    /// What the client will have asked for once its bytes are there.
    pub(in crate::testing::sim) fn will_ask(&mut self, items: Vec<Item>) {
        self.script.extend(items);
    }

    /// Whether all of a visitor's request has arrived.
    pub(super) fn has_all(&self, visit: Visit) -> bool {
        self.arrived >= visit.request().len() as u64
    }

    /// What it asks for next, if all of that has arrived; what leads to nothing is done at once, if the rate
    /// allows it.
    pub(super) fn next(&mut self, limits: &Limits, now: Millis) -> Option<&Ask> {
        while self.turn == Turn::Free
            && self.has_arrived()
            && let Ask::Idle(cost) = self.script[0].ask
            && self.within_rate(cost, limits, now)
        {
            self.take(limits, now);
        }
        self.has_arrived().then(|| &self.script[0].ask)
    }

    fn has_arrived(&self) -> bool {
        self.script.front().is_some_and(|item| self.is_here(item))
    }

    fn is_here(&self, item: &Item) -> bool {
        if item.at == AT_EOF {
            self.eof
        } else {
            item.at <= self.arrived
        }
    }

    /// Whether the next thing may be done now, as far as the limits on one connection go.
    pub(super) fn may(&self, ask: &Ask, limits: &Limits, now: Millis) -> bool {
        let is_behind = self.is_behind(limits);
        match ask {
            Ask::Upgrade | Ask::Close(_) | Ask::Break(_) => true,
            Ask::Control(_) => !is_behind && self.within_rate(IDLE, limits, now),
            Ask::Idle(cost) => self.within_rate(*cost, limits, now),
            Ask::Identify { .. }
            | Ask::Msg { .. }
            | Ask::List
            | Ask::Ping(_)
            | Ask::Quit
            | Ask::OtherMethod(_)
            | Ask::Wrong(_) => !is_behind && self.within_rate(COMMAND, limits, now),
        }
    }

    /// Whether the next thing has to be done by now.
    pub(super) fn must(&self, ask: &Ask, limits: &Limits, now: Millis) -> bool {
        let free = matches!(ask, Ask::Upgrade | Ask::Close(_) | Ask::Break(_));
        let bucket = command_cost(limits) * u64::from(limits.burst.max(1));
        let paid = free || self.owed(now) + self.rest + command_cost(limits) <= bucket;
        self.may(ask, limits, now) && (self.rest == 0 || paid)
    }

    /// Whether something that costs so many 1,024ths of a command is within the rate. The rest of a command
    /// that was too long is as soon as one byte of it is.
    fn within_rate(&self, cost: u64, limits: &Limits, now: Millis) -> bool {
        let command = command_cost(limits);
        let bucket = command * u64::from(limits.burst.max(1));
        let room = if cost < IDLE { 1 } else { cost.min(COMMAND) };
        self.owed(now) + command / COMMAND * room <= bucket
    }

    /// Whether more is used up than the rate allows. Then some of that may not have been taken yet: what
    /// follows a command that was too long is paid for as it is looked at, and the model does not know when.
    pub(super) fn is_in_debt(&self, limits: &Limits, now: Millis) -> bool {
        self.owed(now) > command_cost(limits) * u64::from(limits.burst.max(1))
    }

    /// Whether it asks for something that the rate does not allow yet.
    pub(super) fn over_the_rate(&self, limits: &Limits, now: Millis) -> OverTheRate {
        if self.turn != Turn::Free {
            return OverTheRate::No;
        }
        if !self.has_arrived() {
            return match self.is_in_debt(limits, now) {
                true => OverTheRate::Perhaps,
                false => OverTheRate::No,
            };
        }
        let (cost, certain) = match &self.script[0].ask {
            Ask::Upgrade | Ask::Close(_) | Ask::Break(_) => return OverTheRate::No,
            // The rest of a command that was too long may have come, and been paid for, with its beginning.
            Ask::Idle(cost) => (*cost, *cost >= IDLE),
            Ask::Control(_) => (IDLE, !self.is_behind(limits)),
            Ask::Identify { .. }
            | Ask::Msg { .. }
            | Ask::List
            | Ask::Ping(_)
            | Ask::Quit
            | Ask::OtherMethod(_)
            | Ask::Wrong(_) => (COMMAND, !self.is_behind(limits)),
        };
        match self.within_rate(cost, limits, now) {
            true => OverTheRate::No,
            // Who does not read its answers waits for that, or for the rate: the model cannot tell which.
            false if certain => OverTheRate::Yes,
            false => OverTheRate::Perhaps,
        }
    }

    /// Whether it waits for the rate and the log has not said so. A wait that began within the minute
    /// after the last line goes on for less than two seconds.
    pub(super) fn is_slowed_in_silence(&self, limits: &Limits, now: Millis) -> bool {
        let silent = self
            .slowed
            .is_none_or(|at| now >= at + Millis::from_secs(62));
        silent && !self.is_behind(limits) && self.over_the_rate(limits, now) == OverTheRate::Yes
    }

    /// Since when the rate lets it go on.
    pub(super) fn may_since(&self, limits: &Limits) -> Millis {
        let room = command_cost(limits) * u64::from(limits.burst.max(1)).saturating_sub(1);
        let over = self.debt.saturating_sub(room);
        self.debt_at + Millis(over.div_ceil(1000 * COMMAND))
    }

    fn owed(&self, now: Millis) -> u64 {
        let paid = (now - self.debt_at).0.saturating_mul(1000 * COMMAND);
        self.debt.saturating_sub(paid)
    }

    /// Does the next thing.
    pub(super) fn take(&mut self, limits: &Limits, now: Millis) -> Ask {
        let Item { ask, paged, .. } = self.script.pop_front().expect("was looked at");
        self.ascii |= paged;
        // Of one that is too long the end may be still to come.
        let ends = !matches!(ask, Ask::Wrong(TOO_LONG) | Ask::Idle(_));
        if ends && matches!(self.kind, Kind::Chat(Speak::Nul | Speak::Page)) {
            self.flash.get_or_insert(now);
        }
        let mut cost = match &ask {
            Ask::Upgrade | Ask::Close(_) | Ask::Break(_) => 0,
            Ask::Idle(cost) => *cost,
            Ask::Control(_) => IDLE,
            Ask::Identify { .. }
            | Ask::Msg { .. }
            | Ask::List
            | Ask::Ping(_)
            | Ask::Quit
            | Ask::OtherMethod(_)
            | Ask::Wrong(_) => COMMAND,
        };
        let command = if matches!(ask, Ask::Idle(0..IDLE)) {
            0
        } else {
            cost
        };
        // What has come of the rest of a command that was too long goes together.
        while matches!(ask, Ask::Wrong(TOO_LONG) | Ask::Idle(0..IDLE))
            && self.has_arrived()
            && let Ask::Idle(rest @ 0..IDLE) = self.script[0].ask
        {
            cost += rest;
            self.script.pop_front();
        }
        self.debt = self.owed(now) + command_cost(limits) / COMMAND * cost;
        self.debt_at = now;
        self.rest = command_cost(limits) / COMMAND * (cost - command);
        ask
    }

    /// The wait for us is over.
    pub(super) fn free(&mut self, now: Millis) {
        self.stood_still = self.stood_still + (now - self.since);
        self.turn = Turn::Free;
    }

    /// A chunk is on its way that takes so much memory.
    pub(super) fn wrote(&mut self, owner: Owner, memory: usize, own_backlog: usize) {
        let long = owner == Owner::Own && memory > own_backlog;
        self.waiting.push_back(Waiting {
            owner,
            memory,
            long,
        });
    }

    pub(super) fn flushed(&mut self, left: usize, now: Millis) {
        let mut freed = self.waiting() - left;
        if freed > 0 {
            self.progress = now;
            if left > 0 && self.is_socket() {
                self.last_bytes = now;
            }
        }
        while freed > 0 {
            let memory = &mut self.waiting[0].memory;
            let some = freed.min(*memory);
            *memory -= some;
            freed -= some;
            if *memory == 0 {
                self.waiting.pop_front();
            }
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.iter().map(|waiting| waiting.memory).sum()
    }

    /// Whether its next command waits for what it was answered.
    pub(super) fn is_behind(&self, limits: &Limits) -> bool {
        self.waiting() > limits.own_backlog || self.waiting.iter().any(|waiting| waiting.long)
    }

    pub(super) fn others_waiting(&self) -> usize {
        let others = self
            .waiting
            .iter()
            .filter(|waiting| waiting.owner == Owner::Others);
        others.map(|waiting| waiting.memory).sum()
    }

    pub(super) fn takes_nothing_since(&self) -> Millis {
        self.progress
    }

    /// Whether it may get a NUL now that keeps it alive.
    pub(super) fn may_be_kept_alive(&self, limits: &Limits, now: Millis) -> bool {
        let ends_in_nul = match self.kind {
            Kind::Chat(Speak::Nul | Speak::Page | Speak::Both) | Kind::Garbage => true,
            Kind::Chat(Speak::Line | Speak::Telnet | Speak::Binary | Speak::Text)
            | Kind::Visit(_) => false,
        };
        let silence = limits.raw_keepalive;
        let silent = now >= self.progress + silence;
        silence > Millis(0) && ends_in_nul && self.chat && self.waiting() == 0 && silent
    }

    /// Whether it should have got one.
    pub(super) fn must_be_kept_alive(&self, limits: &Limits, now: Millis) -> bool {
        let known = self
            .flash
            .is_some_and(|since| now >= since + limits.raw_keepalive);
        known && self.may_be_kept_alive(limits, now)
    }

    /// Whether an answer may have these bytes.
    pub(super) fn may_hear(&self, bytes: &[u8]) -> bool {
        let is_reference = |at: usize| {
            let rest = &bytes[at..];
            !["&#9;", "&#10;", "&#13;"]
                .iter()
                .any(|own| rest.starts_with(own.as_bytes()))
        };
        let mut references = memchr::memmem::find_iter(bytes, "&#");
        self.is_socket()
            || if self.ascii {
                bytes.is_ascii()
            } else {
                !references.any(is_reference)
            }
    }

    pub(super) fn is_socket(&self) -> bool {
        matches!(self.kind, Kind::Chat(Speak::Binary | Speak::Text))
    }

    /// The form in which this client hears this.
    pub(super) fn form_of(&self, said: &Said) -> Form {
        match (said, self.kind) {
            (Said::Upgraded | Said::NotUpgraded(_) | Said::Body(_), _) => Form::Other,
            (Said::Ping(_) | Said::Pinged(_) | Said::Close(_), _) => Form::Other,
            // Before its first message nobody knows what it speaks.
            (Said::Error(text), _) if text == "Server is full." && self.is_socket() => Form::Binary,
            (_, Kind::Chat(Speak::Text)) => Form::Text,
            (_, Kind::Chat(Speak::Binary)) => Form::Binary,
            (
                _,
                Kind::Chat(Speak::Nul | Speak::Line | Speak::Both | Speak::Telnet | Speak::Page)
                | Kind::Visit(_)
                | Kind::Garbage,
            ) => Form::Stream,
        }
    }
}

/// Whether a client's next thing waits for the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OverTheRate {
    Yes,
    No,
    Perhaps,
}

/// What a command costs; 0 where there is no rate.
fn command_cost(limits: &Limits) -> u64 {
    let micros = 1_000_000_u64.checked_div(u64::from(limits.rate));
    micros.unwrap_or(0) * COMMAND
}

/// Parts of a command that make one.
const COMMAND: u64 = 1024;
