//! Recordings: every input of a gateway with its time, and what the gateway decided, so that it can be
//! played again on a fresh one.
//!
//! # The format
//!
//! A recording is lines of printable ASCII, each ended by LF, words separated by one space. Its first
//! line is `flashgate-recording 1 redacted` or `flashgate-recording 1 secrets`. Then come the settings
//! (`set NAME VALUE` for each of [`SETTINGS`](crate::SETTINGS), `listener …`, `filter LISTENER`,
//! `policy-document …`, `file PATH LENGTH ETAG TYPE POLICY`) up to `settled`, and the start, as `at`. The number of
//! a line is the number of the event. A connection is `SLOT.GENERATION`; bytes have the escapes `\0 \n \r \s \\ \xHH`.
//!
//! | line | meaning |
//! |---|---|
//! | `at MONO UTC OFFSET` | the clocks from here on: milliseconds, seconds since 1970, seconds east of UTC |
//! | `open CONN LISTENER PEER`, `refused WHY LISTENER PEER` | a connection was taken, or not |
//! | `in CONN LENGTH` | bytes came from the peer: this many |
//! | `eof CONN`, `gone CONN CAUSE`, `backlog CONN LEFT` | as the inputs of these names |
//! | `established CONN`, `established CONN VERSION`, `broken CONN WHY` | what became of the connection's filter |
//! | `answer TICKET member ID NICK NAME`, `answer TICKET denied REASON`, `answer TICKET denied ID REASON`, `answer TICKET failed`, … | the member store's answer; why it has none, if it has none |
//! | `answer TICKET claimed` | the host's answer to a claim |
//! | `answer TICKET password changed`, `answer TICKET password not-allowed` | the member store's answer to PASSWD |
//! | `answer TICKET admin BY ABOUT ORDER ARGUMENT …` | the host's answer to a request for administration; `-` where there is nothing |
//! | `member disabled ID`, `member renamed ID`, `member removed ID`, `host DROPPED up`, `host DROPPED down CPU MEMORY START OPEN MAX`, `timeout`, `shutdown` | as the inputs of these names |
//! | `announce TEXT`, `kick id ID REASON`, `kick nick NICK REASON` | as the inputs of these names; without `REASON` there was none |
//! | `configure` | new settings: they follow, up to `settled` |
//! | `> write CONN LENGTH HASH`, `> broadcast COUNT WHOM LENGTH HASH`, `> finish CONN`, … | what the core decided, when its runtime took it |
//! | `end WHY` | the recording ends here; without it, its tail was lost |
//!
//! Bytes are recorded when it is known what they are, which may be later than they came. They are those of
//! the `in` lines of their connection, in order:
//!
//! | line | meaning |
//! |---|---|
//! | `raw CONN BYTES` | bytes that are no chat: the head or the body of a request, a control frame |
//! | `chat CONN` | from here on the bytes are those of the chat |
//! | `frame CONN BYTES` | the head of a WebSocket's data frame without its mask; its payload is of the chat |
//! | `text CONN BYTES` | bytes of the chat, unmasked |
//! | `skip CONN COUNT` | bytes that nobody looks at |
//!
//! # What is left out
//!
//! Unless secrets are wanted, of a command only a known word stays, and the arguments that name a member or a
//! room; of the head of a request what its answer depends on; of a member the number and the nick.
//! Every other character is replaced by one that stands for its class, so that lengths and decisions
//! stay the same. A hash then is one of classes, too. Addresses stay. A hash is of the first
//! 64 KiB; what the site's files hold is not recorded.

pub(crate) mod admin;
mod content;
pub(crate) mod format;
mod hash;
pub(crate) mod head;
mod pages;
mod redact;
pub(crate) mod settings;
#[cfg(test)]
mod tests;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use crate::config::Config;
use crate::event::{Action, Input, Refused};
use crate::id::{Accepted, ConnId};
use crate::member::{Answer, Member, MemberEvent};
pub use crate::observer::Wanted;
use crate::observer::{Meaning, Observer};
use crate::time::Now;
pub(crate) use content::KEY;
use content::Stream;
use format::{Content, Line, Told};

/// Takes the lines of a recording, some whole ones at a time, and says whether more are wanted. The thread
/// that runs the gateway calls it, so it must not block. When it wants no more it is called once more, with
/// the end.
pub type Sink = Box<dyn FnMut(&str) -> Wanted + Send>;

/// What a recording keeps of what clients say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Classes of characters; see [the format](self).
    Redacted,
    /// Everything, passwords too.
    Kept,
}

/// Writes down what happens to a gateway. It is an [`Observer`]: pass it in `Host` of flashgate-host.
pub struct Recorder {
    secrets: Secrets,
    sink: Sink,
    /// Lines that the sink has not got yet.
    lines: String,
    now: Option<Now>,
    config: Arc<Config>,
    streams: BTreeMap<ConnId, Stream>,
    /// Its last input is the end of this connection, of which bytes may still be seen.
    gone: Option<ConnId>,
    /// The sink wants no more.
    is_full: bool,
}

impl Recorder {
    /// A recorder that gives its lines to `sink`.
    pub fn new(secrets: Secrets, sink: Sink) -> Self {
        Self {
            secrets,
            sink,
            lines: String::new(),
            now: None,
            config: Arc::default(),
            streams: BTreeMap::new(),
            gone: None,
            is_full: false,
        }
    }

    fn at(&mut self, now: Now) {
        if let Some(id) = self.gone.take() {
            self.streams.remove(&id);
        }
        if self.now.replace(now) != Some(now) {
            self.line(&Line::At(now));
        }
    }

    fn settings(&mut self, config: &Arc<Config>) {
        settings::write(config, |line| {
            self.lines.push_str(line);
            self.lines.push('\n');
        });
        self.config = Arc::clone(config);
    }

    fn line(&mut self, line: &Line<'_>) {
        // Writing to a String does not fail.
        let _ = writeln!(self.lines, "{line}");
    }

    fn flush(&mut self) {
        if !self.is_full && !self.lines.is_empty() {
            self.is_full = (self.sink)(&self.lines) == Wanted::NoMore;
            self.lines.clear();
        }
    }
}

impl Observer for Recorder {
    fn begin(&mut self, now: Now, config: &Arc<Config>) {
        let secrets = match self.secrets {
            Secrets::Redacted => REDACTED,
            Secrets::Kept => KEPT,
        };
        let _ = writeln!(self.lines, "{MAGIC} {VERSION} {secrets}");
        self.settings(config);
        self.at(now);
        self.flush();
    }

    fn accepted(&mut self, now: Now, origin: Accepted, taken: Result<ConnId, Refused>) {
        self.at(now);
        match taken {
            Ok(id) => {
                self.streams.insert(id, Stream::default());
                self.line(&Line::Accepted(id, origin));
            }
            Err(why) => self.line(&Line::Refused(why, origin)),
        }
    }

    fn input(&mut self, now: Now, input: &Input<'_>) {
        self.at(now);
        if self.secrets == Secrets::Redacted
            && let Some(input) = redacted(input)
        {
            return self.line(&Line::Input(input));
        }
        let _ = writeln!(self.lines, "{}", format::Said(input));
        match input {
            Input::Bytes(id, data) if self.secrets == Secrets::Kept && !data.is_empty() => {
                self.line(&Line::Content(*id, Content::Raw(Cow::Borrowed(data))));
            }
            Input::Gone(id, _) => self.gone = Some(*id),
            Input::Configure(config) => self.settings(config),
            Input::Bytes(..)
            | Input::Eof(_)
            | Input::Backlog(..)
            | Input::Filter(..)
            | Input::Answer(..)
            | Input::Member(_)
            | Input::Announce(_)
            | Input::Kick { .. }
            | Input::Host(_)
            | Input::Timeout
            | Input::Shutdown => {}
        }
    }

    fn understood(&mut self, id: ConnId, meaning: Meaning<'_>) {
        if self.secrets == Secrets::Redacted {
            let mut unknown = Stream::default();
            let stream = self.streams.get_mut(&id).unwrap_or(&mut unknown);
            if let Some(content) = stream.content(meaning, &self.config) {
                self.line(&Line::Content(id, content));
            }
        }
    }

    fn decided(&mut self, action: &Action) {
        let told = match self.secrets {
            Secrets::Redacted => Told::Shape,
            Secrets::Kept => Told::All,
        };
        self.line(&Line::Did(&format::did(action, told)));
    }

    fn polled(&mut self) -> Wanted {
        self.flush();
        if self.is_full {
            Wanted::NoMore
        } else {
            Wanted::More
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let why = if self.is_full { "limit" } else { "stop" };
        self.line(&Line::End(why));
        (self.sink)(&self.lines);
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("secrets", &self.secrets)
            .finish_non_exhaustive()
    }
}

/// An input that has text without its secrets; `None` for other inputs. Nicks stay: others address members by
/// them.
fn redacted(input: &Input<'_>) -> Option<Input<'static>> {
    Some(match input {
        Input::Answer(ticket, Answer::Member(member)) => {
            Input::Answer(*ticket, Answer::Member(nameless(member)))
        }
        Input::Answer(ticket, Answer::Renamed(member)) => {
            Input::Answer(*ticket, Answer::Renamed(nameless(member)))
        }
        Input::Member(MemberEvent::Renamed(member)) => {
            Input::Member(MemberEvent::Renamed(nameless(member)))
        }
        Input::Answer(ticket, Answer::Admin(answer)) => {
            Input::Answer(*ticket, Answer::Admin(Box::new(admin::redacted(answer))))
        }
        Input::Announce(text) => Input::Announce(classes_of(text)),
        Input::Kick { member, reason } => Input::Kick {
            member: member.clone(),
            reason: reason.as_deref().map(classes_of),
        },
        Input::Answer(..)
        | Input::Bytes(..)
        | Input::Eof(_)
        | Input::Gone(..)
        | Input::Backlog(..)
        | Input::Filter(..)
        | Input::Member(_)
        | Input::Host(_)
        | Input::Configure(_)
        | Input::Timeout
        | Input::Shutdown => return None,
    })
}

fn nameless(member: &Member) -> Member {
    Member {
        name: classes_of(&member.name),
        ..member.clone()
    }
}

fn classes_of(text: &str) -> Arc<str> {
    let mut classes = Vec::new();
    redact::classes(text.as_bytes(), &mut classes);
    Arc::from(String::from_utf8_lossy(&classes))
}

pub(crate) const MAGIC: &str = "flashgate-recording";
pub(crate) const VERSION: u32 = 1;
pub(crate) const REDACTED: &str = "redacted";
pub(crate) const KEPT: &str = "secrets";
