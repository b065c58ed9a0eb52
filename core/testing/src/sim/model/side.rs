//! A connection as the model knows it.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::Owner;
use super::forwards::Passing;
use super::hops::Opening;
use super::rate::{Cost, Rate, Taken};
use crate::sim::ask::{Ask, IDLE, Speak, TOO_LONG};
use crate::sim::client::{AT_EOF, Item, Kind, Visit};
use crate::sim::commands;
use crate::sim::key::Key;
use crate::sim::reader::{Form, Said};
use flashgate_core::{Answer, Limits, Member, Millis, Ticket};

#[derive(Debug)]
pub(in crate::sim) struct Side {
    pub(super) kind: Kind,
    pub(in crate::sim) peer: SocketAddr,
    pub(super) limited: bool,
    /// Its first bytes must be a proxy's header, which was not whole so far.
    pub(super) opening: Option<Opening>,
    /// Its proxy has named an address that has as many connections as it may.
    pub(super) refused: bool,
    /// The head of its request, to which proxies have added lines, was not whole so far.
    pub(super) passing: Option<Passing>,
    /// Its head has named an address that has as many connections as it may.
    pub(super) too_many: bool,
    pub(super) accepted: Millis,
    /// When its first bytes came, and its last.
    pub(super) began: Option<Millis>,
    pub(super) last_bytes: Millis,
    /// When its last bytes came before the present input, whose timers fire first.
    pub(super) heard_before: Millis,
    /// How many bytes the core was given.
    pub(super) arrived: u64,
    /// How many the core was given before the present input.
    pub(super) arrived_before: u64,
    pub(super) eof: bool,
    pub(super) paused: bool,
    pub(super) chat: bool,
    pub(super) upgraded: bool,
    /// It has sent a command in the code page.
    pub(super) ascii: bool,
    /// It has sent a command of level 2.
    pub(super) level_two: bool,
    /// When the core took the first command of which the model knows that it ended with NUL.
    flash: Option<Millis>,
    /// Everything that the client asks for and that was not done yet, whether it has arrived or not.
    pub(super) script: VecDeque<Item>,
    pub(super) turn: Turn,
    /// Since when a command waits for the server.
    pub(super) since: Since,
    /// Since when an IDENTIFY waits, if the model is not certain that the rate allowed it.
    pub(super) perhaps_since: Option<Millis>,
    /// When the rate allowed its IDENTIFY: the order of those that came to a line with the same input.
    pub(super) order: Millis,
    /// For how long commands have waited for the server, at least and at most.
    pub(super) stood_still: [Millis; 2],
    pub(super) failures: u8,
    pub(super) logged_in: Millis,
    /// The name that it tried last.
    pub(super) tried: String,
    /// The name that this counts for in the login throttle.
    pub(super) counts_for: String,
    rate: Rate,
    /// When the log last said that the rate slows it down.
    pub(super) slowed: Option<Millis>,
    /// The chunks in the runtime's queue.
    waiting: VecDeque<Waiting>,
    /// An answer that is longer than the limit was sent, and some answer has waited since then.
    long: bool,
    progress: Millis,
    pub(super) ending: Option<Stage>,
    /// The answer to a visitor so far.
    pub(super) answer: Vec<u8>,
}

/// A chunk in the runtime's queue.
#[derive(Debug)]
struct Waiting {
    owner: Owner,
    /// Less the bytes that are written.
    memory: usize,
}

/// A time that is known within bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    pub(super) soonest: Millis,
    pub(super) latest: Millis,
}

impl Since {
    pub(super) fn at(now: Millis) -> Self {
        let (soonest, latest) = (now, now);
        Self { soonest, latest }
    }
}

/// What the next command waits for, besides the rate and the backlog.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    Free,
    /// The turn of its address in the throttle.
    Line(Ask),
    Asking(Ticket),
    /// The password is right; next the core must ask the host about the claim.
    Right(Member),
    /// The store has answered; what that leads to must come next.
    Verdict(Answer),
    /// A sign of life from an older connection, which was asked at that time.
    Claim {
        member: Member,
        old: Key,
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
            opening: None,
            refused: false,
            passing: None,
            too_many: false,
            accepted: now,
            began: None,
            last_bytes: now,
            heard_before: now,
            arrived: 0,
            arrived_before: 0,
            eof: false,
            paused: false,
            chat: false,
            upgraded: false,
            ascii: false,
            level_two: false,
            flash: None,
            script: VecDeque::new(),
            turn: Turn::Free,
            since: Since::at(now),
            perhaps_since: None,
            order: now,
            stood_still: [Millis(0); 2],
            failures: 0,
            logged_in: now,
            tried: String::new(),
            counts_for: String::new(),
            rate: Rate::new(now),
            slowed: None,
            waiting: VecDeque::new(),
            long: false,
            progress: now,
            ending: None,
            answer: Vec::new(),
        }
    }

    /// Adds what the client asks for with bytes that may not have arrived.
    pub(in crate::sim) fn will_ask(&mut self, items: Vec<Item>) {
        self.script.extend(items);
    }

    /// Whether all of a visitor's request has arrived.
    pub(super) fn has_all(&self, visit: Visit) -> bool {
        self.arrived >= visit.request().len() as u64
    }

    /// What the client asks for next, if it has arrived. Things that lead to no command are taken at once, if the
    /// rate allows it.
    pub(super) fn next(&mut self, limits: &Limits, now: Millis) -> Option<&Ask> {
        if self.turn == Turn::Free {
            self.rate.settle(limits, now);
        }
        while self.turn == Turn::Free
            && self.has_arrived()
            && let Ask::Idle(cost) = self.script[0].ask
            && self.rate.may_allow(Cost::Idle(cost), limits, now)
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

    /// Whether the next thing may be done now, by the limits on one connection.
    pub(super) fn may(&self, ask: &Ask, limits: &Limits, now: Millis) -> bool {
        self.is_read(ask, limits) && self.rate.may_allow(cost(ask), limits, now)
    }

    /// Whether the next thing must be done now.
    pub(super) fn must(&self, ask: &Ask, limits: &Limits, now: Millis) -> bool {
        self.is_read(ask, limits) && self.rate.must_allow(cost(ask), limits, now)
    }

    /// Whether the client has read enough of its answers for this.
    fn is_read(&self, ask: &Ask, limits: &Limits) -> bool {
        match ask {
            Ask::Upgrade | Ask::Close(_) | Ask::Break(_) | Ask::Idle(_) => true,
            Ask::Control(_) | Ask::Command(..) | Ask::OtherMethod(_) | Ask::Wrong(_) => {
                !self.is_behind(limits)
            }
        }
    }

    /// Whether something that leads to no command may still wait for the rate.
    pub(super) fn may_skip(&self, limits: &Limits, now: Millis) -> bool {
        self.rate.has_unpaid(limits, now)
    }

    /// Whether it asks for something that the rate does not allow yet.
    pub(super) fn over_the_rate(&mut self, limits: &Limits, now: Millis) -> OverTheRate {
        if self.turn != Turn::Free {
            return OverTheRate::No;
        }
        let next = self.next(limits, now).map(cost);
        let Some(cost) = next.filter(|cost| *cost != Cost::Nothing) else {
            // The rest of a command that was too long may wait in front of what costs nothing.
            return match self.may_skip(limits, now) {
                true => OverTheRate::Perhaps,
                false => OverTheRate::No,
            };
        };
        if self.rate.must_allow(cost, limits, now) {
            return OverTheRate::No;
        }
        let ask = &self.script[0].ask;
        // A client that does not read its answers may wait for that or for the rate: the model cannot tell which.
        if self.is_read(ask, limits) && !self.rate.may_allow(cost, limits, now) {
            OverTheRate::Yes
        } else {
            OverTheRate::Perhaps
        }
    }

    /// Whether it waits for the rate, and the log should have said so: at the beginning of a wait, if the last such
    /// line is a minute old. A wait begins when something was paid for, or later.
    pub(super) fn is_slowed_in_silence(&mut self, limits: &Limits, now: Millis) -> bool {
        let silent = self
            .slowed
            .is_none_or(|at| self.rate.last_paid() >= at + Millis::from_secs(60));
        silent && !self.is_behind(limits) && self.over_the_rate(limits, now) == OverTheRate::Yes
    }

    /// The earliest time at which the rate may have allowed the next command.
    pub(super) fn may_since(&self, limits: &Limits) -> Millis {
        self.rate.may_since(limits)
    }

    /// Takes the next thing.
    pub(super) fn take(&mut self, limits: &Limits, now: Millis) -> Ask {
        let Item { ask, paged, .. } = self.script.pop_front().expect("was looked at");
        self.ascii |= paged;
        // A command that is too long is taken before its end arrives.
        let ends = !matches!(ask, Ask::Wrong(TOO_LONG) | Ask::Idle(_));
        if ends && matches!(self.kind, Kind::Chat(Speak::Nul | Speak::Page)) {
            self.flash.get_or_insert(now);
        }
        let mut rest = Vec::new();
        if let Ask::Idle(cost) = ask {
            rest.push(cost);
        } else {
            let soonest = self.perhaps_since.take().unwrap_or(now);
            self.rate.pay(cost(&ask), soonest, limits, now);
            self.since = Since {
                soonest,
                latest: now,
            };
        }
        if ask == Ask::Wrong(TOO_LONG) && self.kind == Kind::Chat(Speak::Telnet) {
            // It may end within a telnet sequence, whose rest costs as well.
            self.rate.pay_perhaps(2);
        }
        // The rest of a command that was too long may be taken at once, as far as it has arrived.
        while matches!(ask, Ask::Wrong(TOO_LONG) | Ask::Idle(0..IDLE))
            && self.has_arrived()
            && let Ask::Idle(part @ 0..IDLE) = self.script[0].ask
        {
            rest.push(part);
            self.script.pop_front();
        }
        self.rate.pay_idle(&rest, self.taken(), limits, now);
        ask
    }

    /// How the rest of a command that was too long is taken.
    fn taken(&self) -> Taken {
        match self.kind {
            Kind::Chat(Speak::Telnet | Speak::Binary | Speak::Text) => Taken::InPieces,
            Kind::Chat(Speak::Nul | Speak::Line | Speak::Both | Speak::Page)
            | Kind::Visit(_)
            | Kind::Garbage => Taken::Together,
        }
    }

    /// The client no longer waits for the server.
    pub(super) fn free(&mut self, now: Millis) {
        let [least, most] = self.stood_still;
        let (shortest, longest) = (now - self.since.latest, now - self.since.soonest);
        self.stood_still = [least + shortest, most + longest];
        self.since = Since::at(now);
        self.turn = Turn::Free;
    }

    /// A chunk of this memory is queued.
    pub(super) fn wrote(&mut self, owner: Owner, memory: usize, own_backlog: usize) {
        self.long |= owner == Owner::Own && memory > own_backlog;
        self.waiting.push_back(Waiting { owner, memory });
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
        self.long &= self.waiting.iter().any(|chunk| chunk.owner == Owner::Own);
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.iter().map(|waiting| waiting.memory).sum()
    }

    pub(super) fn waiting_chunks(&self) -> usize {
        self.waiting.len()
    }

    /// Whether its next command waits for what it was answered.
    pub(super) fn is_behind(&self, limits: &Limits) -> bool {
        self.waiting() > limits.own_backlog || self.long
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

    /// Whether it may get a keep-alive NUL now.
    pub(super) fn may_be_kept_alive(&self, limits: &Limits, now: Millis) -> bool {
        let ends_in_nul = match self.kind {
            Kind::Chat(Speak::Nul | Speak::Page | Speak::Both) | Kind::Garbage => true,
            Kind::Chat(Speak::Line | Speak::Telnet | Speak::Binary | Speak::Text)
            | Kind::Visit(_) => false,
        };
        let silent = self.kept_alive_at(limits).is_some_and(|at| now >= at);
        ends_in_nul && self.chat && self.waiting() == 0 && silent
    }

    /// When the next keep-alive NUL is due.
    pub(super) fn kept_alive_at(&self, limits: &Limits) -> Option<Millis> {
        limits.raw_keepalive.map(|silence| self.progress + silence)
    }

    /// Whether it should have got a keep-alive NUL.
    pub(super) fn must_be_kept_alive(&self, limits: &Limits, now: Millis) -> bool {
        let known = self.flash.zip(limits.raw_keepalive);
        known.is_some_and(|(since, silence)| now >= since + silence)
            && self.may_be_kept_alive(limits, now)
    }

    /// Whether an answer may have these bytes in this client's code page.
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

    pub(in crate::sim) fn is_socket(&self) -> bool {
        matches!(self.kind, Kind::Chat(Speak::Binary | Speak::Text))
    }

    /// The wire form in which this client gets this.
    pub(super) fn form_of(&self, said: &Said) -> Form {
        match (said, self.kind) {
            (Said::Upgraded | Said::NotUpgraded(_) | Said::Body(_), _) => Form::Other,
            (Said::Ping(_) | Said::Pinged(_) | Said::Close(_), _) => Form::Other,
            // The core does not know the form of a client's messages before the first one.
            (said, _) if *said == Said::error("Server is full.") && self.is_socket() => {
                Form::Binary
            }
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

/// The cost of the next thing.
fn cost(ask: &Ask) -> Cost {
    match ask {
        Ask::Upgrade | Ask::Close(_) | Ask::Break(_) => Cost::Nothing,
        Ask::Idle(cost) => Cost::Idle(*cost),
        Ask::Control(_) => Cost::Idle(IDLE),
        Ask::Command(word, _) => Cost::Commands(commands::price(word)),
        Ask::Wrong(error) => Cost::Commands(commands::price_of_wrong(error)),
        Ask::OtherMethod(_) => Cost::Commands(1),
    }
}
