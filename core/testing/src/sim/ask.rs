//! What clients want: commands as a meaning, and as one of the many ways to write it.

use super::store::Members;
use super::swarm::Swarm;
use crate::random::Random;

/// One thing that a client asks for. The model knows what it must lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Identify {
        login: String,
        password: String,
    },
    Msg {
        nick: String,
        text: String,
    },
    List,
    Ping(String),
    Quit,
    /// A command that is answered with this error, whoever says it.
    Wrong(&'static str),
    /// Something that leads to no command, and costs so many 1,024ths of one.
    Idle(u64),
    /// A request to go on as a WebSocket.
    Upgrade,
    /// A WebSocket's ping.
    Control(Vec<u8>),
    /// A WebSocket's goodbye.
    Close(Option<u16>),
    /// A broken rule of WebSocket, answered with this code.
    Break(u16),
    /// The first line of an HTTP request of another method, answered with this status.
    OtherMethod(&'static str),
}

impl Ask {
    /// What is asked by a command of `size` bytes.
    pub(super) fn unless_longer(self, size: usize, limit: usize) -> Self {
        if size > limit {
            Self::Wrong(TOO_LONG)
        } else {
            self
        }
    }
}

/// Where commands end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speak {
    Nul,
    Line,
    /// LF and NUL, in any order.
    Both,
    /// A line, typed into a telnet.
    Telnet,
    /// Ended by NUL, in the code page where all characters are in it.
    Page,
    Binary,
    Text,
}

/// Makes one up, with the bytes of its command (no terminator).
pub(super) fn ask(
    random: &mut Random,
    swarm: &Swarm,
    members: &Members,
    speak: Speak,
    first: bool,
    unique: u64,
) -> (Ask, Vec<u8>) {
    let limit = swarm.config.limits.command;
    if random.percent(swarm.long) {
        return as_long_as_can_be(random, limit, speak);
    }
    // Most begin by saying who they are: where nobody is online, little happens.
    let which = if first && random.percent(60) {
        0
    } else {
        random.below(20)
    };
    let (ask, text) = match which {
        0..=4 => identify(random, swarm, members, unique),
        5..=11 => msg(random, swarm, members, speak, first),
        12 | 13 => (
            Ask::List,
            String::from(*random.pick(&["LIST", "/list", "List of all"])),
        ),
        14..=16 => {
            let token = format!("{unique}");
            let text = format!("{} {token} x", random.pick(&["PING", "ping", "/Ping  "]));
            (Ask::Ping(token), text)
        }
        17 => match random.below(5) {
            0 if swarm.leaves => (Ask::Quit, String::from("QUIT")),
            _ => (
                Ask::Idle(IDLE),
                String::from(*random.pick(&["", " ", "\r", "\t \x0b"])),
            ),
        },
        18 if speak != Speak::Text && swarm.config.codepage.is_none() && random.percent(30) => {
            let bytes: &[&[u8]] = &[b"MSG bob \xff", b"LIST \xc3", b"\xed\xa0\x80"];
            let bytes = (*random.pick(bytes)).to_vec();
            return (Ask::Wrong(NOT_UTF8), bytes);
        }
        _ => {
            // First bytes that end like a policy request, and then stall, are one.
            let wrong = if first { &WRONG[1..] } else { &WRONG[..] };
            let (error, text) = *random.pick(wrong);
            (Ask::Wrong(error), String::from(text))
        }
    };
    let by_line = matches!(speak, Speak::Line | Speak::Both | Speak::Telnet);
    let padded = if random.percent(10) && !by_line && !first {
        format!(" {text}\r")
    } else {
        text
    };
    if padded.len() <= limit {
        (ask, padded.into_bytes())
    } else {
        (Ask::List, b"LIST".to_vec())
    }
}

fn identify(random: &mut Random, swarm: &Swarm, members: &Members, unique: u64) -> (Ask, String) {
    let member = random.pick(&members.all);
    let login = match random.below(10) {
        0..=5 => format!("{}", member.id),
        6..=8 => String::from(&*member.nick),
        _ => String::from("7x"),
    };
    // No two questions are the same, so that the model knows whose each is; but a real store has one
    // password for each member.
    let password = match (random.percent(swarm.wrong), members.password) {
        (false, Some(password)) => String::from(password),
        (false, None) => format!("right {unique}"),
        (true, _) => format!("wrong {unique}"),
    };
    let text = format!(
        "{} {login}  {password}",
        random.pick(&["IDENTIFY", "/identify"])
    );
    (Ask::Identify { login, password }, text)
}

fn msg(
    random: &mut Random,
    swarm: &Swarm,
    members: &Members,
    speak: Speak,
    first: bool,
) -> (Ask, String) {
    let nick = match random.below(12) {
        0 => String::from("nobody"),
        _ => String::from(&*random.pick(&members.all).nick),
    };
    let mut text = String::from("-");
    for _ in 0..random.below(6) {
        let part = *random.pick(&PARTS);
        let ends = match speak {
            Speak::Nul | Speak::Page | Speak::Binary => {
                part.contains('\0') || first && part.contains('\n')
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
    let command = format!("{} {nick} {text}", random.pick(&["MSG", "msg", "/mSg "]));
    (Ask::Msg { nick, text }, command)
}

/// A command that just fits, or just does not.
fn as_long_as_can_be(random: &mut Random, limit: usize, speak: Speak) -> (Ask, Vec<u8>) {
    let over = random.percent(50) && speak != Speak::Text;
    let length = if over {
        limit + random.between(1, 20) as usize
    } else {
        limit
    };
    let mut text = String::from("PING ");
    // Characters of several bytes, so that cuts go through them.
    while text.len() + 4 <= length && random.percent(90) {
        text.push_str(random.pick::<&str>(&["é", "🦀", "x", "&"]));
    }
    text.extend(std::iter::repeat_n('z', length.saturating_sub(text.len())));
    if over {
        return (Ask::Wrong(TOO_LONG), text.into_bytes());
    }
    (Ask::Ping(String::from(&text[5..])), text.into_bytes())
}

/// What a text is read back as: characters that no answer can carry become U+FFFD.
pub(super) fn as_heard(text: &str) -> String {
    let heard = |c| match c {
        '\t' | '\n' | '\r' => c,
        '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(heard).collect()
}

pub(super) const NOT_UTF8: &str = "Message is not valid UTF-8.";

pub(super) const TOO_LONG: &str = "Message too long.";

/// What something that leads to no command costs at the least: a 16th of one.
pub(super) const IDLE: u64 = 64;

const WRONG: [(&str, &str); 7] = [
    ("Unknown command.", "<policy-file-request/>!"),
    ("Unknown command.", "HELLO <world>"),
    ("Unknown command.", "//LIST"),
    ("Usage: IDENTIFY id password", "IDENTIFY 1"),
    ("Usage: MSG nick text", "MSG alice  "),
    ("Usage: PING token", "ping"),
    ("Unknown command.", "ſ"),
];

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
