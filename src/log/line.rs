//! How an event reads in the log, as text and as JSON.
//!
//! A visit leaves four lines. What they are made of is appended as it is, to one piece of memory: to
//! format and to collect the parts first took a third of all that a visit costs this program.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use flashgate_core::{MemberId, Note, Now, Refusal, UnixSeconds};

use super::{Event, Format};
use crate::text::Quoted;

/// One log line, without its end.
pub fn line(format: Format, now: Now, event: &Event<'_>) -> String {
    let mut text = begin(format, now, &mut Date::default());
    end(format, &mut text, event);
    text
}

/// Begins a line with its date.
pub(super) fn begin(format: Format, now: Now, date: &mut Date) -> String {
    let mut text = String::with_capacity(USUAL);
    let date = date.at(now);
    match format {
        Format::Text => {
            text.push('[');
            text.push_str(date);
            text.push_str("] ");
        }
        Format::Json => {
            text.push_str("{\"time\":\"");
            text.push_str(&date.replace(' ', "T"));
            // Writing to a String does not fail.
            let _ = write!(text, "{}\"", Offset(now.offset));
        }
    }
    text
}

/// Ends a line with what has happened.
pub(super) fn end(format: Format, text: &mut String, event: &Event<'_>) {
    Line { format, text }.event(event);
}

/// The date of a line, which is that of the line before for a whole second.
#[derive(Debug, Default)]
pub(super) struct Date {
    of: Option<(UnixSeconds, i32)>,
    /// `YYYY-MM-DD HH:MM:SS`
    text: String,
}

impl Date {
    fn at(&mut self, now: Now) -> &str {
        let of = Some((now.utc, now.offset));
        if self.of != of {
            self.text = now.date_time().to_string();
            self.of = of;
        }
        &self.text
    }
}

/// A line that is being written.
struct Line<'a> {
    format: Format,
    text: &'a mut String,
}

/// What a line says. A word of ours, and an address, is in quotes in JSON alone.
#[derive(Clone, Copy)]
enum Part<'a> {
    Word(&'static str),
    Number(u64),
    Member(MemberId),
    Address(SocketAddr),
    /// Text from a client.
    Client(&'a str),
}

use Part::{Address, Client, Member, Number, Word};

impl Line<'_> {
    /// Says what happened, to the end.
    fn event(mut self, event: &Event<'_>) {
        match *event {
            Event::Created { max } => {
                let max = count(max);
                let text = [Word("SERVER CREATED ( MAXCONN:"), max, Word(" )")];
                self.says("created", &text, &[("max", max)]);
            }
            Event::Listening { address } => {
                let address = Address(address);
                let text = [Word("Listening on "), address];
                self.says("listening", &text, &[("address", address)]);
            }
            Event::Reloaded { what } => {
                let what = Word(what);
                self.says("reloaded", &[Word("RELOADED "), what], &[("what", what)]);
            }
            Event::ReloadFailed { why } => {
                let why = Client(why);
                let text = [Word("RELOAD FAILED "), why];
                self.says("reload_failed", &text, &[("reason", why)]);
            }
            Event::Started { version } => {
                let version = Word(version);
                let text = [Word("STARTED flashgate "), version];
                self.says("started", &text, &[("version", version)]);
            }
            Event::Stopped { version, why } => {
                let (version, why) = (Word(version), Word(why));
                let text = [Word("STOPPED "), why, Word(" flashgate "), version];
                self.says("stopped", &text, &[("reason", why), ("version", version)]);
            }
            Event::Dropped { lines } => {
                let lines = Number(lines);
                let text = [Word("LOG LINES DROPPED "), lines];
                self.says("dropped", &text, &[("lines", lines)]);
            }
            Event::Note(note) => {
                let peer = self.note(note);
                self.by(peer);
            }
        }
        if self.format == Format::Json {
            self.text.push('}');
        }
    }

    /// Says what the core has noted; whose connection it is about.
    fn note(&mut self, note: &Note) -> SocketAddr {
        match *note {
            Note::Connected { peer, clients, max } => {
                let (clients, max) = (count(clients), count(max));
                let text = [Word("CONNECTED ("), clients, Word("/"), max, Word(")")];
                self.says("connected", &text, &[("clients", clients), ("max", max)]);
                peer
            }
            Note::Crossdomain { peer } => {
                self.says("crossdomain", &[Word("CROSSDOMAIN.XML REQUEST")], &[]);
                peer
            }
            Note::Status { peer } => {
                self.says("status", &[Word("STATUS REQUEST")], &[]);
                peer
            }
            Note::Redirect {
                peer,
                method,
                ref path,
            } => {
                let path = shortened(path);
                let request = format!("{method} {path}");
                let text = [Word("REDIRECT "), Client(&request)];
                let fields = [("method", Word(method)), ("path", Client(path))];
                self.says("redirect", &text, &fields);
                peer
            }
            Note::Login {
                peer,
                member,
                clients,
                max,
            } => {
                let (member, clients, max) = (Member(member), count(clients), count(max));
                let of = [Word("("), clients, Word("/"), max, Word(")")];
                let text = [Word("LOGIN "), member, of[0], of[1], of[2], of[3], of[4]];
                let fields = [("member", member), ("clients", clients), ("max", max)];
                self.says("login", &text, &fields);
                peer
            }
            Note::LoginFailed { peer, ref id, why } => {
                let (id, why) = (Client(shortened(id)), Word(why.as_str()));
                let text = [Word("LOGIN FAILED "), id, Word(" "), why];
                self.says("login_failed", &text, &[("id", id), ("reason", why)]);
                peer
            }
            Note::LoginUnavailable { peer, ref id, why } => {
                let (id, why) = (Client(shortened(id)), Word(why.as_str()));
                let text = [Word("LOGIN UNAVAILABLE "), id, Word(" "), why];
                self.says("login_unavailable", &text, &[("id", id), ("reason", why)]);
                peer
            }
            Note::Slowed { peer } => {
                self.says("slowed", &[Word("SLOWED command rate")], &[]);
                peer
            }
            Note::Quit { peer, member } => {
                let member = Member(member);
                self.says("quit", &[Word("QUIT "), member], &[("member", member)]);
                peer
            }
            Note::Closed { peer, reason } => {
                let reason = Word(reason.as_str());
                self.says("closed", &[Word("CLOSED "), reason], &[("reason", reason)]);
                peer
            }
            Note::Refused {
                peer,
                reason,
                times,
                ref detail,
            } => {
                self.refusal(reason, times, detail.as_deref().map(shortened));
                peer
            }
        }
    }

    fn refusal(&mut self, why: Refusal, times: u64, detail: Option<&str>) {
        let (word, event) = refused(why);
        let (reason, times) = (Word(why.as_str()), Number(times));
        let mut text = vec![Word(word), Word(" "), reason, Word(why.advice())];
        let mut fields = vec![("reason", reason), ("times", times)];
        if let Some(detail) = detail {
            // A version is a number in its plain form; whatever else the client says stands in quotes.
            let detail = match detail.parse::<u8>() {
                Ok(number) if why == Refusal::Version && number.to_string() == detail => {
                    Number(number.into())
                }
                Ok(_) | Err(_) => Client(detail),
            };
            text.extend([Word(" "), detail]);
            fields.push((why.as_str(), detail));
        }
        if !matches!(times, Number(1)) {
            text.extend([Word(" ("), times, Word(" times)")]);
        }
        self.says(event, &text, &fields);
    }

    /// Writes what is said in both forms, side by side so that neither forgets what the other knows.
    fn says(&mut self, event: &str, text: &[Part<'_>], fields: &[(&str, Part<'_>)]) {
        match self.format {
            Format::Text => {
                for part in text {
                    self.part(*part);
                }
            }
            Format::Json => {
                self.text.push_str(",\"event\":\"");
                self.text.push_str(event);
                self.text.push('"');
                for (name, part) in fields {
                    self.field(name, *part);
                }
            }
        }
    }

    /// Says whose connection it is about.
    fn by(&mut self, peer: SocketAddr) {
        match self.format {
            Format::Text => {
                self.text.push(' ');
                self.part(Address(peer));
            }
            Format::Json => self.field("peer", Address(peer)),
        }
    }

    fn field(&mut self, name: &str, part: Part<'_>) {
        self.text.push_str(",\"");
        self.text.push_str(name);
        self.text.push_str("\":");
        let quotes = matches!(part, Word(_) | Address(_));
        if quotes {
            self.text.push('"');
        }
        self.part(part);
        if quotes {
            self.text.push('"');
        }
    }

    fn part(&mut self, part: Part<'_>) {
        match part {
            Word(word) => self.text.push_str(word),
            Number(number) => {
                let mut back = Backwards::new();
                back.number(number);
                self.text.push_str(back.text());
            }
            Member(MemberId(id)) => {
                let mut back = Backwards::new();
                back.number(id.unsigned_abs());
                if id < 0 {
                    back.byte(b'-');
                }
                self.text.push_str(back.text());
            }
            Address(SocketAddr::V4(address)) => {
                let [a, b, c, d] = address.ip().octets();
                let mut back = Backwards::new();
                back.number(address.port().into());
                for (octet, end) in [(d, b':'), (c, b'.'), (b, b'.'), (a, b'.')] {
                    back.byte(end);
                    back.number(octet.into());
                }
                self.text.push_str(back.text());
            }
            Address(SocketAddr::V6(address)) => {
                let _ = write!(self.text, "{address}");
            }
            Client(text) => {
                let _ = write!(self.text, "{}", Quoted(text));
            }
        }
    }
}

fn count(number: usize) -> Part<'static> {
    Number(number as u64)
}

/// Numbers and what is between them, written from their end, as digits are found.
struct Backwards {
    bytes: [u8; 24],
    at: usize,
}

impl Backwards {
    fn new() -> Self {
        let bytes = [0; 24];
        let at = bytes.len();
        Self { bytes, at }
    }

    fn byte(&mut self, byte: u8) {
        self.at -= 1;
        self.bytes[self.at] = byte;
    }

    fn number(&mut self, mut number: u64) {
        loop {
            self.byte(b'0' + (number % 10) as u8);
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }

    fn text(&self) -> &str {
        str::from_utf8(&self.bytes[self.at..]).expect("digits and signs are ASCII")
    }
}

/// The end of local time, as RFC 3339 has it.
struct Offset(i32);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        let minutes = self.0.unsigned_abs() / 60;
        let (hours, minutes) = (minutes / 60, minutes % 60);
        write!(f, "{sign}{hours:02}:{minutes:02}")
    }
}

/// The word of the text line, and the JSON event.
fn refused(reason: Refusal) -> (&'static str, &'static str) {
    match reason {
        Refusal::Full | Refusal::AddressLimit => ("CLOSED", "refused"),
        Refusal::NoCertificate => ("TLS REFUSED", "tls_refused"),
        Refusal::Origin
        | Refusal::Http10
        | Refusal::Host
        | Refusal::Method
        | Refusal::NoUpgrade
        | Refusal::NoConnection
        | Refusal::Body
        | Refusal::NoVersion
        | Refusal::Version
        | Refusal::TwoVersions
        | Refusal::NoKey
        | Refusal::BadKey
        | Refusal::Head
        | Refusal::Shutdown => ("WEBSOCKET REFUSED", "websocket_refused"),
    }
}

/// Client text in the log is cut, so that waiting lines take a bounded amount of memory.
fn shortened(text: &str) -> &str {
    match text.char_indices().nth(MAX_CLIENT_TEXT) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Characters of client text in a line: with the longest escapes, 10,000 lines stay below 20 MiB.
pub(super) const MAX_CLIENT_TEXT: usize = 256;

/// Bytes that hold most lines, in either form.
const USUAL: usize = 128;
