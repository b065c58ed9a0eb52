//! One client: its wire form, what it sends, and what it has received so far.

mod rooms;
mod stream;
mod visit;
mod websocket;

use std::collections::BTreeMap;

use super::ask::{Ask, IDLE, NOT_UTF8, Speak, Writer};
use super::reader::{Level, Reader, Said};
use super::store::Members;
use super::swarm::Swarm;
use crate::random::Random;
pub(super) use rooms::Known;
use stream::{OTHER_METHODS, page, typed};
pub(super) use visit::Visit;
use visit::garbage;
use websocket::{UPGRADE, frame};

/// The kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Chat(Speak),
    /// Sends one request that is not for the chat.
    Visit(Visit),
    /// Sends arbitrary bytes; the model predicts nothing about them.
    Garbage,
}

/// Something that a client asks for, and the position of its last byte in the stream.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) at: u64,
    pub(super) ask: Ask,
    /// It is written in the code page.
    pub(super) paged: bool,
}

impl Item {
    fn new(at: u64, ask: Ask) -> Self {
        let paged = false;
        Self { at, ask, paged }
    }
}

/// The [`Item::at`] of a command that has no terminator and ends with the stream.
pub(super) const AT_EOF: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Client {
    pub(super) kind: Kind,
    pub(super) level: Level,
    pub(super) reader: Reader,
    /// For each nick, whether the client last saw a login or a quit.
    presence: BTreeMap<String, Presence>,
    rooms: Known,
    /// Bytes sent so far.
    sent: u64,
    begun: bool,
    /// How many commands it has written.
    asked: u64,
    /// It has logged in to a real server.
    pub(super) is_in: bool,
    /// It may be a guest.
    guest: bool,
    /// It has ended a command with NUL.
    flash: bool,
    /// How many bytes of its next command it has sent.
    lead: usize,
    /// It sends nothing more.
    pub(super) over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Came,
    Went,
}

/// What one act of a client puts on the wire.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) items: Vec<Item>,
    /// The client closes its sending side behind these bytes.
    pub(super) fin: bool,
}

impl Client {
    pub(super) fn new(kind: Kind, level: Level) -> Self {
        let socket = matches!(kind, Kind::Chat(Speak::Binary | Speak::Text));
        Self {
            kind,
            level,
            reader: Reader::new(socket, level),
            presence: BTreeMap::new(),
            rooms: Known::default(),
            sent: 0,
            begun: false,
            asked: 0,
            is_in: false,
            guest: false,
            flash: false,
            lead: 0,
            over: false,
        }
    }

    /// What the client does next. From one call to the next, `unique` must grow by more than a batch has commands.
    pub(super) fn act(
        &mut self,
        random: &mut Random,
        swarm: &Swarm,
        members: &Members,
        unique: u64,
    ) -> Batch {
        let mut batch = Batch::default();
        match self.kind {
            Kind::Visit(visit) => {
                batch.bytes = visit.request().into();
                self.over = true;
                batch.fin = random.percent(30);
            }
            Kind::Garbage => {
                batch.bytes = garbage(random);
                self.over = random.percent(20);
                batch.fin = self.over;
            }
            Kind::Chat(speak) => {
                if !self.begun && self.is_socket() {
                    self.put(&mut batch, UPGRADE, Ask::Upgrade);
                }
                for n in 0..random.between(1, 6) {
                    if !self.over {
                        self.one(&mut batch, random, swarm, members, speak, unique + n);
                        self.begun = true;
                    }
                }
                if !self.over && random.below(1000) < swarm.faults.half_close {
                    batch.fin = true;
                    self.over = true;
                    if random.percent(50) && matches!(speak, Speak::Nul | Speak::Line) {
                        self.last_words(&mut batch);
                    }
                }
            }
        }
        self.sent += batch.bytes.len() as u64;
        batch
    }

    fn one(
        &mut self,
        batch: &mut Batch,
        random: &mut Random,
        swarm: &Swarm,
        members: &Members,
        speak: Speak,
        unique: u64,
    ) {
        let limit = swarm.config.limits.command;
        if !self.begun && speak == Speak::Line && random.percent(3) {
            let (line, code) = *random.pick(&OTHER_METHODS);
            let ask = Ask::OtherMethod(code);
            self.over = true;
            return self.stream(batch, ask, line.as_bytes(), b"\r\n", limit);
        }
        let mut writer = Writer {
            random,
            swarm,
            members,
            speak,
            level: self.level,
            known: &self.rooms,
            first: !self.begun,
            second: self.asked == 1,
            settles: !swarm.leaves && !self.is_in,
            guest: self.guest,
            unique,
        };
        let (ask, text) = writer.ask();
        self.asked += 1;
        self.guest |= ask.arguments("GUEST").is_some();
        match speak {
            Speak::Nul => self.stream(batch, ask, &text, b"\0", limit),
            Speak::Line => {
                let end = *random.pick(&["\n", "\r\n"]);
                self.stream(batch, ask, &text, end.as_bytes(), limit);
            }
            Speak::Page => {
                // A command that is too long in UTF-8 may be short enough in the code page.
                let paged = page(&text).filter(|_| text.len() <= limit);
                let paged = paged.filter(|text| std::str::from_utf8(text).is_err());
                let has_page = swarm.config.codepage.is_some();
                let ask = match paged {
                    Some(_) if !has_page && !matches!(ask, Ask::Idle(_)) => Ask::Wrong(NOT_UTF8),
                    Some(_) | None => ask,
                };
                let bytes = paged.as_deref().unwrap_or(&text);
                self.stream(batch, ask, bytes, b"\0", limit);
                if let Some(item) = batch.items.last_mut() {
                    item.paged = paged.is_some() && has_page;
                }
            }
            Speak::Both => self.mixed(batch, random, ask, &text, limit),
            Speak::Telnet => {
                if !self.begun {
                    self.greet(batch, random);
                }
                let text = typed(random, &text, swarm.config.codepage.is_some());
                let ask = ask.unless_longer(text.len(), limit);
                let end = *random.pick(&["\n", "\r\n"]);
                self.stream(batch, ask, &text, end.as_bytes(), limit);
            }
            Speak::Binary | Speak::Text => self.message(batch, random, swarm, speak, ask, text),
        }
    }

    fn put(&mut self, batch: &mut Batch, bytes: &[u8], ask: Ask) {
        batch.bytes.extend_from_slice(bytes);
        let at = self.sent + batch.bytes.len() as u64;
        batch.items.push(Item::new(at, ask));
    }

    /// The client's answer to something that the server sent: a pong to a ping.
    pub(super) fn reply(&mut self, random: &mut Random, said: &Said) -> Batch {
        let mut batch = Batch::default();
        if let Said::Ping(payload) = said
            && !self.over
        {
            frame(&mut batch.bytes, random, 0x8a, payload);
            self.put(&mut batch, b"", Ask::Idle(IDLE));
        }
        self.sent += batch.bytes.len() as u64;
        batch
    }

    /// Takes what the server sent. Logins and quits of a nick must alternate for each client.
    pub(super) fn hear(&mut self, said: &Said) {
        self.rooms.hear(said);
        if let Some([old, new]) = said.values("nickchanged") {
            if old != new {
                self.presence.insert(old.clone(), Presence::Went);
                self.presence.insert(new.clone(), Presence::Came);
            }
            return;
        }
        let (nick, presence) = if let Some([nick, _]) = said.values("login") {
            (nick, Presence::Came)
        } else if let Some([nick]) = said.values("quit") {
            (nick, Presence::Went)
        } else {
            return;
        };
        let before = self.presence.insert(nick.clone(), presence);
        assert_ne!(before, Some(presence), "{nick:?} twice");
    }

    pub(super) fn is_socket(&self) -> bool {
        matches!(self.kind, Kind::Chat(Speak::Binary | Speak::Text))
    }
}

/// A blank command costs by its length, with its terminator.
fn priced(ask: Ask, bytes: usize) -> Ask {
    if let Ask::Idle(cost) = ask {
        Ask::Idle(cost.max(bytes as u64))
    } else {
        ask
    }
}
