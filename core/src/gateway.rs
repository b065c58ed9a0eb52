//! The state machine's front door: inputs come in, timers fire, actions queue up to be polled.
//!
//! Other files decide what a connection's bytes mean: `gateway::opening` recognises the protocol,
//! `gateway::http` answers requests, `gateway::admin` answers requests for administration, `gateway::websocket` reads
//! frames, `gateway::turn` takes commands, `gateway::login` carries a login to the member store, and `gateway::claims`
//! lets one member replace an older connection.

mod accepting;
pub(crate) mod addresses;
mod admin;
mod caller;
mod claims;
#[cfg(any(test, feature = "_testing"))]
mod consistency;
mod deadlines;
mod ending;
mod file_answer;
mod filtering;
mod frames;
mod guests;
mod handshakes;
mod http;
mod keep_alive;
mod login;
mod noting;
mod observing;
mod opening;
mod operator;
mod questions;
pub(crate) mod refusals;
mod renaming;
mod secure;
mod sending;
#[cfg(test)]
mod tests;
mod timers;
mod turn;
mod websocket;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::chat::hub::Hub;
use crate::chat::throttle::Throttle;
use crate::config::Config;
use crate::conn::outbox::Progress;
use crate::conn::table::Table;
use crate::conn::{Asks, Incoming, Stage, State, Turn, Wire};
use crate::event::{Action, Cause, HostFacts, Input, MAX_READ};
use crate::gateway::addresses::Addresses;
use crate::id::ConnId;
use crate::member::Unavailable;
use crate::note::CloseReason;
use crate::observer::Observer;
use crate::time::{Millis, Now};
use crate::web::counters::{Counters, Limit, SHORT_QUEUE};
use crate::wiped;
use admin::Admins;
pub(crate) use admin::MAX_ADMIN_WAIT;
use claims::Claims;
#[cfg(any(test, feature = "_testing"))]
use consistency::Highest;
use deadlines::Deadlines;
use ending::Ends;
use filtering::Behind;
use guests::GuestSources;
use handshakes::Handshakes;
pub use operator::Online;
use questions::Questions;
use refusals::Refusals;
use renaming::Renamings;
use timers::MAX_FIRED;

/// Everyone who is connected and everything they may do, as one value with one owner.
///
/// Methods come in three kinds. [`accept`](Self::accept) and [`handle`](Self::handle) take in what
/// happened and finish all work it leads to. [`poll`](Self::poll) only pops what was decided, so an
/// action polled late is late, never wrong. [`poll_timeout`](Self::poll_timeout) and
/// [`is_empty`](Self::is_empty) look. The crate's documentation has the contract with a runtime.
#[derive(Debug)]
pub struct Gateway {
    config: Arc<Config>,
    /// The highest limits so far: lower ones send nobody away.
    #[cfg(any(test, feature = "_testing"))]
    highest: Highest,
    started: Now,
    now: Now,
    phase: Phase,
    conns: Table,
    /// For each connection a deadline that is never later than the one its state implies.
    deadlines: Deadlines,
    /// When each raw connection gets a NUL that is to be kept alive.
    silences: Deadlines,
    /// Open connections by address, where they count against a limit.
    addresses: Addresses,
    /// Connections in [`State::Chat`].
    clients: usize,
    hub: Hub,
    /// What the host was asked, and has not answered yet.
    questions: Questions,
    /// Newcomers that wait for an older connection of their member.
    claims: Claims,
    renamings: Renamings,
    /// A connection has left during this input: newcomers or members may wait for its place or nick.
    has_freed: bool,
    throttle: Throttle,
    guests: GuestSources,
    refusals: Refusals,
    handshakes: Handshakes,
    /// Connections that the command rate has slowed down, and until when the log does not say so again.
    slowed: BTreeMap<ConnId, Millis>,
    /// Connections of members who have sent wrong passwords, and how many.
    failures: BTreeMap<ConnId, u8>,
    counters: Counters,
    facts: HostFacts,
    /// When the member store failed to answer last, and how, unless it has answered since.
    store_failed: Option<(Millis, Unavailable)>,
    /// Where a WebSocket's payload is unmasked; empty between inputs.
    scratch: Zeroizing<Vec<u8>>,
    /// The connections that have or had a filter.
    filters: BTreeMap<ConnId, Behind>,
    admin: Admins,
    /// The connections that got a filter during this input, and the wire bytes that they had sent by then.
    unfiltered: VecDeque<(ConnId, Zeroizing<Vec<u8>>)>,
    actions: VecDeque<Action>,
    observer: Option<Box<dyn Observer>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// Until then connections may end in their own time.
    Stopping(Millis),
    /// Every connection was cut off.
    Stopped,
}

/// How far a connection's bytes have been understood.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// This many bytes are used up; look again, as the state may have changed.
    Consumed(usize),
    /// This many bytes are used up, and no more can be done before something happens.
    Last(usize),
    /// Nothing can be done before something happens.
    Wait,
}

impl Gateway {
    /// A gateway with nobody connected. `now` is what `/server-status` calls `Created`.
    pub fn new(config: Arc<Config>, now: Now) -> Self {
        let mut hub = Hub::default();
        hub.rooms.configure(&config.permanent_rooms);
        Self {
            #[cfg(any(test, feature = "_testing"))]
            highest: Highest::default().and(&config.limits),
            config,
            started: now,
            now,
            phase: Phase::Running,
            conns: Table::default(),
            deadlines: Deadlines::default(),
            silences: Deadlines::default(),
            addresses: Addresses::default(),
            clients: 0,
            hub,
            questions: Questions::default(),
            claims: Claims::default(),
            renamings: Renamings::default(),
            has_freed: false,
            throttle: Throttle::default(),
            guests: GuestSources::default(),
            refusals: Refusals::default(),
            handshakes: Handshakes::default(),
            slowed: BTreeMap::new(),
            failures: BTreeMap::new(),
            counters: Counters::default(),
            facts: HostFacts::default(),
            store_failed: None,
            scratch: Zeroizing::default(),
            filters: BTreeMap::new(),
            admin: Admins::default(),
            unfiltered: VecDeque::new(),
            actions: VecDeque::new(),
            observer: None,
        }
    }

    /// Fires the timers that are due, then takes one input. All the work happens here.
    pub fn handle(&mut self, now: Now, mut input: Input<'_>) {
        self.now = now;
        if !self.filters.is_empty() && !self.unfilter(&mut input) {
            return;
        }
        // From here on, bytes and backlog are those of plain chunks.
        self.before(&input);
        match input {
            Input::Bytes(id, data) => self.bytes(id, data),
            Input::Eof(id) => self.eof(id),
            Input::Gone(id, cause) => self.gone(id, cause),
            Input::Backlog(id, left) => self.backlog(id, left),
            Input::Answer(ticket, answer) => self.answer(ticket, answer),
            Input::Filter(id, event) => self.filter_event(id, &event),
            Input::Member(event) => self.member(&event),
            Input::Announce(text) => self.announce(&text),
            Input::Kick { member, reason } => self.kick(&member, reason.as_deref()),
            Input::Host(facts) => self.facts = facts,
            Input::Configure(config) => self.configure(config),
            Input::Timeout => {}
            Input::Shutdown => self.shut_down(),
        }
        self.after_departures();
        if !self.unfiltered.is_empty() {
            self.receive_first();
        }
    }

    /// What comes before each input.
    fn before(&mut self, input: &Input<'_>) {
        if let Some(observer) = &mut self.observer {
            observer.input(self.now, input);
        }
        // Many timers at once (a whole school's connections were accepted in one second) must not
        // keep the loop from its sockets; any other input needs them all fired before it.
        if self.is_due() {
            self.fire(if matches!(input, Input::Timeout) {
                MAX_FIRED
            } else {
                usize::MAX
            });
        }
        if matches!(input, Input::Timeout) {
            self.begin_handshakes();
        }
    }

    /// Newcomers that have waited for a connection to leave go on, and members get the nicks that are free.
    #[inline]
    fn after_departures(&mut self) {
        if self.has_freed {
            self.settle_departures();
        }
    }

    #[cold]
    fn settle_departures(&mut self) {
        self.has_freed = false;
        self.claim_freed();
        self.give_freed_nicks();
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Action> {
        let action = self.actions.pop_front();
        if action.is_none() {
            self.polled();
        }
        action
    }

    /// When to call [`handle`](Self::handle) with [`Input::Timeout`], on the monotonic clock; a time
    /// that has passed means now, `None` never.
    pub fn poll_timeout(&self) -> Option<Millis> {
        let handshakes = self.handshakes.deadline();
        self.next_due()
            .map(|(at, _)| at)
            .into_iter()
            .chain(handshakes)
            .min()
    }

    /// Whether no connection lives, so that a runtime that was told to stop may leave.
    pub fn is_empty(&self) -> bool {
        self.conns.len() == 0
    }

    fn bytes(&mut self, id: ConnId, data: &[u8]) {
        let now = self.now.mono;
        let most = self.config.limits.command.saturating_add(2 * MAX_READ);
        let Some(conn) = self.conns.get_mut(id) else {
            return self.dropped(id, data);
        };
        self.counters.received += data.len() as u64;
        if conn.incoming == Incoming::Ended || data.is_empty() {
            return self.dropped(id, data);
        }
        if conn.incoming == Incoming::Paused && conn.inbox.bytes().len() > most {
            // A runtime that reads on in spite of a pause must not cost memory without bound.
            self.end_chat(id, CloseReason::ProtocolError, Ends::With(Stage::Aborted));
            return self.dropped(id, data);
        }
        conn.heard(now);
        if self.is_claimed(id) {
            // Before what they mean, so that it makes no difference how they were cut.
            self.lives(id);
        }
        self.advance(id, data);
    }

    fn eof(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        conn.incoming = Incoming::Ended;
        match conn.state {
            State::Ending(ending) if ending.stage == Stage::Finishing => {
                self.leave(id, Stage::Closing, ending.patience);
                self.arm(id);
            }
            State::Ending(_) => {}
            State::Sniffing(..) | State::Http { .. } | State::Chat(_) => {
                self.advance(id, &[]);
            }
        }
    }

    fn gone(&mut self, id: ConnId, cause: Cause) {
        let reason = match cause {
            Cause::Closed | Cause::Reset => CloseReason::Reset,
            Cause::TimedOut => CloseReason::Timeout,
        };
        if self.conns.get(id).is_none() {
            return;
        }
        self.never_established(id);
        self.end_chat(id, reason, Ends::Gone);
        self.unread(id);
        let Some(conn) = self.conns.remove(id) else {
            return;
        };
        self.deadlines.remove(id);
        // Few connections are in any of these, and most servers have none that is.
        if !self.filters.is_empty() {
            self.filters.remove(&id);
        }
        self.admin.forget(id);
        self.handshakes.forget(id);
        if !self.slowed.is_empty() {
            self.slowed.remove(&id);
        }
        if !self.failures.is_empty() {
            self.failures.remove(&id);
        }
        self.silences.remove(id);
        if let Some(address) = conn.counted() {
            self.addresses.remove(address);
        }
    }

    fn backlog(&mut self, id: ConnId, left: usize) {
        let Some(mut conn) = self.conns.get_mut(id) else {
            return;
        };
        let progress = conn.flushed(left);
        if left > SHORT_QUEUE {
            self.counters.queues.observe(left as u64);
        }
        let owes_ping = left == 0
            && conn
                .websocket()
                .is_some_and(|websocket| websocket.owed_ping);
        let breaks_silence =
            progress == Progress::Some && self.config.limits.raw_keepalive.is_some();
        if owes_ping || breaks_silence {
            if owes_ping {
                // Before there is anything new for it to stand behind.
                self.ping(id);
            }
            if breaks_silence {
                self.not_silent(id);
            }
            let Some(again) = self.conns.known_mut(id) else {
                return;
            };
            conn = again;
        }
        let is_too_slow = conn.is_too_slow(&self.config.limits);
        match &mut conn.state {
            State::Chat(chat) => {
                // No ping gets past what waits, so that some of it was taken is the sign of life.
                // Where all was, it may be the system that took it, and a ping can follow.
                if progress == Progress::Some
                    && left > 0
                    && let Some(websocket) = chat.websocket()
                {
                    websocket.heard = self.now.mono;
                }
                if is_too_slow {
                    self.counters.hit(Limit::Backlog);
                    self.end_chat(id, CloseReason::TooSlow, Ends::With(Stage::Aborted));
                } else if matches!(chat.turn, Turn::Backlog) {
                    if progress == Progress::Some {
                        chat.waiting_since = self.now.mono;
                    }
                    self.advance(id, &[]);
                }
            }
            State::Ending(ending) if progress == Progress::Some => {
                ending.since = self.now.mono;
                self.arm(id);
            }
            State::Ending(_) | State::Sniffing(..) | State::Http { .. } => {}
        }
    }

    /// Understands as much as can be of what a connection has sent: what is in its inbox, and `data`.
    fn advance(&mut self, id: ConnId, data: &[u8]) {
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        let mut kept = conn.inbox.take();
        // The common case, a whole command in one piece, is read where it lies and never copied.
        let used = if kept.is_empty() {
            self.steps(id, data)
        } else {
            wiped::append(&mut kept, data);
            self.steps(id, &kept)
        };
        if kept.is_empty() {
            wiped::append(&mut kept, &data[used..]);
        } else {
            wiped::consume(&mut kept, used);
            wiped::fit(&mut kept);
        }
        if !kept.is_empty()
            && let Some(conn) = self.conns.known_mut(id)
        {
            conn.inbox.keep(kept);
        }
        self.settle(id);
    }

    fn steps(&mut self, id: ConnId, input: &[u8]) -> usize {
        let mut used = 0;
        loop {
            match self.step(id, &input[used..]) {
                Step::Consumed(bytes) => used += bytes,
                Step::Last(bytes) => return used + bytes,
                Step::Wait => return used,
            }
        }
    }

    fn step(&mut self, id: ConnId, input: &[u8]) -> Step {
        match self.conns.known(id).map(|conn| &conn.state) {
            Some(State::Sniffing(..)) => self.sniff(id, input),
            Some(State::Http {
                asks: Asks::Admin(_),
                ..
            }) => self.admin(id, input),
            Some(State::Http { .. }) => self.http(id, input),
            Some(State::Chat(chat)) => match chat.wire {
                Wire::Stream => self.next_command(id, input),
                Wire::WebSocket(_) => self.websocket(id, input),
            },
            Some(State::Ending(_)) if !input.is_empty() => {
                self.dropped(id, input);
                Step::Consumed(input.len())
            }
            Some(State::Ending(_)) | None => Step::Wait,
        }
    }

    /// Tells the runtime whether to read on, and sees to the connection's deadline.
    fn settle(&mut self, id: ConnId) {
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        // Most waits end before the client says more; only then is it worth telling the runtime.
        let full = match &conn.state {
            State::Chat(chat) => !matches!(chat.turn, Turn::Ready) && !conn.inbox.is_empty(),
            State::Ending(ending) if ending.stage != Stage::Finishing => return self.arm(id),
            State::Sniffing(..) | State::Http { .. } | State::Ending(_) => false,
        };
        match conn.incoming {
            Incoming::Open if full => {
                conn.incoming = Incoming::Paused;
                self.act(Action::Pause(id));
            }
            Incoming::Paused if !full => {
                conn.incoming = Incoming::Open;
                conn.heard(self.now.mono);
                self.act(Action::Resume(id));
            }
            Incoming::Open | Incoming::Paused | Incoming::Ended => {}
        }
        self.arm(id);
    }
}
