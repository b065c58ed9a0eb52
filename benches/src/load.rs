//! A server with its clients: how they connect, and what a slice of work costs the server.

use std::time::{Duration, Instant};

use crate::crowd::{Crowd, Listen, Outs};
use crate::fault::Fault;
use crate::server::{Kind, Server};
use crate::wire::Wire;

/// A server and its clients. The clients are numbered from 0; the client in place `n` logs in as member
/// `n + 1`.
pub(crate) struct Seat {
    pub(crate) wire: Wire,
    pub(crate) server: Server,
    pub(crate) crowd: Crowd,
    /// How many clients of a crowd log in at once.
    pub(crate) wave: usize,
    pub(crate) presence: Presence,
}

/// Which clients are notified of logins and quits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    All,
    Off,
}

impl Presence {
    /// The value of the server's option.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Off => "off",
        }
    }
}

/// What a slice of work has cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    /// What was counted: deliveries, logins or answers.
    pub(crate) count: u64,
    pub(crate) spent: Duration,
    /// How often the server went to sleep meanwhile.
    pub(crate) rests: u64,
}

impl Slice {
    /// Microseconds for each.
    pub(crate) fn each(self) -> f64 {
        self.spent.as_secs_f64() * 1e6 / self.count as f64
    }

    /// How many of what was counted the server did before it slept again.
    pub(crate) fn together(self) -> f64 {
        self.count as f64 / self.rests.max(1) as f64
    }
}

/// Something that clients do for a while, over and over.
pub(crate) trait Load {
    /// Logs in the clients that are needed.
    fn prepare(&mut self, seat: &mut Seat) -> Result<(), Fault>;

    /// Does the work for a while. Returns what it has cost.
    fn slice(&mut self, seat: &mut Seat, length: Duration) -> Result<Slice, Fault>;
}

impl Seat {
    pub(crate) fn new(server: Server, wire: Wire) -> Result<Self, Fault> {
        let crowd = Crowd::new(server.address, wire)?;
        Ok(Self {
            wire,
            server,
            crowd,
            wave: WAVE,
            presence: Presence::All,
        })
    }

    /// The command that logs the client in this place in.
    pub(crate) fn login(&self, place: usize) -> Vec<u8> {
        let member = place + 1;
        match self.server.kind {
            Kind::Floor | Kind::OneWay | Kind::Smol | Kind::Std => {
                format!("IDENTIFY {member} x").into_bytes()
            }
            Kind::Ngircd | Kind::Inspircd => {
                format!("NICK m{member}\r\nUSER m{member} 0 * :Member {member}").into_bytes()
            }
        }
    }

    /// Connects this many clients and logs them in, some at a time.
    pub(crate) fn fill(&mut self, members: usize) -> Result<(), Fault> {
        let end = self.crowd.len() + members;
        while self.crowd.len() < end {
            let before = self.crowd.len();
            let wave = self.wave.min(end - before);
            self.wave(before, wave)
                .map_err(|fault| fault.during(format!("logging in {wave} beside {before}")))?;
        }
        Ok(())
    }

    /// Logs some clients in, and checks that all are notified of each.
    fn wave(&mut self, before: usize, wave: usize) -> Result<(), Fault> {
        let kind = self.server.kind;
        for place in before..before + wave {
            self.crowd.add()?;
            let hello = match kind {
                Kind::Floor | Kind::OneWay => format!("NAME {}", place + 1).into_bytes(),
                Kind::Smol | Kind::Std | Kind::Ngircd | Kind::Inspircd => self.login(place),
            };
            self.crowd.send(place, &hello)?;
        }
        let mut arrival = Arrival {
            kind,
            logins: vec![0; before + wave],
            all: 0,
            welcome: 0,
        };
        let told = match kind {
            Kind::Floor | Kind::OneWay => wave,
            // Each of its own.
            Kind::Smol | Kind::Std if self.presence == Presence::Off => wave,
            Kind::Smol | Kind::Std => before * wave + wave * (wave + 1) / 2,
            Kind::Ngircd | Kind::Inspircd => 0,
        };
        self.crowd.until(&mut arrival, |arrival| {
            arrival.all >= told && arrival.welcome >= wave
        })?;
        self.crowd.settle(&mut arrival)?;
        let is_floor = matches!(kind, Kind::Floor | Kind::OneWay);
        let is_told = !is_floor && self.presence == Presence::All;
        let each = if is_told { wave } else { 0 };
        let is_irc = matches!(kind, Kind::Ngircd | Kind::Inspircd);
        let right = arrival.logins[..before].iter().all(|come| *come == each);
        if !is_irc && (!right || arrival.all != told || arrival.welcome != wave) {
            return Err(Fault::new(
                "lost or doubled: some were not told of each login once",
            ));
        }
        Ok(())
    }

    /// What the server spends while `visit` is repeated for this long. Each call returns how much was done.
    pub(crate) fn cost_of_visits(
        &mut self,
        length: Duration,
        mut visit: impl FnMut(&mut Self) -> Result<u64, Fault>,
    ) -> Result<Slice, Fault> {
        let end = Instant::now() + length;
        self.cost(|seat| {
            let mut deliveries = 0;
            while Instant::now() < end {
                deliveries += visit(seat)?;
            }
            Ok(deliveries)
        })
    }

    /// What the server spends on `run`, which returns how much of what is counted was done.
    pub(crate) fn cost(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<u64, Fault>,
    ) -> Result<Slice, Fault> {
        let rests = self.server.rests()?;
        let before = self.server.spent()?;
        let count = run(self)?;
        Ok(Slice {
            count,
            spent: self.server.spent()? - before,
            rests: self.server.rests()?.saturating_sub(rests),
        })
    }
}

/// What clients receive while others log in.
struct Arrival {
    kind: Kind,
    /// The logins that each client was notified of.
    logins: Vec<usize>,
    all: usize,
    /// New clients that are logged in.
    welcome: usize,
}

impl Listen for Arrival {
    fn answer(&mut self, outs: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        match self.kind {
            Kind::Floor | Kind::OneWay | Kind::Smol | Kind::Std => {
                if answer.starts_with(b"<login aid=\"m") {
                    self.logins[client] += 1;
                    self.all += 1;
                } else if answer.starts_with(b"<identify aid=\"m") {
                    self.welcome += 1;
                } else {
                    return Err(Fault::wrong("no login", answer));
                }
            }
            Kind::Ngircd | Kind::Inspircd => {
                if let Some(token) = answer.strip_prefix(b"PING ") {
                    outs.send(client, &[b"PONG ", token].concat());
                } else if answer.starts_with(b"ERROR") {
                    return Err(Fault::wrong("no login", answer));
                }
                // The last line of the greeting of both servers: there is no message of the day.
                let code = answer.split(|byte| *byte == b' ').nth(1);
                if matches!(code, Some(b"422" | b"376")) {
                    self.welcome += 1;
                }
            }
        }
        Ok(())
    }
}

/// Fast, and few enough that no queue is full.
const WAVE: usize = 256;
