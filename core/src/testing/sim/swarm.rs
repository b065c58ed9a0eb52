//! What one seed makes of the world: how many are in it, how they behave, what goes wrong, and how
//! low the limits are. Every seed leaves some things out, so that what is left happens often.

use alloc::sync::Arc;
use std::vec::Vec;

use super::ask::Speak;
use super::client::{Kind, Visit};
use crate::config::{Config, ListAccess, Loopback, OnDuplicate, Presence, Role};
use crate::testing::random::Random;
use crate::time::Millis;

/// The options of one run.
#[derive(Clone, Debug)]
pub(super) struct Swarm {
    pub(super) config: Arc<Config>,
    /// Inputs after which the faults stop.
    pub(super) events: u64,
    /// Peers at once.
    pub(super) peers: usize,
    pub(super) members: usize,
    pub(super) addresses: u64,
    /// The longest that a client thinks, and that a piece travels; milliseconds.
    pub(super) think: u64,
    pub(super) travel: u64,
    /// What the network takes before the client reads.
    pub(super) pipe: usize,
    /// The most bytes in one piece.
    pub(super) piece: u64,
    /// Of a hundred newcomers, how many visit: HTTP, policy, garbage, nothing.
    pub(super) visitors: u64,
    /// Which wire forms are spoken: NUL, line, binary, text.
    pub(super) forms: Vec<usize>,
    /// Of a hundred passwords, how many are wrong.
    pub(super) wrong: u64,
    pub(super) store: Store,
    pub(super) faults: Faults,
    /// Of a hundred wake-ups, how many put the flush off.
    pub(super) lazy_flush: u64,
    /// Of a hundred deadlines, how many pass before the runtime looks.
    pub(super) lazy_timer: u64,
    /// Of a hundred texts, how many are as long as the limit lets them be, or one byte longer.
    pub(super) long: u64,
    /// Of a hundred messages, how many are made longer, up to half of what a command may be.
    pub(super) loud: u64,
    /// Whether anybody ever says QUIT.
    pub(super) leaves: bool,
}

/// How the member store behaves; parts of a hundred, and milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) lost: u64,
    pub(super) failing: u64,
    pub(super) slow: u64,
    pub(super) slowest: u64,
}

/// What goes wrong, in parts of a thousand of what clients do.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    pub(super) reset: u64,
    pub(super) vanish: u64,
    pub(super) stall: u64,
    pub(super) half_close: u64,
    /// A frame or a message that breaks a rule.
    pub(super) broken: u64,
    pub(super) disable: u64,
    pub(super) configure: u64,
    pub(super) leap: u64,
    /// Of all runs, those that end by a shutdown under load.
    pub(super) shutdown: bool,
}

impl Swarm {
    pub(super) fn new(random: &mut Random, events: u64) -> Self {
        let peers = *random.pick(&[2, 4, 8, 8, 16, 30]);
        let mut forms: Vec<usize> = (0..4).filter(|_| random.percent(70)).collect();
        if forms.is_empty() {
            forms.push(random.below(4) as usize);
        }
        let config = Arc::new(config(random, peers));
        // A long command byte by byte would be all that ever happens.
        let smallest = config.limits.command as u64 / 100;
        let piece = smallest.max(*random.pick(&[1, 4, 30, 300, 20_000]));
        let slowest = *random.pick(&[5, 500, 3000, 15_000]);
        let mut some = |most: u64| {
            if random.percent(60) {
                random.between(1, most)
            } else {
                0
            }
        };
        let store = Store {
            lost: some(20),
            failing: some(20),
            slow: some(80),
            slowest,
        };
        let faults = Faults {
            reset: some(30),
            vanish: some(10),
            stall: some(60),
            half_close: some(40),
            broken: some(30),
            disable: some(20),
            configure: some(10),
            leap: some(10),
            shutdown: some(100) > 70,
        };
        Self {
            config,
            events,
            peers: peers as usize,
            members: random.between(1, 12) as usize,
            addresses: random.between(1, 6),
            think: *random.pick(&[1, 20, 300, 5000]),
            travel: *random.pick(&[0, 5, 100, 2000]),
            pipe: *random.pick(&[7, 64, 600, 4096, 65_536]),
            piece,
            visitors: *random.pick(&[0, 10, 40]),
            forms,
            wrong: *random.pick(&[0, 10, 50]),
            store,
            faults,
            lazy_flush: *random.pick(&[0, 30, 80]),
            lazy_timer: *random.pick(&[0, 20, 80]),
            long: *random.pick(&[0, 5, 30]),
            loud: 0,
            leaves: true,
        }
    }

    /// Of visitors to a server that is none of the simulation's: what it does, nobody here decides.
    pub(super) fn outside(random: &mut Random, command: usize) -> Self {
        let mut config = Config::default();
        config.limits.command = command;
        let mut swarm = Self::new(random, 0);
        swarm.config = Arc::new(config);
        swarm.forms = Vec::from([0, 1, 2, 3]);
        (swarm.visitors, swarm.wrong, swarm.long, swarm.loud) = (15, 5, 3, 50);
        (swarm.faults.half_close, swarm.faults.broken) = (15, 10);
        swarm
    }

    /// The same, of such as come to chat, and stay.
    pub(super) fn staying(mut self) -> Self {
        (self.visitors, self.wrong, self.loud, self.leaves) = (0, 0, 40, false);
        (self.faults.half_close, self.faults.broken) = (0, 0);
        self
    }

    /// Who connects next.
    pub(super) fn newcomer(&self, random: &mut Random) -> Kind {
        if random.percent(self.visitors) {
            return match random.below(3) {
                0 => Kind::Garbage,
                _ => Kind::Visit(Visit::any(random)),
            };
        }
        let forms = [Speak::Nul, Speak::Line, Speak::Binary, Speak::Text];
        Kind::Chat(forms[*random.pick(&self.forms)])
    }
}

fn config(random: &mut Random, peers: u64) -> Config {
    let mut config = Config {
        listeners: Vec::from([Role::Gateway, Role::Policy]),
        ..Config::default()
    };
    if random.percent(60) {
        config.duplicates = OnDuplicate::Replace;
    }
    if random.percent(15) {
        config.presence = Presence::Off;
    }
    if random.percent(30) {
        config.list = ListAccess::Identified;
    }
    if random.percent(70) {
        config.loopback = Loopback::Limited;
    }
    let limits = &mut config.limits;
    limits.clients = *random.pick(&[1, 3, peers, 4096]) as usize;
    limits.connections = limits.clients + *random.pick(&[1, 4, 1024]) as usize;
    limits.per_address = *random.pick(&[1, 3, 256, 256]);
    limits.command = *random.pick(&[64, 120, 300, 2000, 70_000]);
    limits.backlog = *random.pick(&[0, 100, 100, 600, 5000, 1 << 20]);
    limits.own_backlog = *random.pick(&[0, 64, 300, 65_536, 65_536]);
    limits.head = *random.pick(&[400, 1000, 16_384]);
    limits.login = Millis(*random.pick(&[2000, 20_000, 600_000, 600_000]));
    limits.lookup = Millis(*random.pick(&[100, 2000, 10_000]));
    limits.failure_delay = Millis(*random.pick(&[0, 300, 2000]));
    limits.failures = *random.pick(&[1, 2, 5]);
    limits.close_stall = Millis(*random.pick(&[100, 5000]));
    if random.percent(20) {
        limits.ping = Millis(0);
        limits.silence = Millis(*random.pick(&[0, 75_000]));
    } else if random.percent(50) {
        limits.ping = Millis(700);
        limits.silence = Millis(2100);
    }
    limits.throttle.first = Millis(*random.pick(&[10, 1000]));
    limits.throttle.after = *random.pick(&[1, 3]);
    // By what was picked already, so that a seed stays what it is.
    limits.throttle.name_after = 2 * limits.throttle.after - 1;
    limits.rate = *random.pick(&[0, 1, 7, 20, 1000]);
    limits.burst = *random.pick(&[0, 1, 3, 40]);
    config
}
