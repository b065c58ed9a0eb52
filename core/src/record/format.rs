//! The lines of a recording, as they are written. The documentation of `record` says what each means.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use crate::chunk::Chunk;
use crate::conn::filter::{FilterEvent, TlsVersion};
use crate::event::{Action, Cause, HostFacts, Input, Refused, StoreState};
use crate::id::{Accepted, ConnId};
use crate::member::{Answer, Identity, Login, Member, MemberEvent, Unavailable};
use crate::note::{NotePart, NoteWriter, What};
use crate::record::{admin, hash};
use crate::time::Now;

/// What happened, or what bytes were.
#[derive(Debug)]
pub(crate) enum Line<'a> {
    At(Now),
    Accepted(ConnId, Accepted),
    Refused(Refused, Accepted),
    /// This many bytes came; the lines of content have them.
    Bytes(ConnId, usize),
    /// An input that has no bytes. What `configure` brings follows in lines of its own.
    Input(Input<'static>),
    Configure,
    Content(ConnId, Content<'a>),
    /// What the core decided; compared as text.
    Did(&'a str),
    End(&'a str),
}

/// Some of what a connection sent, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// What is no chat, as it was sent.
    Raw(Cow<'a, [u8]>),
    /// From here on the bytes are those of the chat.
    Chat,
    /// The head of a frame without its mask; payload follows from the chat.
    Frame(Vec<u8>),
    /// The chat's own bytes, unmasked.
    Text(Cow<'a, [u8]>),
    /// Bytes that the core drops.
    Skip(u64),
}

/// Bytes as printable ASCII without a space.
pub(crate) struct Escaped<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            match byte {
                b'\\' => f.write_str("\\\\")?,
                0 => f.write_str("\\0")?,
                b' ' => f.write_str("\\s")?,
                b'\n' => f.write_str("\\n")?,
                b'\r' => f.write_str("\\r")?,
                0x21..=0x7e => f.write_char(char::from(*byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        Ok(())
    }
}

/// A connection: its slot, and how many had it before.
struct Conn(ConnId);

impl fmt::Display for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.slot(), self.0.generation())
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(now) => write!(f, "at {} {} {}", now.mono.0, now.utc.0, now.offset),
            Self::Accepted(id, origin) => {
                write!(
                    f,
                    "open {} {} {}",
                    Conn(*id),
                    origin.listener.0,
                    origin.peer
                )
            }
            Self::Refused(why, origin) => {
                let why = name(&REFUSED, why);
                write!(f, "refused {why} {} {}", origin.listener.0, origin.peer)
            }
            Self::Bytes(id, length) => write!(f, "in {} {length}", Conn(*id)),
            Self::Input(input) => Said(input).fmt(f),
            Self::Configure => f.write_str("configure"),
            Self::Content(id, content) => match content {
                Content::Raw(bytes) => write!(f, "raw {} {}", Conn(*id), Escaped(bytes)),
                Content::Chat => write!(f, "chat {}", Conn(*id)),
                Content::Frame(head) => write!(f, "frame {} {}", Conn(*id), Escaped(head)),
                Content::Text(bytes) => write!(f, "text {} {}", Conn(*id), Escaped(bytes)),
                Content::Skip(length) => write!(f, "skip {} {length}", Conn(*id)),
            },
            Self::Did(text) => write!(f, "> {text}"),
            Self::End(why) => write!(f, "end {why}"),
        }
    }
}

/// A member's number, nick and name.
struct Named<'a>(&'a Member);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nick, name) = (self.0.nick.as_bytes(), self.0.name.as_bytes());
        write!(f, "{} {} {}", self.0.id, Escaped(nick), Escaped(name))
    }
}

/// An input without its bytes, or its settings.
pub(crate) struct Said<'a, 'b>(pub(crate) &'a Input<'b>);

impl fmt::Display for Said<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Input::Bytes(id, data) => write!(f, "in {} {}", Conn(*id), data.len()),
            Input::Eof(id) => write!(f, "eof {}", Conn(*id)),
            Input::Gone(id, cause) => write!(f, "gone {} {}", Conn(*id), name(&CAUSES, cause)),
            Input::Backlog(id, left) => write!(f, "backlog {} {left}", Conn(*id)),
            Input::Filter(id, FilterEvent::Established(None)) => {
                write!(f, "established {}", Conn(*id))
            }
            Input::Filter(id, FilterEvent::Established(Some(version))) => {
                write!(f, "established {} {}", Conn(*id), version.as_str())
            }
            Input::Filter(id, FilterEvent::Broken(why)) => {
                write!(f, "broken {} {}", Conn(*id), Escaped(why.as_bytes()))
            }
            Input::Answer(ticket, answer) => {
                write!(f, "answer {} ", ticket.0)?;
                match answer {
                    Answer::Member(member) => write!(f, "member {}", Named(member)),
                    Answer::Renamed(member) => write!(f, "renamed {}", Named(member)),
                    Answer::Taken => f.write_str("taken"),
                    Answer::Claimed => f.write_str("claimed"),
                    Answer::PasswordChanged => f.write_str("password changed"),
                    Answer::PasswordNotAllowed => f.write_str("password not-allowed"),
                    Answer::Admin(answer) => write!(f, "admin {}", admin::Words(answer)),
                    Answer::Denied(why, None) => write!(f, "denied {}", why.as_str()),
                    Answer::Denied(why, Some(member)) => {
                        write!(f, "denied {member} {}", why.as_str())
                    }
                    Answer::Unavailable(why) => f.write_str(name(&UNAVAILABLE, why)),
                }
            }
            Input::Member(MemberEvent::Disabled(id)) => write!(f, "member disabled {id}"),
            Input::Member(MemberEvent::Renamed(member)) => {
                write!(f, "member renamed {}", Named(member))
            }
            Input::Member(MemberEvent::Removed(id)) => write!(f, "member removed {id}"),
            Input::Announce(text) => write!(f, "announce {}", Escaped(text.as_bytes())),
            Input::Kick { member, reason } => {
                match member {
                    Login::Id(id) => write!(f, "kick id {id}")?,
                    Login::Nick(nick) => write!(f, "kick nick {}", Escaped(nick.as_bytes()))?,
                }
                match reason {
                    Some(reason) => write!(f, " {}", Escaped(reason.as_bytes())),
                    None => Ok(()),
                }
            }
            Input::Host(facts) => {
                let HostFacts {
                    log_dropped,
                    store,
                    process,
                } = facts;
                write!(f, "host {log_dropped} {}", name(&STORES, store))?;
                let Some(process) = process else {
                    return Ok(());
                };
                let (cpu, memory) = (process.cpu_millis, process.resident_bytes);
                let (open, max) = (process.open_files, process.max_files);
                write!(f, " {cpu} {memory} {} {open} {max}", process.started)
            }
            Input::Configure(_) => f.write_str("configure"),
            Input::Timeout => f.write_str("timeout"),
            Input::Shutdown => f.write_str("shutdown"),
        }
    }
}

fn name<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> &'static str {
    let found = names.iter().find(|(_, v)| v == value);
    found.map_or("", |(name, _)| name)
}

pub(crate) const CAUSES: [(&str, Cause); 3] = [
    ("closed", Cause::Closed),
    ("reset", Cause::Reset),
    ("timed-out", Cause::TimedOut),
];

pub(crate) const REFUSED: [(&str, Refused); 3] = [
    ("full", Refused::Full),
    ("address-limit", Refused::AddressLimit),
    ("shutting-down", Refused::ShuttingDown),
];

pub(crate) const STORES: [(&str, StoreState); 2] =
    [("up", StoreState::Up), ("down", StoreState::Down)];

pub(crate) const UNAVAILABLE: [(&str, Unavailable); 5] = [
    ("failed", Unavailable::Failed),
    ("busy", Unavailable::Busy),
    ("timed-out", Unavailable::TimedOut),
    ("ticket-before-start", Unavailable::TicketBeforeStart),
    ("tickets-full", Unavailable::TicketsFull),
];

pub(crate) const TLS_VERSIONS: [(&str, TlsVersion); 2] = [
    (TlsVersion::V1_2.as_str(), TlsVersion::V1_2),
    (TlsVersion::V1_3.as_str(), TlsVersion::V1_3),
];

/// What a line has of an answer's bytes, besides their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A hash of what a replay without secrets says the same.
    Shape,
    /// A hash of all of them.
    All,
}

/// What the core decided, as the text of a line.
pub(crate) fn did(action: &Action, told: Told) -> String {
    match action {
        Action::Write(id, chunk) => format!("write {} {}", Conn(*id), Bytes(chunk, told)),
        Action::Broadcast(everyone, chunk) => {
            let mut ids = Vec::new();
            for id in everyone.iter() {
                ids.extend_from_slice(&id.to_bits().to_be_bytes());
            }
            let (count, ids) = (everyone.iter().len(), hash::hash([&ids, &[]]));
            format!("broadcast {count} {ids:016x} {}", Bytes(chunk, told))
        }
        Action::Finish(id) => format!("finish {}", Conn(*id)),
        Action::Close(id) => format!("close {}", Conn(*id)),
        Action::Abort(id) => format!("abort {}", Conn(*id)),
        Action::Pause(id) => format!("pause {}", Conn(*id)),
        Action::Resume(id) => format!("resume {}", Conn(*id)),
        Action::Lookup(ticket, _) => format!("lookup {}", ticket.0),
        Action::Note(note) => String::from("note ") + &noted(&note.what),
    }
}

struct Bytes<'a>(&'a Chunk, Told);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.0.len())?;
        match self.1 {
            Told::Shape => write!(f, "{:016x}", hash::shape(self.0.slices(0))),
            Told::All => write!(f, "{:016x}", hash::hash(self.0.slices(0))),
        }
    }
}

/// A note without text of a client: the name of its event, and its facts.
fn noted(what: &What) -> String {
    // The first kinds of notes have forms that recordings keep. A new one needs none.
    #[allow(clippy::wildcard_enum_match_arm)]
    match what {
        What::Connected { clients, .. } => format!("connected {clients}"),
        What::Login {
            who: Identity::Member(member),
            ..
        } => format!("login {member}"),
        What::Login {
            who: Identity::Guest(_),
            ..
        } => String::from("login guest"),
        What::LoginUnavailable { why, .. } => {
            format!("login-unavailable {}", name(&UNAVAILABLE, why))
        }
        What::Refused { reason, times, .. } => format!("refused {times} {}", reason.as_str()),
        other => {
            let mut facts = Facts(String::new());
            other.write_to(&mut facts);
            facts.0
        }
    }
}

struct Facts(String);

impl NoteWriter for Facts {
    fn write(
        &mut self,
        event: &'static str,
        _words: &[NotePart<'_>],
        facts: &[(&'static str, NotePart<'_>)],
    ) {
        self.0 = event.replace('_', "-");
        for (_, fact) in facts {
            if !matches!(fact, NotePart::Text(_)) {
                self.0 += &format!(" {fact}");
            }
        }
    }
}
