//! The options that a seed draws for its run: how many clients there are, how they behave, which faults happen, and
//! how low the limits are. Each run leaves some things out, so that others happen often.

use std::sync::Arc;

use super::ask::Speak;
use super::client::{Kind, Visit};
use super::forward::{TRUSTED, Trusted};
use super::hop::{PROXIES, Proxies};
use super::reader::Level;
use super::rooms::Habit;
use crate::filter::FakeFilter;
use crate::random::Random;
use flashgate_core::name::RoomName;
use flashgate_core::{
    _testing, Config, Guests, LoginThrottle, Loopback, Millis, OnDuplicate, PermanentRooms, Role,
    Setting,
};

/// The options of one run.
#[derive(Clone, Debug)]
pub(super) struct Swarm {
    pub(super) config: Arc<Config>,
    /// Inputs after which the faults stop.
    pub(super) events: u64,
    /// The most connections at once.
    pub(super) peers: usize,
    pub(super) members: usize,
    pub(super) addresses: u64,
    /// The longest pause of a client, and the longest time that a piece travels, in milliseconds.
    pub(super) think: u64,
    pub(super) travel: u64,
    /// How many bytes the network holds until the client reads them.
    pub(super) pipe: usize,
    /// The most bytes in one piece.
    pub(super) piece: u64,
    /// How many of 100 new connections do not chat: HTTP, policy requests, garbage.
    pub(super) visitors: u64,
    /// The wire forms that clients use, as indices of [`FORMS`].
    pub(super) forms: Vec<usize>,
    /// How many of 100 passwords are wrong.
    pub(super) wrong: u64,
    pub(super) store: Store,
    pub(super) faults: Faults,
    /// After how many of 100 events the runtime does not flush.
    pub(super) lazy_flush: u64,
    /// How many of 100 deadlines the runtime misses at first.
    pub(super) lazy_timer: u64,
    /// How many of 100 commands have the longest size that is allowed, or one byte more.
    pub(super) long: u64,
    /// How many of 100 messages are made longer, up to half of the limit on commands.
    pub(super) loud: u64,
    /// Whether a client ever sends QUIT. Clients that never do try to log in first.
    pub(super) leaves: bool,
    /// On how many of 100 occasions the operator announces something, and on how many the operator kicks a
    /// member.
    pub(super) announces: u64,
    pub(super) kicks: u64,
    /// On how many of 100 occasions a member is given another nick from outside.
    pub(super) renames: u64,
    /// How clients use rooms.
    pub(super) rooms: Habit,
    /// Whether clients come as guests and change their passwords.
    pub(super) accounts: bool,
    /// The proxies between clients and the gateway.
    pub(super) proxies: Option<&'static Proxies>,
    pub(super) trusted: Option<&'static Trusted>,
}

/// How the member store behaves: chances in percent, and a time in milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) lost: u64,
    pub(super) failing: u64,
    pub(super) slow: u64,
    pub(super) slowest: u64,
}

/// How often faults happen, per 1,000 acts of clients.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    pub(super) reset: u64,
    pub(super) vanish: u64,
    pub(super) stall: u64,
    pub(super) half_close: u64,
    /// Frames and messages that break a rule.
    pub(super) broken: u64,
    pub(super) disable: u64,
    pub(super) configure: u64,
    pub(super) leap: u64,
    /// Whether the run ends with a shutdown under load.
    pub(super) shutdown: bool,
}

impl Swarm {
    pub(super) fn new(random: &mut Random, events: u64) -> Self {
        let peers = *random.pick(&[2, 4, 8, 8, 16, 30]);
        let mut forms: Vec<usize> = (0..FORMS.len()).filter(|_| random.percent(70)).collect();
        if forms.is_empty() {
            forms.push(random.below(FORMS.len() as u64) as usize);
        }
        let config = Arc::new(config(random, peers));
        // A long command that came byte by byte would take up the whole run.
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
            addresses: *random.pick(&[1, 1, 2, 6]),
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
            announces: 0,
            kicks: 0,
            renames: 0,
            rooms: Habit {
                share: 20,
                names: 13,
                keyed: 10,
            },
            accounts: true,
            proxies: None,
            trusted: None,
        }
    }

    /// Draws what the operator does. It has random streams of its own, so that it changes nothing for the others.
    pub(super) fn draw_operator(&mut self, seed: u64) {
        self.announces = *stream(seed, "announces").pick(&[0, 3, 3, 30]);
        self.kicks = *stream(seed, "kicks").pick(&[2, 2, 0, 30]);
        self.renames = *stream(seed, "renames").pick(&[0, 2, 20]);
    }

    /// Draws how clients use rooms and accounts.
    pub(super) fn draw_rooms(&mut self, seed: u64) {
        let mut random = stream(seed, "rooms");
        self.rooms = Habit {
            share: *random.pick(&[0, 20, 50, 50, 90]),
            names: *random.pick(&[2, 2, 2, 5, 13, 150]),
            keyed: *random.pick(&[0, 20, 20, 70]),
        };
        configure_rooms(Arc::make_mut(&mut self.config), &mut random);
        self.accounts = stream(seed, "accounts").percent(25);
    }

    /// Puts proxies before the gateway in some runs. What they send has a random stream of its own, too, so that all
    /// other runs are as they would be without them.
    pub(super) fn draw_proxies(&mut self, seed: u64) -> Random {
        let mut random = stream(seed, "proxy-protocol");
        if random.percent(30) {
            let proxies = random.pick(&PROXIES);
            let config = Arc::make_mut(&mut self.config);
            config
                .set("proxy-protocol", proxies.setting)
                .expect("addresses");
            self.proxies = Some(proxies);
        }
        random
    }

    /// The same for proxies of HTTP, which name their clients in the head of each request.
    pub(super) fn draw_http_proxies(&mut self, seed: u64) -> Random {
        let mut random = stream(seed, "trust-proxy");
        if random.percent(30) {
            let trusted = random.pick(&TRUSTED);
            let headers = [
                "x-forwarded-for",
                "x-forwarded-for",
                "forwarded",
                "forwarded",
                "none",
            ];
            let config = Arc::make_mut(&mut self.config);
            for (name, value) in [
                ("trust-proxy", trusted.setting),
                ("client-header", *random.pick(&headers)),
            ] {
                config.set(name, value).expect("a good value");
            }
            self.trusted = Some(trusted);
        }
        random
    }

    /// Puts a filter before the gateway.
    pub(super) fn put_up_filters(&mut self) {
        let config = Arc::make_mut(&mut self.config);
        config.filters = vec![Some(FakeFilter::make())];
    }

    /// Many members chat for long: nothing slows them down, and they seldom leave. In half of these runs many rooms
    /// are created from one address; in the others clients meet in few rooms, and minutes pass.
    pub(super) fn be_busy(&mut self, seed: u64) {
        let config = Arc::make_mut(&mut self.config);
        let defaults = Config::default();
        config.limits = defaults.limits;
        config.limits.rate = None;
        config.limits.throttle.login = LoginThrottle::Off;
        config.presence = defaults.presence;
        config.guests = Guests::On;
        config.rooms = defaults.rooms;
        config.loopback = Loopback::Limited;
        (self.peers, self.members, self.addresses) = (16, 12, 1);
        (self.travel, self.piece, self.pipe) = (5, 20_000, 65_536);
        (self.visitors, self.wrong, self.long, self.loud) = (0, 5, 1, 0);
        (self.lazy_flush, self.lazy_timer) = (0, 0);
        (self.announces, self.kicks) = (10, 3);
        (self.faults.reset, self.faults.vanish, self.faults.stall) = (2, 1, 2);
        (self.faults.half_close, self.faults.broken) = (2, 1);
        (self.faults.configure, self.faults.leap) = (0, 0);
        (self.store.failing, self.store.lost) = (5, 0);
        self.forms = (0..FORMS.len()).collect();
        let (think, duplicates, names, keyed) = match seed % 2 {
            0 => (20, OnDuplicate::Replace, 150, 10),
            _ => (8000, OnDuplicate::Stale, 5, 50),
        };
        (self.think, config.duplicates) = (think, duplicates);
        self.accounts = true;
        self.rooms = Habit {
            share: 40,
            names,
            keyed,
        };
    }

    /// For visitors of a real server, whose settings are not drawn here.
    pub(super) fn outside(random: &mut Random, command: usize) -> Self {
        let mut config = Config::default();
        config.limits.command = command;
        let mut swarm = Self::new(random, 0);
        swarm.config = Arc::new(config);
        swarm.forms = (0..FORMS.len()).collect();
        (swarm.visitors, swarm.wrong, swarm.long, swarm.loud) = (15, 5, 3, 50);
        (swarm.faults.half_close, swarm.faults.broken) = (15, 10);
        swarm
    }

    /// The same for visitors that come to chat, and stay.
    pub(super) fn staying(mut self) -> Self {
        (self.visitors, self.wrong, self.loud, self.leaves) = (0, 0, 40, false);
        (self.faults.half_close, self.faults.broken) = (0, 0);
        self
    }

    /// The kind of the next client.
    pub(super) fn newcomer(&self, random: &mut Random) -> Kind {
        if random.percent(self.visitors) {
            return match random.below(3) {
                0 => Kind::Garbage,
                _ => Kind::Visit(Visit::any(random)),
            };
        }
        let speak = FORMS[*random.pick(&self.forms)];
        // If there is a code page, half of the clients that end commands with NUL use it.
        if speak == Speak::Nul && self.config.codepage.is_some() && random.percent(50) {
            return Kind::Chat(Speak::Page);
        }
        Kind::Chat(speak)
    }

    /// What the next client knows of the protocol.
    pub(super) fn level(random: &mut Random) -> Level {
        match random.percent(25) {
            true => Level::One,
            false => Level::Two,
        }
    }
}

const FORMS: [Speak; 6] = [
    Speak::Nul,
    Speak::Line,
    Speak::Both,
    Speak::Telnet,
    Speak::Binary,
    Speak::Text,
];

/// Draws each setting from a random stream of its own, so that a new setting changes no other.
fn config(random: &mut Random, peers: u64) -> Config {
    let seed = random.next();
    let mut config = Config {
        listeners: Vec::from([Role::Gateway, Role::Policy]),
        ..Config::default()
    };
    draw(&mut config, SETTINGS, seed);
    draw(&mut config, THROTTLE, seed);
    let limits = &mut config.limits;
    // These settings depend on others.
    limits.clients = *stream(seed, "max-clients").pick(&[1, 3, peers, 4096]) as usize;
    limits.connections = limits.clients + *stream(seed, "connections").pick(&[1, 4, 1024]) as usize;
    let mut pings = stream(seed, "ping");
    if pings.percent(20) {
        limits.ping = None;
        limits.silence = *pings.pick(&[None, Some(Millis(75_000))]);
    } else if pings.percent(50) {
        limits.ping = Some(Millis(700));
        limits.silence = Some(Millis(2100));
    }
    config
}

/// Draws the settings of the login throttle.
pub(super) fn throttle(config: &mut Config, random: &mut Random) {
    draw(config, THROTTLE, random.next());
}

/// Draws the settings of rooms.
pub(super) fn configure_rooms(config: &mut Config, random: &mut Random) {
    draw(config, ROOMS, random.next());
    config.permanent_rooms = PermanentRooms::new();
    for (name, topic) in *random.pick(&PERMANENT) {
        let name = RoomName::new(name).expect("the name of a room");
        config.permanent_rooms.add(&name, topic);
    }
}

fn draw(config: &mut Config, settings: &[(&str, &[&str])], seed: u64) {
    for (name, values) in settings {
        let value = *stream(seed, name).pick(values);
        let setting = Setting::named(name).expect("the table names settings");
        assert!(_testing::put(setting, config, value), "{name} {value}");
    }
}

/// The random stream of a name (FNV-1a).
fn stream(seed: u64, name: &str) -> Random {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Random::new(seed ^ hash)
}

/// The values of each setting, one of which is drawn for each run. A value that is listed twice is twice as likely.
const SETTINGS: &[(&str, &[&str])] = &[
    (
        "on-duplicate",
        &["stale", "stale", "stale", "refuse", "replace"],
    ),
    ("claims", &["gateway", "gateway", "gateway", "host"]),
    ("ghost-websocket", &["1ms", "50ms", "3s"]),
    ("ghost-raw", &["0", "500ms", "15s"]),
    (
        "presence",
        &["all", "all", "all", "all", "all", "all", "off"],
    ),
    ("nick-changes", &["on", "on", "on", "off"]),
    ("nick-wait", &["0", "1s", "1m"]),
    ("reserved-nicks", &["mona"]),
    ("password-changes", &["on", "on", "on", "on", "off"]),
    ("guests", &["on", "on", "off"]),
    ("guests-from", &["1", "2", "8"]),
    ("codepage", &["off", "off", "windows-1250"]),
    ("raw-keepalive", &["0", "0", "1s", "30s"]),
    ("list-needs-login", &["off", "off", "on"]),
    ("loopback", &["limited", "limited", "exempt"]),
    ("max-per-address", &["1", "3", "256", "256"]),
    ("max-command", &["64", "120", "300", "2000", "70000"]),
    (
        "max-backlog",
        &["0", "100", "100", "600", "5000", "1048576"],
    ),
    ("own-backlog", &["0", "64", "300", "65536", "65536"]),
    ("head", &["400", "1000", "16384"]),
    ("login-timeout", &["2s", "20s", "600s", "600s"]),
    ("lookup", &["100ms", "2s", "10s"]),
    ("failure-delay", &["0", "300ms", "2s"]),
    ("failures", &["1", "2", "5"]),
    ("close-stall", &["100ms", "5s"]),
    ("rate", &["0", "1", "7", "20", "1000"]),
    ("burst", &["0", "1", "3", "40"]),
];

/// The same for the login throttle, with values so low that a few clients reach every limit.
const THROTTLE: &[(&str, &[&str])] = &[
    (
        "login-throttle",
        &["on", "on", "on", "on", "on", "on", "on", "on", "off"],
    ),
    ("throttle-after", &["1", "3", "8"]),
    ("throttle-window", &["500ms", "20s", "10m", "10m"]),
    ("throttle-first", &["10ms", "1s"]),
    ("throttle-longest", &["300ms", "16s"]),
    ("throttle-lookups", &["1", "2", "3", "3"]),
    ("throttle-name-after", &["1", "2", "5", "8"]),
    ("throttle-name-wait", &["0ms", "100ms", "4s"]),
    ("throttle-name-rate", &["0", "1", "2", "300"]),
    ("throttle-name-lookups", &["1", "2", "8"]),
];

/// The settings of rooms.
const ROOMS: &[(&str, &[&str])] = &[
    ("rooms", &["all", "all", "all", "all", "all", "off"]),
    ("max-rooms", &["1", "3", "4096", "4096", "4096"]),
    ("rooms-each", &["1", "2", "16", "16", "16"]),
    ("rooms-per-address", &["1", "2", "64", "64", "64"]),
];

/// Permanent rooms, with their topics.
const PERMANENT: [&[(&str, &str)]; 5] = [
    &[],
    &[],
    &[("#lobby", "")],
    &[("#Lobby", "Tea & <cake>"), ("#árvíztűrő", "")],
    &[("#🦀", "crabs")],
];
