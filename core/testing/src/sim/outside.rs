//! The simulation's clients for a server that is none of the simulation's: they say what to send, and
//! take what they hear; whoever drives them has the sockets, and the faults.

use std::net::SocketAddr;

use super::client::{Client, Item, Kind};
use super::reader::Said;
use super::store::Members;
use super::swarm::Swarm;
use crate::random::Random;

/// What all visitors of a server have in common: a seed, members, and how long a command may be.
#[derive(Debug)]
pub struct Party {
    seed: u64,
    passing: Swarm,
    staying: Swarm,
    members: Members,
}

/// One client, for one connection.
#[derive(Debug)]
pub struct Visitor {
    pub(super) kind: Kind,
    pub(super) peer: SocketAddr,
    /// All that it has asked for.
    pub(super) items: Vec<Item>,
    /// All that it has heard.
    pub(super) heard: Vec<u8>,
    pub(super) left: Option<Left>,
    guest: Guest,
    client: Client,
    random: Random,
    unique: u64,
}

/// Who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// Anybody, for anything, not for long.
    Passing,
    /// One who chats, and does not leave of its own accord.
    Staying,
}

/// What a visitor puts on the wire: either all of it, or the connection has to end by a reset.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// To be sent.
    pub bytes: Vec<u8>,
    /// The sending side closes behind them.
    pub last: bool,
}

/// What a visitor has heard, by number, and the bytes with which it answers at once.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// To be sent.
    pub reply: Vec<u8>,
    /// Successful logins of its own.
    pub logins: u64,
    /// `Please try again later.`
    pub later: u64,
    /// Messages, its own among them.
    pub messages: u64,
    /// Answers to PING.
    pub pongs: u64,
}

/// How a connection came to its end, for the visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It has read to the end of the stream.
    ReadToTheEnd,
    /// It has ended the connection itself, read or unread.
    CutOff,
    /// The connection was reset from the other side.
    WasReset,
}

impl Party {
    /// Everything that its visitors do follows from `seed`. `command` is what the server takes for
    /// the length of a command.
    pub fn new(seed: u64, command: usize) -> Self {
        let passing = Swarm::outside(&mut Random::new(seed), command);
        Self {
            seed,
            staying: passing.clone().staying(),
            passing,
            members: Members::outside(PASSWORD),
        }
    }

    /// Whom the server has to know: number, nick, name and password.
    pub fn members(&self) -> impl Iterator<Item = (i64, &str, &str, &str)> {
        let member = |m: &'_ flashgate_core::Member| m.id.0;
        let all = self.members.all.iter();
        all.map(move |m| (member(m), &*m.nick, &*m.name, PASSWORD))
    }

    /// The visitor of this number, who connects from `peer`: no two from the same.
    pub fn visitor(&self, number: u64, peer: SocketAddr, guest: Guest) -> Visitor {
        let mut random = Random::new(self.seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let kind = self.swarm(guest).newcomer(&mut random);
        Visitor {
            kind,
            guest,
            peer,
            items: Vec::new(),
            heard: Vec::new(),
            left: None,
            client: Client::new(kind),
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
    /// What it does next. [Over](Self::is_over), it does nothing.
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

    /// Takes what has come. Panics at what no server of the contract says.
    pub fn hear(&mut self, bytes: &[u8]) -> Heard {
        self.heard.extend_from_slice(bytes);
        let mut heard = Heard::default();
        if !matches!(self.kind, Kind::Chat(_)) {
            return heard;
        }
        for (_, said) in self.client.reader.take(bytes) {
            heard.count(&said);
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

    /// Whether it is one who chats.
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

/// Everybody's.
const PASSWORD: &str = "right";

/// One visitor's commands, no two the same.
const COMMANDS: u64 = 1_000_000;
