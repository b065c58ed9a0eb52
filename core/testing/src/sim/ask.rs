//! What clients ask for: the meaning of a command, and one of the many ways to write it.

use super::client::Known;
use super::commands::{self, COMMANDS};
use super::reader::Level;
use super::store::Members;
use super::swarm::Swarm;
use crate::random::Random;

/// One thing that a client asks for. The model knows what it must lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// A command of [`COMMANDS`] by its word, with its arguments.
    Command(&'static str, Vec<String>),
    /// A command that every client gets this error for.
    Wrong(&'static str),
    /// Something that leads to no command, and its cost in 1,024ths of a command.
    Idle(u64),
    /// A request to go on as a WebSocket.
    Upgrade,
    /// A WebSocket's ping.
    Control(Vec<u8>),
    /// A WebSocket's close frame.
    Close(Option<u16>),
    /// A broken rule of WebSocket, answered with this code.
    Break(u16),
    /// The first line of an HTTP request with a method that is not served, answered with this status.
    OtherMethod(&'static str),
}

impl Ask {
    /// The command of this word.
    pub(super) fn command<const N: usize>(word: &'static str, arguments: [&str; N]) -> Self {
        Self::Command(word, arguments.map(String::from).to_vec())
    }

    /// The arguments, if it is the command of this word.
    pub(super) fn arguments(&self, of: &str) -> Option<&[String]> {
        match self {
            Self::Command(word, arguments) if *word == of => Some(arguments),
            Self::Command(..)
            | Self::Wrong(_)
            | Self::Idle(_)
            | Self::Upgrade
            | Self::Control(_)
            | Self::Close(_)
            | Self::Break(_)
            | Self::OtherMethod(_) => None,
        }
    }

    /// The meaning of a command of `size` bytes.
    pub(super) fn unless_longer(self, size: usize, limit: usize) -> Self {
        if size > limit {
            Self::Wrong(TOO_LONG)
        } else {
            self
        }
    }
}

/// How a client writes commands, and where they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speak {
    Nul,
    Line,
    /// LF and NUL, in any order.
    Both,
    /// A line that is typed into telnet.
    Telnet,
    /// Ended by NUL, and in the code page if it has all characters.
    Page,
    Binary,
    Text,
}

/// Makes up what one client asks for next.
pub(super) struct Writer<'a> {
    pub(super) random: &'a mut Random,
    pub(super) swarm: &'a Swarm,
    pub(super) members: &'a Members,
    pub(super) speak: Speak,
    pub(super) level: Level,
    /// What it knows of rooms.
    pub(super) known: &'a Known,
    /// It is the first command of the connection.
    pub(super) first: bool,
    /// It is the second.
    pub(super) second: bool,
    /// It tries to log in, and does little else until then.
    pub(super) settles: bool,
    /// It has asked to be a guest.
    pub(super) guest: bool,
    /// A number that no other command of the run has.
    pub(super) unique: u64,
}

impl Writer<'_> {
    /// One command, with its bytes (no terminator).
    pub(super) fn ask(&mut self) -> (Ask, Vec<u8>) {
        let limit = self.swarm.config.limits.command;
        if self.random.percent(self.swarm.long) {
            return self.as_long_as_can_be();
        }
        // Most connections begin with a login: little happens while nobody is online.
        let row = if self.settles && self.random.percent(60)
            || self.first && self.random.percent(60)
            || self.second && self.random.percent(30)
        {
            Some(&COMMANDS[0])
        } else if self.level == Level::Two && self.random.percent(self.swarm.rooms.share) {
            commands::any_of_rooms(self.random)
        } else {
            commands::any(self.random, self.level, WRONG_SHARE, self.swarm.accounts)
        };
        let (ask, text) = match row {
            Some(row) => (row.write)(self),
            None if self.random.percent(50) && self.speak != Speak::Text && self.is_not_utf8() => {
                let bytes: &[&[u8]] = &[b"MSG bob \xff", b"LIST \xc3", b"\xed\xa0\x80"];
                return (Ask::Wrong(NOT_UTF8), self.random.pick(bytes).to_vec());
            }
            None => self.wrong(),
        };
        let by_line = matches!(self.speak, Speak::Line | Speak::Both | Speak::Telnet);
        let padded = if self.random.percent(10) && !by_line && !self.first {
            format!(" {text}\r")
        } else {
            text
        };
        if padded.len() <= limit {
            (ask, padded.into_bytes())
        } else {
            (Ask::command("LIST", []), b"LIST".to_vec())
        }
    }

    /// A command that everybody gets an error for.
    fn wrong(&mut self) -> (Ask, String) {
        // The first bytes of a connection, if they end like a policy request and then stall, are taken for one.
        let wrong = WRONG.iter().skip(usize::from(self.first));
        let level = self.level;
        let may = |error| level == Level::Two || !commands::is_newer(error);
        let wrong: Vec<_> = wrong.filter(|(error, _)| may(error)).collect();
        let (error, text) = **self.random.pick(&wrong);
        (Ask::Wrong(error), String::from(text))
    }

    fn is_not_utf8(&mut self) -> bool {
        self.swarm.config.codepage.is_none() && self.random.percent(30)
    }

    /// A command of the longest size that is allowed, or one byte longer.
    fn as_long_as_can_be(&mut self) -> (Ask, Vec<u8>) {
        let (random, limit) = (&mut *self.random, self.swarm.config.limits.command);
        let over = random.percent(50) && self.speak != Speak::Text;
        let length = if over {
            limit + random.between(1, 20) as usize
        } else {
            limit
        };
        let mut text = String::from("PING ");
        // Characters of several bytes, so that pieces end within them.
        while text.len() + 4 <= length && random.percent(90) {
            text.push_str(random.pick::<&str>(&["é", "🦀", "x", "&"]));
        }
        text.extend(std::iter::repeat_n('z', length.saturating_sub(text.len())));
        if over {
            return (Ask::Wrong(TOO_LONG), text.into_bytes());
        }
        (Ask::command("PING", [&text[5..]]), text.into_bytes())
    }

    /// The nick of a member or of a guest, or a nick that nobody has.
    pub(super) fn nick(&mut self) -> String {
        match self.random.below(12) {
            0 => String::from("nobody"),
            2 => String::from(*self.random.pick(&["~mia", "~guest1", "~guest2"])),
            1 if !self.members.given_up.is_empty() => {
                self.random.pick(&self.members.given_up).0.clone()
            }
            _ => String::from(&*self.random.pick(&self.members.all).nick),
        }
    }

    /// The target of a message: a member or a room.
    pub(super) fn target(&mut self) -> String {
        let rooms = self.swarm.rooms.share;
        match rooms > 0 && self.random.percent(20 + rooms / 2) {
            true => self.room_inside(),
            false => self.nick(),
        }
    }

    /// A text of characters that are hard to transport; none ends the command.
    pub(super) fn text(&mut self) -> String {
        let (random, swarm) = (&mut *self.random, self.swarm);
        let mut text = String::from("-");
        for _ in 0..random.below(6) {
            let part = *random.pick(&PARTS);
            let ends = match self.speak {
                Speak::Nul | Speak::Page | Speak::Binary => {
                    part.contains('\0') || self.first && part.contains('\n')
                }
                Speak::Line | Speak::Both | Speak::Telnet => part.contains(['\n', '\0', '\u{7f}']),
                Speak::Text => false,
            };
            if !ends {
                text.push_str(part);
            }
        }
        if random.percent(5) {
            text.extend(std::iter::repeat_n('y', random.between(90, 140) as usize));
        }
        if swarm.loud > 0 && random.percent(swarm.loud) {
            let most = (swarm.config.limits.command as u64 / 2).max(101);
            text.extend(std::iter::repeat_n('w', random.between(100, most) as usize));
        }
        text.push('.');
        text
    }
}

pub(super) const NOT_UTF8: &str = "Message is not valid UTF-8.";

pub(super) const TOO_LONG: &str = "Message too long.";

/// The least cost of something that leads to no command: a 16th of one.
pub(super) const IDLE: u64 = 64;

/// How often a client sends something that is no command, against the shares of [`COMMANDS`].
const WRONG_SHARE: u64 = 2;

const WRONG: [(&str, &str); 20] = [
    ("Unknown command.", "<policy-file-request/>!"),
    ("Unknown command.", "HALLO <world>"),
    ("Unknown command.", "//LIST"),
    ("Usage: IDENTIFY id password", "IDENTIFY 1"),
    ("Usage: MSG nick text", "MSG alice  "),
    ("Usage: PING token", "ping"),
    ("Usage: ME nick text", "/Me alice"),
    ("Usage: NICK new", "nick "),
    ("Unknown command.", "ſ"),
    ("Usage: PASSWD old new", "passwd right"),
    ("Usage: PASSWD old new", "PASSWD \tright one"),
    ("Usage: JOIN #room [key]", "JOIN"),
    ("Usage: PART #room", "/part "),
    ("Usage: WHO #room", "who"),
    ("Usage: TOPIC #room [text]", "Topic"),
    ("Usage: KICK #room nick [reason]", "KICK #a"),
    (USAGE_OF_OPEN, "OPEN"),
    (USAGE_OF_OPEN, "open #a Hidden"),
    (USAGE_OF_OPEN, "OPEN #a key="),
    (USAGE_OF_OPEN, "OPEN lobby hidden hidden"),
];

const USAGE_OF_OPEN: &str = "Usage: OPEN #room [seats=N] [max=N] [key=K] [hidden]";

const PARTS: [&str; 18] = [
    "hello",
    "árvíztűrő",
    "🦀🦀",
    "\u{fffe}",
    "\u{1}",
    "<&>\"'",
    "&#9;",
    "\t",
    "\r",
    "\n",
    "  ",
    "GET / HTTP/1.0\r",
    "<policy-file-request/>",
    "crossdomain",
    "\u{a0}",
    "\0",
    "\u{7f}",
    "\"\"",
];
