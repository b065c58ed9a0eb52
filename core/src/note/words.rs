//! The words of each note, and its facts with their names: the log's lines, transcripts and [`Display`] are
//! all made of these. Section "Log lines" of the protocol reference explains each.
//!
//! [`Display`]: core::fmt::Display

use alloc::format;
use core::fmt::{self, Write as _};
use core::net::SocketAddr;

use super::{Note, Refusal, What};
use crate::member::{Identity, MemberId};

/// A piece of what a note says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotePart<'a> {
    /// Words of ours.
    Word(&'static str),
    /// A count.
    Number(u64),
    /// A member's number.
    Member(MemberId),
    /// An address and its port.
    Address(SocketAddr),
    /// Text from a client, of any length. It may hold anything, so it is to be quoted.
    Text(&'a str),
}

/// Something that writes down what notes say.
pub trait NoteWriter {
    /// Takes a note's words, in order, and the same facts by name. `event` is one word for the kind of note.
    fn write(
        &mut self,
        event: &'static str,
        words: &[NotePart<'_>],
        facts: &[(&'static str, NotePart<'_>)],
    );
}

use NotePart::{Member, Number, Text, Word};

impl What {
    /// Writes what happened, in words and as facts.
    pub fn write_to(&self, to: &mut impl NoteWriter) {
        match self {
            Self::Connected { clients, max } => {
                let (clients, max) = (count(*clients), count(*max));
                let words = [Word("CONNECTED ("), clients, Word("/"), max, Word(")")];
                to.write("connected", &words, &[("clients", clients), ("max", max)]);
            }
            Self::Crossdomain => {
                to.write("crossdomain", &[Word("CROSSDOMAIN.XML REQUEST")], &[]);
            }
            Self::Status => to.write("status", &[Word("STATUS REQUEST")], &[]),
            Self::Redirect { method, path } => {
                let request = format!("{method} {path}");
                let facts = [("method", Word(method)), ("path", Text(path))];
                to.write("redirect", &[Word("REDIRECT "), Text(&request)], &facts);
            }
            Self::Login { who, clients, max } => {
                let ((kind, who), clients, max) = (named(who), count(*clients), count(*max));
                let [open, slash, close] = [Word("("), Word("/"), Word(")")];
                let words = [Word("LOGIN "), who, open, clients, slash, max, close];
                let facts = [(kind, who), ("clients", clients), ("max", max)];
                to.write("login", &words, &facts);
            }
            Self::LoginFailed { id, why } => {
                let (id, why) = (Text(id), Word(why.as_str()));
                let words = [Word("LOGIN FAILED "), id, Word(" "), why];
                to.write("login_failed", &words, &[("id", id), ("reason", why)]);
            }
            Self::LoginUnavailable { id, why } => {
                let (id, why) = (Text(id), Word(why.as_str()));
                let words = [Word("LOGIN UNAVAILABLE "), id, Word(" "), why];
                to.write("login_unavailable", &words, &[("id", id), ("reason", why)]);
            }
            Self::Slowed => to.write("slowed", &[Word("SLOWED command rate")], &[]),
            Self::Nick { who, old, new } => {
                let ((kind, who), old, new) = (named(who), Text(old), Text(new));
                let words = [Word("NICK "), who, Word(" "), old, Word(" "), new];
                to.write("nick", &words, &[(kind, who), ("old", old), ("new", new)]);
            }
            Self::Quit { who } => {
                let (kind, who) = named(who);
                to.write("quit", &[Word("QUIT "), who], &[(kind, who)]);
            }
            Self::Closed { reason } => {
                let reason = Word(reason.as_str());
                to.write("closed", &[Word("CLOSED "), reason], &[("reason", reason)]);
            }
            Self::Refused {
                reason,
                times,
                detail,
            } => refused(*reason, *times, detail.as_deref(), to),
        }
    }
}

/// What a member or guest is called among the facts, and its number or nick.
fn named(who: &Identity) -> (&'static str, NotePart<'_>) {
    match who {
        Identity::Member(member) => ("member", Member(*member)),
        Identity::Guest(nick) => ("guest", Text(nick)),
    }
}

fn refused(why: Refusal, times: u64, detail: Option<&str>, to: &mut impl NoteWriter) {
    let (event, subject, name) = why.kind();
    let (reason, times) = (Word(why.as_str()), Number(times));
    let detail = detail.map(|detail| match detail.parse::<u8>() {
        // A version is a number in its plain form; whatever else the client says stands in quotes.
        Ok(number) if why == Refusal::Version && format!("{number}") == detail => {
            Number(number.into())
        }
        Ok(_) | Err(_) => Text(detail),
    });
    let mut words = [Word(subject), Word(" "), reason, Word(why.advice())].to_vec();
    let mut facts = [("reason", reason), ("times", times)].to_vec();
    if let Some(detail) = detail {
        words.extend([Word(" "), detail]);
        facts.push((name, detail));
    }
    if times != Number(1) {
        words.extend([Word(" ("), times, Word(" times)")]);
    }
    to.write(event, &words, &facts);
}

impl Refusal {
    /// One word for the kind of refusal, what the line begins with, and what the detail is called.
    const fn kind(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Full | Self::AddressLimit | Self::NoProxyHeader | Self::BadProxyHeader => {
                ("refused", "CLOSED", "detail")
            }
            Self::NoCertificate => ("tls_refused", "TLS REFUSED", "detail"),
            Self::Origin => ("websocket_refused", "WEBSOCKET REFUSED", "origin"),
            Self::Version => ("websocket_refused", "WEBSOCKET REFUSED", "version"),
            Self::Head => ("websocket_refused", "WEBSOCKET REFUSED", "status"),
            Self::Http10
            | Self::Host
            | Self::Method
            | Self::NoUpgrade
            | Self::NoConnection
            | Self::Body
            | Self::NoVersion
            | Self::TwoVersions
            | Self::NoKey
            | Self::BadKey
            | Self::Shutdown => ("websocket_refused", "WEBSOCKET REFUSED", "detail"),
        }
    }
}

/// The words, one space, and the peer.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.peer)
    }
}

/// The words.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = Shown { f, result: Ok(()) };
        self.write_to(&mut shown);
        shown.result
    }
}

struct Shown<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    result: fmt::Result,
}

impl NoteWriter for Shown<'_, '_> {
    fn write(
        &mut self,
        _event: &'static str,
        words: &[NotePart<'_>],
        _facts: &[(&'static str, NotePart<'_>)],
    ) {
        self.result = words
            .iter()
            .try_for_each(|part| fmt::Display::fmt(part, self.f));
    }
}

impl fmt::Display for NotePart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word(word) => f.write_str(word),
            Number(number) => write!(f, "{number}"),
            Member(member) => write!(f, "{member}"),
            Self::Address(address) => write!(f, "{address}"),
            Text(text) => quote(text, f),
        }
    }
}

/// Writes text in quotes, with JSON's escapes.
fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

fn count(number: usize) -> NotePart<'static> {
    Number(number as u64)
}
