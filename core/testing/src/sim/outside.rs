//! The simulation's clients for a real server. They say what to send, and take what was received. The caller has the
//! sockets, and causes the faults.

use std::net::SocketAddr;

use super::client::{Client, Item, Kind};
use super::reader::{Level, Said};
use super::store::Members;
use super::swarm::Swarm;
use crate::random::Random;

/// What all visitors of a server share: a seed, the members, and the limit on the length of a command.
#[derive(Debug)]
pub struct Party {
    seed: u64,
    passing: Swarm,
    staying: Swarm,
    members: Members,
}

/// One client with one connection.
#[derive(Debug)]
pub struct Visitor {
    pub(super) kind: Kind,
    pub(super) peer: SocketAddr,
    /// Everything that it has asked for.
    pub(super) items: Vec<Item>,
    /// Everything that it has received.
    pub(super) heard: Vec<u8>,
    pub(super) left: Option<Left>,
    guest: Guest,
    client: Client,
    random: Random,
    unique: u64,
}

/// How a visitor behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// It does anything, and does not stay long.
    Passing,
    /// It chats, and does not leave by itself.
    Staying,
}

/// What a visitor sends. If not all of it can be sent, the connection must end by a reset.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// To be sent.
    pub bytes: Vec<u8>,
    /// The sending side is closed behind these bytes.
    pub last: bool,
}

/// Counts of what a visitor received, and the bytes that it answers at once.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// To be sent.
    pub reply: Vec<u8>,
    /// Its own successful logins.
    pub logins: u64,
    /// `Please try again later.`
    pub later: u64,
    /// Messages, its own included.
    pub messages: u64,
    /// Answers to PING.
    pub pongs: u64,
}

/// How a connection ended for its visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The visitor read to the end of the stream.
    ReadToTheEnd,
    /// The visitor ended the connection itself, and may have left bytes unread.
    CutOff,
    /// The server reset the connection.
    WasReset,
}

impl Party {
    /// Everything that its visitors do follows from `seed`. `command` is the server's limit on the length of a
    /// command.
    pub fn new(seed: u64, command: usize) -> Self {
        let passing = Swarm::outside(&mut Random::new(seed), command);
        Self {
            seed,
            staying: passing.clone().staying(),
            passing,
            members: Members::outside(PASSWORD),
        }
    }

    /// The members that the server must have: number, nick, name and password.
    pub fn members(&self) -> impl Iterator<Item = (i64, &str, &str, &str)> {
        let member = |m: &'_ flashgate_core::Member| m.id.0;
        let all = self.members.all.iter();
        all.map(move |m| (member(m), &*m.nick, &*m.name, PASSWORD))
    }

    /// The visitor of this number, which connects from `peer`. No two visitors may have the same address.
    pub fn visitor(&self, number: u64, peer: SocketAddr, guest: Guest) -> Visitor {
        let mut random = Random::new(self.seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let kind = self.swarm(guest).newcomer(&mut random);
        let level = Swarm::level(&mut random);
        Visitor {
            kind,
            guest,
            peer,
            items: Vec::new(),
            heard: Vec::new(),
            left: None,
            client: Client::new(kind, level),
            random,
            unique: number * COMMANDS,
        }
    }

    fn swarm(&self, guest: Guest) -> &Swarm {
        match guest {
            Guest::Passing => &self.passing,
            Guest::Staying => &self.staying,
        }
    }
}

impl Visitor {
    /// What it does next; nothing once it [is over](Self::is_over).
    pub fn act(&mut self, party: &Party) -> Turn {
        if self.is_over() {
            return Turn::default();
        }
        self.unique += 10;
        let (swarm, members) = (party.swarm(self.guest), &party.members);
        let batch = self
            .client
            .act(&mut self.random, swarm, members, self.unique);
        self.items.extend(batch.items);
        Turn {
            bytes: batch.bytes,
            last: batch.fin,
        }
    }

    /// Takes bytes that were received. Panics if no server that keeps the protocol would send them.
    pub fn hear(&mut self, bytes: &[u8]) -> Heard {
        self.heard.extend_from_slice(bytes);
        let mut heard = Heard::default();
        if !matches!(self.kind, Kind::Chat(_)) {
            return heard;
        }
        for (_, said) in self.client.reader.take(bytes) {
            heard.count(&said);
            self.client.is_in |= heard.logins > 0;
            let reply = self.client.reply(&mut self.random, &said);
            heard.reply.extend(reply.bytes);
            self.items.extend(reply.items);
        }
        heard
    }

    /// The connection is over.
    pub fn left(&mut self, how: Left) {
        self.left = Some(how);
    }

    /// Whether it sends nothing more of its own accord.
    pub fn is_over(&self) -> bool {
        self.client.over
    }

    pub(super) fn level(&self) -> Level {
        self.client.level
    }

    /// Whether it chats.
    pub fn chats(&self) -> bool {
        matches!(self.kind, Kind::Chat(_))
    }
}

impl Heard {
    fn count(&mut self, said: &Said) {
        let is = |name| u64::from(said.values(name).is_some());
        self.logins += is("identify");
        self.later += u64::from(*said == Said::error("Please try again later."));
        self.messages += is("msg");
        self.pongs += is("pong");
    }
}

/// The password of all members.
const PASSWORD: &str = "right";

/// One visitor's commands, no two the same.
const COMMANDS: u64 = 1_000_000;
