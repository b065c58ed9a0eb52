//! The server's log: notes become lines here, and a thread of its own writes them.
//!
//! A line is made where the event happens and queued; when standard output blocks, lines are
//! dropped and counted, and the server goes on. (Diagnostics go to standard error, by way of
//! [`diagnostics`]; this module is what is meant to be kept.)

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use flashgate_core::{Clock, CloseReason, MemberId, Note, Now, Refusal, Unavailable};

use crate::bounded::{self, Receiver, Sender};
use crate::failure::Failure;
use crate::text::Quoted;

pub mod diagnostics;

/// What one line is about.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The server has its settings, for so many chat connections at most.
    Created {
        /// That number.
        max: usize,
    },
    /// A listener is open.
    Listening {
        /// Its address.
        address: SocketAddr,
    },
    /// The core has something to say.
    Note(&'a Note),
    /// Lines were lost since the last such line.
    Dropped {
        /// How many.
        lines: u64,
    },
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As in 2007, for people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// One log line, without its end.
pub fn line(format: Format, now: Now, event: &Event<'_>) -> String {
    let parts = Parts::of(event);
    match format {
        Format::Text => parts.text(now),
        Format::Json => parts.json(now),
    }
}

/// What a line says, in both forms, side by side so that neither forgets what the other knows.
struct Parts<'a> {
    text: String,
    event: &'static str,
    fields: Vec<(&'static str, Field<'a>)>,
    peer: Option<SocketAddr>,
}

enum Field<'a> {
    Number(u64),
    Member(MemberId),
    Text(&'a str),
    Address(SocketAddr),
}

impl<'a> Parts<'a> {
    fn of(event: &'a Event<'a>) -> Self {
        match *event {
            Event::Created { max } => {
                Self::new("created", format!("SERVER CREATED ( MAXCONN:{max} )")).with("max", max)
            }
            Event::Listening { address } => {
                let field = Field::Address(address);
                Self::new("listening", format!("Listening on {address}")).with("address", field)
            }
            Event::Dropped { lines } => {
                Self::new("dropped", format!("LOG LINES DROPPED {lines}")).with("lines", lines)
            }
            Event::Note(note) => Self::of_note(note),
        }
    }

    fn of_note(note: &'a Note) -> Self {
        match *note {
            Note::Connected { peer, clients, max } => {
                let text = format!("CONNECTED ({clients}/{max})");
                let parts = Self::new("connected", text).by(peer);
                parts.with("clients", clients).with("max", max)
            }
            Note::Crossdomain { peer } => {
                Self::new("crossdomain", "CROSSDOMAIN.XML REQUEST".to_owned()).by(peer)
            }
            Note::Status { peer } => Self::new("status", "STATUS REQUEST".to_owned()).by(peer),
            Note::Redirect {
                peer,
                method,
                ref path,
            } => {
                let path = shortened(path);
                let text = format!("REDIRECT {}", Quoted(&format!("{method} {path}")));
                let parts = Self::new("redirect", text).by(peer);
                parts.with("method", method).with("path", path)
            }
            Note::Login {
                peer,
                member,
                clients,
                max,
            } => {
                let text = format!("LOGIN {member}({clients}/{max})");
                let parts = Self::new("login", text).by(peer).with("member", member);
                parts.with("clients", clients).with("max", max)
            }
            Note::LoginFailed { peer, ref id } => {
                let id = shortened(id);
                let text = format!("LOGIN FAILED {}", Quoted(id));
                Self::new("login_failed", text).by(peer).with("id", id)
            }
            Note::LoginUnavailable { peer, ref id, why } => {
                let (id, why) = (shortened(id), unavailable(why));
                let text = format!("LOGIN UNAVAILABLE {} {why}", Quoted(id));
                let parts = Self::new("login_unavailable", text).by(peer);
                parts.with("id", id).with("reason", why)
            }
            Note::Quit { peer, member } => {
                let parts = Self::new("quit", format!("QUIT {member}")).by(peer);
                parts.with("member", member)
            }
            Note::Closed { peer, reason } => {
                let reason = closed(reason);
                let parts = Self::new("closed", format!("CLOSED {reason}")).by(peer);
                parts.with("reason", reason)
            }
            Note::Refused {
                peer,
                reason,
                times,
                ref origin,
            } => {
                let parts = Self::of_refusal(reason, times, origin.as_deref()).by(peer);
                match origin {
                    Some(origin) => parts.with("origin", shortened(origin)),
                    None => parts,
                }
            }
        }
    }

    fn of_refusal(reason: Refusal, times: u64, origin: Option<&str>) -> Self {
        let (word, event, reason) = refused(reason);
        let origin = match origin {
            Some(origin) => format!(" {}", Quoted(shortened(origin))),
            None => String::new(),
        };
        let often = if times > 1 {
            format!(" ({times} times)")
        } else {
            String::new()
        };
        let parts = Self::new(event, format!("{word} {reason}{origin}{often}"));
        parts.with("reason", reason).with("times", times)
    }

    fn new(event: &'static str, text: String) -> Self {
        Self {
            text,
            event,
            fields: Vec::new(),
            peer: None,
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<Field<'a>>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Says whose connection it is about.
    fn by(mut self, peer: SocketAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    fn text(&self, now: Now) -> String {
        let mut line = format!("[{}] {}", now.date_time(), self.text);
        if let Some(peer) = self.peer {
            // Writing to a String does not fail.
            let _ = write!(line, " {peer}");
        }
        line
    }

    fn json(&self, now: Now) -> String {
        let mut line = format!(
            "{{\"time\":\"{}\",\"event\":\"{}\"",
            Rfc3339(now),
            self.event
        );
        for (name, value) in &self.fields {
            let _ = write!(line, ",\"{name}\":{value}");
        }
        if let Some(peer) = self.peer {
            let _ = write!(line, ",\"peer\":\"{peer}\"");
        }
        line.push('}');
        line
    }
}

impl From<usize> for Field<'_> {
    fn from(number: usize) -> Self {
        Self::Number(number as u64)
    }
}

impl From<u64> for Field<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<MemberId> for Field<'_> {
    fn from(member: MemberId) -> Self {
        Self::Member(member)
    }
}

impl<'a> From<&'a str> for Field<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Member(member) => member.fmt(f),
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Address(address) => write!(f, "\"{address}\""),
        }
    }
}

/// Local time with its offset, as RFC 3339 has it.
struct Rfc3339(Now);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.0.date_time().to_string();
        let sign = if self.0.offset < 0 { '-' } else { '+' };
        let minutes = self.0.offset.unsigned_abs() / 60;
        let (hours, minutes) = (minutes / 60, minutes % 60);
        write!(
            f,
            "{}{sign}{hours:02}:{minutes:02}",
            local.replace(' ', "T")
        )
    }
}

fn closed(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Quit => "quit",
        CloseReason::EndOfStream => "end of stream",
        CloseReason::Reset => "reset",
        CloseReason::TooSlow => "too slow",
        CloseReason::NoLogin => "no login",
        CloseReason::Timeout => "timeout",
        CloseReason::FailedLogins => "failed logins",
        CloseReason::Replaced => "replaced",
        CloseReason::ProtocolError => "protocol error",
        CloseReason::Shutdown => "shutdown",
        CloseReason::Disabled => "disabled",
    }
}

/// The word of the text line, the JSON event, and the reason.
fn refused(reason: Refusal) -> (&'static str, &'static str, &'static str) {
    match reason {
        Refusal::Full => ("CLOSED", "refused", "full"),
        Refusal::AddressLimit => ("CLOSED", "refused", "address limit"),
        Refusal::NoCertificate => ("TLS REFUSED", "tls_refused", "no certificate"),
        Refusal::Origin => ("WEBSOCKET REFUSED", "websocket_refused", "origin"),
    }
}

fn unavailable(why: Unavailable) -> &'static str {
    match why {
        Unavailable::Failed => "store failed",
        Unavailable::Busy => "store busy",
        Unavailable::TimedOut => "store timed out",
    }
}

/// Client text in the log is cut, so that waiting lines take a bounded amount of memory.
fn shortened(text: &str) -> &str {
    match text.char_indices().nth(MAX_CLIENT_TEXT) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Writes lines to an output that may block, without ever blocking who has something to say.
#[derive(Clone)]
pub struct Writer {
    queue: Sender<Item>,
    dropped: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
    format: Format,
}

enum Item {
    Line(String),
    /// Everything before this is to be written; then say so.
    Flush(SyncSender<()>),
}

impl Writer {
    /// Starts a thread that writes to `output`.
    pub fn new(
        format: Format,
        clock: Arc<dyn Clock>,
        output: impl Write + Send + 'static,
    ) -> Result<Self, Failure> {
        let (queue, lines) = bounded::channel(MAX_LINES);
        let dropped = Arc::new(AtomicU64::new(0));
        let mut sink = Sink {
            output,
            format,
            clock: Arc::clone(&clock),
            dropped: Arc::clone(&dropped),
            reported: 0,
            since_loss: 0,
            broken: false,
        };
        diagnostics::start_thread("the log", move || sink.run(&lines))?;
        Ok(Self {
            queue,
            dropped,
            clock,
            format,
        })
    }

    /// Logs an event that happens now.
    pub fn event(&self, event: &Event<'_>) {
        self.put(self.clock.now(), event);
    }

    /// Logs an event of a known time. Returns at once; when too many lines wait, the line is dropped.
    pub fn put(&self, now: Now, event: &Event<'_>) {
        let line = Item::Line(line(self.format, now, event) + "\n");
        match self.queue.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many lines were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything said so far is written, but no longer than `longest`.
    pub fn flush(&self, longest: Duration) {
        let (done, wait) = mpsc::sync_channel(1);
        let end = Instant::now() + longest;
        while let Err(error) = self.queue.try_send(Item::Flush(done.clone())) {
            match error {
                TrySendError::Full(_) if Instant::now() < end => thread::sleep(FLUSH_AGAIN),
                TrySendError::Full(_) | TrySendError::Disconnected(_) => return,
            }
        }
        let _ = wait.recv_timeout(end.saturating_duration_since(Instant::now()));
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("format", &self.format)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

/// The writing end, on its own thread.
struct Sink<W> {
    output: W,
    format: Format,
    clock: Arc<dyn Clock>,
    dropped: Arc<AtomicU64>,
    /// Of the dropped lines, those that a line has told of.
    reported: u64,
    /// Lines written since a loss was seen: the lines before it are out once a full queue is.
    since_loss: usize,
    /// The output failed at the last attempt.
    broken: bool,
}

impl<W: Write> Sink<W> {
    fn run(&mut self, lines: &Receiver<Item>) {
        let mut batch = String::new();
        let mut flushed = Vec::new();
        let mut drained = true;
        loop {
            // The time-out is for the last dropped lines, behind which no line may ever come.
            let first = match lines.recv_timeout(REPORT_AFTER) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // Where more wait than a batch holds, they are many enough.
            if drained && matches!(first, Some(Item::Line(_))) {
                thread::sleep(GATHER);
            }
            // Of what is lost from here on, earlier lines may still wait behind this batch.
            let lost = self.dropped.load(Ordering::Relaxed);
            let mut count = 0;
            drained = true;
            for item in first.into_iter().chain(lines.try_iter()) {
                match item {
                    Item::Line(line) => {
                        batch.push_str(&line);
                        count += 1;
                    }
                    Item::Flush(done) => flushed.push(done),
                }
                if batch.len() >= MAX_BATCH {
                    drained = false;
                    break;
                }
            }
            self.write(&batch, count);
            self.since_loss += if lost == self.reported { 0 } else { count };
            if drained || self.since_loss > MAX_LINES {
                self.report(lost);
            }
            batch.clear();
            for done in flushed.drain(..) {
                let _ = done.try_send(());
            }
        }
    }

    fn report(&mut self, lost: u64) {
        if lost == self.reported {
            return;
        }
        let lines = lost - self.reported;
        let text = line(self.format, self.clock.now(), &Event::Dropped { lines });
        // Lines lost in this attempt are not counted once more.
        if self.write(&(text + "\n"), 0) {
            self.reported = lost;
            self.since_loss = 0;
        }
    }

    /// Writes lines, or counts them as dropped: the server outlives its log.
    fn write(&mut self, batch: &str, lines: usize) -> bool {
        let written = self
            .output
            .write_all(batch.as_bytes())
            .and_then(|()| self.output.flush());
        match written {
            Ok(()) => self.broken = false,
            Err(error) => {
                self.dropped.fetch_add(lines as u64, Ordering::Relaxed);
                if !self.broken {
                    log::warn!("cannot write the log: {error}; the server goes on without it");
                }
                self.broken = true;
            }
        }
        !self.broken
    }
}

/// Standard output, for a [`Writer`].
pub fn stdout() -> impl Write + Send + 'static {
    io::stdout()
}

/// Lines that may wait; then more are dropped.
const MAX_LINES: usize = 10_000;

/// Bytes in one write, about.
const MAX_BATCH: usize = 64 * 1024;

/// Characters of client text in a line: with the longest escapes, 10,000 lines stay below 20 MiB.
const MAX_CLIENT_TEXT: usize = 256;

/// How long a line may wait for others that are written with it. Without it the log takes a wake-up
/// and a write for each line, on the loop's back: a quarter of what a login costs.
const GATHER: Duration = Duration::from_millis(5);

const REPORT_AFTER: Duration = Duration::from_secs(1);
const FLUSH_AGAIN: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests;
