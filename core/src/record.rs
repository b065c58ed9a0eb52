//! Recordings: every input of a gateway with its time, and what the gateway decided, so that it can be
//! played again on a fresh one.
//!
//! # The format
//!
//! A recording is lines of printable ASCII, each ended by LF, words separated by one space. Its first
//! line is `flashgate-recording 1 redacted` or `flashgate-recording 1 secrets`. Then come the settings
//! (`set NAME VALUE` for each of [`SETTINGS`](crate::SETTINGS), `listener …`, `policy-document …`, `file PATH
//! LENGTH ETAG TYPE POLICY`) up to `settled`, and the start, as `at`. The number of a line is the number
//! of what it tells. A connection is `SLOT.GENERATION`; bytes have the escapes `\0 \n \r \s \\ \xHH`.
//!
//! | line | meaning |
//! |---|---|
//! | `at MONO UTC OFFSET` | the clocks from here on: milliseconds, seconds since 1970, seconds east of UTC |
//! | `open CONN LISTENER PEER`, `refused WHY LISTENER PEER` | a connection was taken, or not |
//! | `in CONN LENGTH` | so many bytes came |
//! | `eof CONN`, `gone CONN CAUSE`, `backlog CONN LEFT` | as the inputs of these names |
//! | `answer TICKET member ID NICK NAME`, `answer TICKET denied REASON`, `answer TICKET failed` | the member store's answer |
//! | `member disabled ID`, `host DROPPED up`, `host DROPPED down CPU MEMORY START OPEN MAX`, `timeout`, `shutdown` | as the inputs of these names |
//! | `configure` | new settings: they follow, up to `settled` |
//! | `> write CONN LENGTH HASH`, `> broadcast COUNT WHOM LENGTH HASH`, `> finish CONN`, … | what the core decided, when its runtime took it |
//! | `end WHY` | the recording ends here; without it, its tail was lost |
//!
//! Bytes are told when it is known what they are, which may be later than they came. They are those of
//! the `in` lines of their connection, in order:
//!
//! | line | meaning |
//! |---|---|
//! | `raw CONN BYTES` | bytes that are no chat: the head of a request, a control frame |
//! | `chat CONN` | from here on the bytes are those of the chat |
//! | `frame CONN BYTES` | the head of a WebSocket's data frame without its mask; its payload is of the chat |
//! | `text CONN BYTES` | bytes of the chat, unmasked |
//! | `skip CONN COUNT` | bytes that nobody looks at |
//!
//! # What is left out
//!
//! Unless secrets are wanted, of a command only a known word stays, and of IDENTIFY and MSG the first
//! argument; of the head of a request what its answer depends on; of a member the number and the nick.
//! Every other character is replaced by one that stands for its class, so that lengths and decisions
//! stay the same. A hash then is one of classes, too. Addresses stay. A hash is of the first
//! 64 KiB; what the site's files hold is not recorded.

pub(crate) mod format;
mod head;
mod pages;
mod redact;
pub(crate) mod settings;
pub(crate) mod stream;
#[cfg(test)]
mod tests;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::mem;

use crate::config::Config;
use crate::event::{Action, Input, Refused};
use crate::id::{Accepted, ConnId};
use crate::member::{Answer, Member};
use crate::time::Now;
use format::{Content, Line, Told};
pub(crate) use stream::ToldApart;
use stream::{More, Stream};

/// Takes the lines of a recording, some whole ones at a time, and says whether more are wanted. It is
/// called by whoever runs the gateway, so it must not block. When it wants no more it is called once
/// more, with the end.
pub type Sink = Box<dyn FnMut(&str) -> Wanted + Send>;

/// Whether a recording goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It does.
    More,
    /// It has become as long as it may.
    NoMore,
}

/// What a recording keeps of what clients say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Classes of characters; see [the format](self).
    Redacted,
    /// Everything, passwords too.
    Kept,
}

/// Writes down what happens to a gateway, as [`Host::record`](crate::Host::record) asks for it.
pub struct Recorder {
    secrets: Secrets,
    sink: Sink,
    /// Lines that the sink has not got yet.
    lines: String,
    now: Option<Now>,
    streams: BTreeMap<ConnId, Stream>,
    settings: Option<Arc<Config>>,
    over: bool,
}

impl Recorder {
    /// A recorder that gives its lines to `sink`.
    pub fn new(secrets: Secrets, sink: Sink) -> Self {
        Self {
            secrets,
            sink,
            lines: String::new(),
            now: None,
            streams: BTreeMap::new(),
            settings: None,
            over: false,
        }
    }

    /// The gateway has begun.
    pub(crate) fn begin(&mut self, config: &Arc<Config>, now: Now) {
        let secrets = match self.secrets {
            Secrets::Redacted => REDACTED,
            Secrets::Kept => KEPT,
        };
        let _ = writeln!(self.lines, "{MAGIC} {VERSION} {secrets}");
        self.settings(config);
        self.at(now);
        self.flush();
    }

    /// Whether anything more is recorded.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    pub(crate) fn accepted(
        &mut self,
        now: Now,
        origin: Accepted,
        as_what: Result<ConnId, Refused>,
    ) {
        self.at(now);
        match as_what {
            Ok(id) => {
                self.streams.insert(id, Stream::default());
                self.line(&Line::Accepted(id, origin));
            }
            Err(why) => self.line(&Line::Refused(why, origin)),
        }
    }

    /// An input on its way to the core; what of it has to be looked at once the core has taken it.
    pub(crate) fn input<'a>(&mut self, now: Now, input: &Input<'a>) -> Option<Heard<'a>> {
        self.at(now);
        if let (Input::Answer(ticket, Answer::Member(member)), Secrets::Redacted) =
            (input, self.secrets)
        {
            let answer = Answer::Member(without_name(member));
            self.line(&Line::Input(Input::Answer(*ticket, answer)));
            return None;
        }
        let _ = writeln!(self.lines, "{}", format::Said(input));
        match input {
            Input::Bytes(id, data) => Some(Heard(*id, data, More::Perhaps)),
            Input::Eof(id) => Some(Heard(*id, &[], More::Ended)),
            Input::Gone(id, _) => Some(Heard(*id, &[], More::Lost)),
            Input::Configure(config) => {
                self.settings(config);
                None
            }
            Input::Backlog(..)
            | Input::Answer(..)
            | Input::Member(_)
            | Input::Host(_)
            | Input::Timeout
            | Input::Shutdown => None,
        }
    }

    /// What a connection has said, now that the core has told the connection apart or not.
    pub(crate) fn heard(&mut self, heard: Heard<'_>, told: ToldApart, config: &Config) {
        let Heard(id, data, more) = heard;
        let mut out = Vec::new();
        match (self.streams.get_mut(&id), self.secrets) {
            (Some(stream), Secrets::Redacted) => stream.take(data, more, told, config, &mut out),
            // It is no more, and the core does not listen.
            (None, Secrets::Redacted) if !data.is_empty() => {
                out.push(Content::Skip(data.len() as u64));
            }
            (_, Secrets::Kept) if !data.is_empty() => {
                out.push(Content::Raw(Cow::Owned(Vec::from(data))));
            }
            (None, Secrets::Redacted) | (_, Secrets::Kept) => {}
        }
        for content in out {
            self.line(&Line::Content(id, content));
        }
        if more == More::Lost {
            self.streams.remove(&id);
        }
    }

    /// What the gateway's runtime has got; nothing is the end of it for now.
    pub(crate) fn action(&mut self, action: Option<&Action>) {
        let Some(action) = action else {
            return self.flush();
        };
        let did = format::did(action, self.told());
        self.line(&Line::Did(&did));
    }

    fn told(&self) -> Told {
        match self.secrets {
            Secrets::Redacted => Told::Shape,
            Secrets::Kept => Told::All,
        }
    }

    fn at(&mut self, now: Now) {
        if self.now.replace(now) != Some(now) {
            self.line(&Line::At(now));
        }
    }

    fn settings(&mut self, config: &Arc<Config>) {
        settings::write(config, |line| {
            self.lines.push_str(line);
            self.lines.push('\n');
        });
        self.settings = Some(Arc::clone(config));
    }

    fn line(&mut self, line: &Line<'_>) {
        // Writing to a String does not fail.
        let _ = writeln!(self.lines, "{line}");
    }

    fn flush(&mut self) {
        if self.over || self.lines.is_empty() {
            return;
        }
        let wanted = (self.sink)(&self.lines);
        self.lines.clear();
        if wanted == Wanted::NoMore {
            self.finish("limit");
        }
    }

    /// Tells what was held back, and ends the recording.
    fn finish(&mut self, why: &str) {
        if mem::replace(&mut self.over, true) {
            return;
        }
        if let Some(config) = self.settings.take() {
            for (id, mut stream) in mem::take(&mut self.streams) {
                let mut out = Vec::new();
                stream.take(&[], More::Lost, ToldApart::NotYet, &config, &mut out);
                for content in out {
                    self.line(&Line::Content(id, content));
                }
            }
            self.line(&Line::End(why));
        }
        let lines = mem::take(&mut self.lines);
        (self.sink)(&lines);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish("stop");
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("secrets", &self.secrets)
            .finish_non_exhaustive()
    }
}

/// What came from a connection, and whether more will.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard<'a>(ConnId, &'a [u8], More);

impl Heard<'_> {
    pub(crate) fn conn(&self) -> ConnId {
        self.0
    }
}

/// The nick stays: others address the member by it.
fn without_name(member: &Member) -> Member {
    let mut name = Vec::new();
    redact::classes(member.name.as_bytes(), &mut name);
    Member {
        id: member.id,
        nick: Arc::clone(&member.nick),
        name: Arc::from(String::from_utf8_lossy(&name)),
    }
}

pub(crate) const MAGIC: &str = "flashgate-recording";
pub(crate) const VERSION: u32 = 1;
pub(crate) const REDACTED: &str = "redacted";
pub(crate) const KEPT: &str = "secrets";
