//! How an event reads in the log, as text and as JSON.
//!
//! A visit leaves four lines. What they are made of is appended as it is, to one piece of memory: to
//! format and to collect the parts first took a third of all that a visit costs this program.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use flashgate_core::{MemberId, NotePart, NoteWriter, Now, Peer, UnixSeconds, What};

use super::event::{Event, Format, Place};
use super::fields;
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
    let longest = MAX_CLIENT_TEXT;
    let line = Line {
        format,
        text,
        longest,
    };
    line.event(event);
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
    /// Characters at which texts are cut.
    longest: usize,
}

use NotePart::{Member, Number, Text, Word};

impl Line<'_> {
    /// Says what happened, to the end.
    fn event(mut self, event: &Event<'_>) {
        match *event {
            Event::Created(max) => {
                let max = Number(max as u64);
                let text = [Word("SERVER CREATED ( MAXCONN:"), max, Word(" )")];
                self.write("created", &text, &[("max", max)]);
            }
            Event::Listening(place) => {
                let address = match place {
                    Place::Address(address) => NotePart::Peer(Peer::Address(*address)),
                    Place::Unix(_) => Text(&place.to_string()),
                };
                let text = [Word("Listening on "), address];
                self.write("listening", &text, &[("address", address)]);
            }
            Event::Reloaded(what) => {
                let what = Word(what);
                self.write("reloaded", &[Word("RELOADED "), what], &[("what", what)]);
            }
            Event::ReloadedSettings(names) => {
                let (what, names) = (Word("settings"), Text(names));
                let text = [Word("RELOADED settings "), names];
                self.write("reloaded", &text, &[("what", what), ("names", names)]);
            }
            Event::RestartNeeded(names) => {
                let names = Text(names);
                let text = [Word("RESTART NEEDED "), names];
                self.write("restart_needed", &text, &[("names", names)]);
            }
            Event::ReloadFailed(why) => {
                let why = Text(why);
                let text = [Word("RELOAD FAILED "), why];
                self.write("reload_failed", &text, &[("reason", why)]);
            }
            Event::Drained(clients) => What::Drained { clients }.write_to(&mut self),
            Event::Started(version) => {
                let version = Word(version);
                let text = [Word("STARTED flashgate "), version];
                self.write("started", &text, &[("version", version)]);
            }
            Event::Stopped { version, why } => {
                let (version, why) = (Word(version), Word(why));
                let text = [Word("STOPPED "), why, Word(" flashgate "), version];
                self.write("stopped", &text, &[("reason", why), ("version", version)]);
            }
            Event::Diagnostic(text) => {
                // A message of the program: its end says what to do, so it must not be cut.
                self.longest = MAX_DIAGNOSTIC;
                let text = Text(text);
                self.write(
                    "diagnostic",
                    &[Word("DIAGNOSTIC "), text],
                    &[("text", text)],
                );
            }
            Event::Dropped(lines) => {
                let lines = Number(lines);
                let text = [Word("LOG LINES DROPPED "), lines];
                self.write("dropped", &text, &[("lines", lines)]);
            }
            Event::Note(note) => {
                note.what.write_to(&mut self);
                self.by(note.peer);
            }
        }
        if self.format == Format::Json {
            self.text.push('}');
        }
    }

    /// Appends the address of the connection.
    fn by(&mut self, peer: Peer) {
        match self.format {
            Format::Text => {
                self.text.push(' ');
                self.part(NotePart::Peer(peer));
            }
            Format::Json => self.field("peer", NotePart::Peer(peer)),
        }
    }

    fn field(&mut self, name: &str, part: NotePart<'_>) {
        self.text.push_str(",\"");
        self.text.push_str(name);
        self.text.push_str("\":");
        let quotes = matches!(part, Word(_) | NotePart::Peer(_));
        if quotes {
            self.text.push('"');
        }
        self.part(part);
        if quotes {
            self.text.push('"');
        }
    }

    fn part(&mut self, part: NotePart<'_>) {
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
            NotePart::Peer(Peer::Address(SocketAddr::V4(address))) => {
                let [a, b, c, d] = address.ip().octets();
                let mut back = Backwards::new();
                back.number(address.port().into());
                for (octet, end) in [(d, b':'), (c, b'.'), (b, b'.'), (a, b'.')] {
                    back.byte(end);
                    back.number(octet.into());
                }
                self.text.push_str(back.text());
            }
            NotePart::Peer(peer @ (Peer::Address(SocketAddr::V6(_)) | Peer::Unix)) => {
                let _ = write!(self.text, "{peer}");
            }
            Text(text) => {
                let _ = write!(self.text, "{}", Quoted(shortened(text, self.longest)));
            }
        }
    }
}

/// Writes both forms from one call, so that neither forgets what the other knows.
impl NoteWriter for Line<'_> {
    fn write(
        &mut self,
        event: &'static str,
        words: &[NotePart<'_>],
        facts: &[(&'static str, NotePart<'_>)],
    ) {
        match self.format {
            Format::Text => {
                for part in words {
                    self.part(*part);
                }
            }
            Format::Json => {
                self.text.push_str(",\"event\":\"");
                self.text.push_str(event);
                self.text.push('"');
                for (name, part) in facts {
                    debug_assert!(fields::is_known(event, name), "{event}: {name}");
                    self.field(name, *part);
                }
            }
        }
    }
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

/// Client text in the log is cut, so that waiting lines take a bounded amount of memory.
fn shortened(text: &str, longest: usize) -> &str {
    match text.char_indices().nth(longest) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Characters of client text in a line: with the longest escapes, 10,000 lines stay below 20 MiB.
pub(super) const MAX_CLIENT_TEXT: usize = 256;

/// Characters of a message of the program. Such messages are rare.
const MAX_DIAGNOSTIC: usize = 4096;

/// Bytes that hold most lines, in either form.
const USUAL: usize = 128;
