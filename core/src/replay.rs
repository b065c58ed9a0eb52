//! Plays a recording on a fresh gateway, and compares what that decides.

mod lines;
mod sent;
mod settings;
mod transcript;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::config::Config;
use crate::event::{Action, Input, Refused};
use crate::gateway::Gateway;
use crate::id::{Accepted, ConnId};
use crate::record::format::{self, Line, Told};
use crate::record::{KEPT, MAGIC, REDACTED, Secrets, VERSION};
use crate::time::Now;
pub(crate) use lines::unescaped;
use sent::Sent;
use settings::{Settings, Taken};

/// A recording that can be played.
#[derive(Debug)]
pub struct Recording<'a> {
    text: &'a str,
    secrets: Secrets,
    /// Bytes that the files of a site may have.
    room: usize,
}

/// Why a file is no recording that can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotARecording {
    /// Its first line is another.
    Something,
    /// It is one of another version.
    Version,
}

impl fmt::Display for NotARecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Something => f.write_str("not a recording of flashgate"),
            Self::Version => write!(
                f,
                "a recording of another version: replay it with the program that made it; this one reads version {VERSION}"
            ),
        }
    }
}

impl core::error::Error for NotARecording {}

/// Where a replay ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// With the recording.
    End,
    /// Behind the line of this number.
    Line(usize),
    /// Before it is later than this, local time as the log prints it: `2007-07-10 10:54:02`.
    Time(String),
}

/// What a replay has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Inputs that were played, connections that were taken or refused among them.
    pub inputs: u64,
    /// Decisions that were compared.
    pub decisions: u64,
    /// The number of the last line that was played.
    pub line: usize,
    /// How it ended.
    pub ended: Ended,
}

/// How a replay ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With everything the same, at the end that the recorder wrote, and why it did.
    Whole(String),
    /// Where it was to end.
    Until,
    /// The recording lacks its end: everything is the same as far as it goes, or up to a decision about
    /// commands that are lost.
    Truncated,
    /// This line is none that is ever written; everything before it is the same.
    Unreadable(usize),
    /// Something is not the same.
    Different(Difference),
}

/// The first difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of its line.
    pub line: usize,
    /// What was decided then; nothing if the recording has no decision there.
    pub recorded: Option<String>,
    /// What is decided now.
    pub replayed: Option<String>,
    /// The bytes that are written now, if they are.
    pub bytes: Vec<u8>,
}

impl<'a> Recording<'a> {
    /// Reads the first line. Bytes behind the last whole line are left out. `room` is how many bytes
    /// the files of a site may have: a replay makes as many up.
    pub fn new(bytes: &'a [u8], room: usize) -> Result<Self, NotARecording> {
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let text = match core::str::from_utf8(&bytes[..whole]) {
            Ok(text) => text,
            // What is readable before it ends with a whole line, too.
            Err(error) => {
                let valid = core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or("");
                &valid[..valid.rfind('\n').map_or(0, |at| at + 1)]
            }
        };
        let first = text.lines().next().unwrap_or_default();
        let mut words = first.split(' ');
        if words.next() != Some(MAGIC) {
            return Err(NotARecording::Something);
        }
        let version = words.next().and_then(|word| word.parse().ok());
        let secrets = match words.next() {
            _ if version != Some(VERSION) => return Err(NotARecording::Version),
            Some(REDACTED) => Secrets::Redacted,
            Some(KEPT) => Secrets::Kept,
            Some(_) | None => return Err(NotARecording::Version),
        };
        Ok(Self {
            text,
            secrets,
            room,
        })
    }

    /// What it keeps of what clients say.
    pub fn secrets(&self) -> Secrets {
        self.secrets
    }

    /// Its lines with their numbers: all, or those about one connection (`3` for all that had this
    /// slot, `3.1` for one of them) and the times between them.
    pub fn lines(
        &self,
        conn: Option<&str>,
        until: &Until,
    ) -> impl Iterator<Item = (usize, &'a str)> {
        let (wanted, until) = (conn.map(ToOwned::to_owned), until.clone());
        let numbered = (1..).zip(self.text.lines());
        let numbered = numbered.take_while(move |(number, line)| match &until {
            Until::End => true,
            Until::Line(last) => number <= last,
            Until::Time(last) => match Line::read(line) {
                Some(Line::At(now)) => now.date_time().to_string() <= *last,
                Some(_) | None => true,
            },
        });
        numbered.filter(move |(_, line)| match &wanted {
            None => true,
            Some(wanted) => {
                line.starts_with("at ")
                    || Line::conn(line).is_some_and(|conn| {
                        let slot = conn.split('.').next();
                        conn == wanted || slot == Some(wanted)
                    })
            }
        })
    }

    /// Plays it, and compares.
    pub fn replay(&self, until: &Until) -> Replayed {
        self.play(until, Gateway::new).0
    }

    /// Plays it on what `make` makes, and compares; the latter is handed back, if it was made.
    pub(crate) fn play<P: Plays>(
        &self,
        until: &Until,
        make: impl FnOnce(Arc<Config>, Now) -> P,
    ) -> (Replayed, Option<P>) {
        let mut player = Player {
            make: Some(make),
            streams: self.streams(),
            told: match self.secrets {
                Secrets::Redacted => Told::Shape,
                Secrets::Kept => Told::All,
            },
            room: self.room,
            gateway: None,
            config: None,
            settings: Some(Settings::new(self.room)),
            now: Now::default(),
            replayed: Replayed {
                inputs: 0,
                decisions: 0,
                line: 1,
                ended: Ended::Truncated,
            },
        };
        for (number, line) in (2..).zip(self.text.lines().skip(1)) {
            if *until == Until::Line(number - 1) {
                player.replayed.ended = Ended::Until;
                break;
            }
            if let Some(ended) = player.line(number, line, until) {
                player.replayed.ended = ended;
                break;
            }
            player.replayed.line = number;
        }
        (player.replayed, player.gateway)
    }

    /// What every connection has sent.
    fn streams(&self) -> BTreeMap<ConnId, Sent<'a>> {
        let mut streams: BTreeMap<ConnId, Sent<'a>> = BTreeMap::new();
        for line in self.text.lines() {
            let is_content = ["raw ", "chat ", "frame ", "text ", "skip "];
            if !is_content.iter().any(|word| line.starts_with(word)) {
                continue;
            }
            if let Some(Line::Content(id, content)) = Line::read(line) {
                streams.entry(id).or_default().take(content);
            }
        }
        streams
    }
}

/// What a recording is played on: a gateway, or a judge of flashgate-testing that looks on.
#[doc(hidden)]
pub trait Plays {
    /// As [`Gateway::accept`].
    fn accept(&mut self, now: Now, origin: Accepted) -> Result<ConnId, Refused>;
    /// As [`Gateway::handle`].
    fn handle(&mut self, now: Now, input: Input<'_>);
    /// As [`Gateway::poll`].
    fn poll(&mut self) -> Option<Action>;
}

impl Plays for Gateway {
    fn accept(&mut self, now: Now, origin: Accepted) -> Result<ConnId, Refused> {
        self.accept(now, origin)
    }

    fn handle(&mut self, now: Now, input: Input<'_>) {
        self.handle(now, input);
    }

    fn poll(&mut self) -> Option<Action> {
        self.poll()
    }
}

/// Plays lines.
struct Player<'a, P, M> {
    make: Option<M>,
    streams: BTreeMap<ConnId, Sent<'a>>,
    told: Told,
    room: usize,
    gateway: Option<P>,
    /// The settings that the gateway begins with.
    config: Option<Arc<Config>>,
    /// Settings that are being read.
    settings: Option<Settings>,
    now: Now,
    replayed: Replayed,
}

impl<P: Plays, M: FnOnce(Arc<Config>, Now) -> P> Player<'_, P, M> {
    /// Plays one line; says so if it was the last.
    fn line(&mut self, number: usize, line: &str, until: &Until) -> Option<Ended> {
        if let Some(settings) = &mut self.settings {
            match settings.take(line) {
                Taken::Went => {}
                Taken::Wrong => return Some(Ended::Unreadable(number)),
                Taken::Settled => self.settled(),
            }
            return None;
        }
        let Some(line) = Line::read(line) else {
            return Some(Ended::Unreadable(number));
        };
        match (line, &mut self.gateway, self.config.take()) {
            (Line::At(now), gateway, config) => {
                if let Until::Time(last) = until
                    && now.date_time().to_string() > *last
                {
                    return Some(Ended::Until);
                }
                self.now = now;
                if let (Some(config), Some(make)) = (config, self.make.take()) {
                    *gateway = Some(make(config, now));
                }
                None
            }
            (line, Some(_), _) => self.event(number, line),
            (_, None, _) => Some(Ended::Unreadable(number)),
        }
    }

    fn settled(&mut self) {
        let Some(config) = self.settings.take().map(Settings::done) else {
            return;
        };
        match &mut self.gateway {
            Some(gateway) => gateway.handle(self.now, Input::Configure(config)),
            None => self.config = Some(config),
        }
    }

    fn event(&mut self, number: usize, line: Line<'_>) -> Option<Ended> {
        let gateway = self.gateway.as_mut()?;
        let result = match line {
            Line::Accepted(id, origin) => {
                let got = gateway.accept(self.now, origin);
                self.compare(
                    number,
                    &format!("{:?}", Ok::<_, ()>(id)),
                    &format!("{got:?}"),
                )
            }
            Line::Refused(why, origin) => {
                let got = gateway.accept(self.now, origin);
                let expected: Result<ConnId, _> = Err(why);
                self.compare(number, &format!("{expected:?}"), &format!("{got:?}"))
            }
            Line::Bytes(id, length) => {
                let sent = self.streams.entry(id).or_default().next(length);
                match sent {
                    Some(bytes) => gateway.handle(self.now, Input::Bytes(id, &bytes)),
                    None => return Some(Ended::Truncated),
                }
                None
            }
            Line::Input(input) => {
                gateway.handle(self.now, input);
                None
            }
            Line::Configure => {
                self.settings = Some(Settings::new(self.room));
                None
            }
            Line::Did(recorded) => return self.did(number, recorded),
            Line::Content(..) | Line::At(_) => return None,
            Line::End(why) => {
                return Some(match (gateway.poll(), why) {
                    (Some(more), "stop") => self.different(number, None, Some(&more)),
                    (_, why) => Ended::Whole(why.to_owned()),
                });
            }
        };
        self.replayed.inputs += 1;
        result
    }

    fn did(&mut self, number: usize, recorded: &str) -> Option<Ended> {
        let action = self.gateway.as_mut()?.poll();
        let same = action.as_ref().is_some_and(|action| {
            let replayed = format::did(action, self.told);
            replayed == recorded || is_file(action) && but_hash(&replayed) == but_hash(recorded)
        });
        if !same {
            if self.is_excused(recorded, action.as_ref()) {
                return Some(Ended::Truncated);
            }
            return Some(self.different(number, Some(recorded), action.as_ref()));
        }
        self.replayed.decisions += 1;
        None
    }

    /// Whether bytes that were made up may be why a decision is another. A recorded note does not say which
    /// connection it is about.
    fn is_excused(&self, recorded: &str, replayed: Option<&Action>) -> bool {
        let is_guessed = |id: ConnId| self.streams.get(&id).is_some_and(Sent::is_guessed);
        let recorded = match lines::conn_of_decision(recorded).and_then(lines::conn) {
            Some(id) => is_guessed(id),
            None => recorded.starts_with("note ") && self.streams.values().any(Sent::is_guessed),
        };
        recorded || replayed.and_then(conn_of).is_some_and(is_guessed)
    }

    fn compare(&self, number: usize, recorded: &str, replayed: &str) -> Option<Ended> {
        (recorded != replayed).then(|| {
            Ended::Different(Difference {
                line: number,
                recorded: Some(recorded.to_owned()),
                replayed: Some(replayed.to_owned()),
                bytes: Vec::new(),
            })
        })
    }

    fn different(&self, line: usize, recorded: Option<&str>, replayed: Option<&Action>) -> Ended {
        let bytes = match replayed {
            Some(Action::Write(_, chunk) | Action::Broadcast(_, chunk)) => chunk.to_vec(),
            Some(_) | None => Vec::new(),
        };
        Ended::Different(Difference {
            line,
            recorded: recorded.map(ToOwned::to_owned),
            replayed: replayed.map(|action| format::did(action, self.told)),
            bytes,
        })
    }
}

/// The connection that an action is about.
fn conn_of(action: &Action) -> Option<ConnId> {
    match action {
        Action::Write(id, _)
        | Action::Finish(id)
        | Action::Close(id)
        | Action::Abort(id)
        | Action::Pause(id)
        | Action::Resume(id) => Some(*id),
        Action::Note(note) => note.conn,
        Action::Broadcast(..) | Action::Lookup(..) => None,
    }
}

/// Whether it writes a file of the site, which is zeros in a replay.
fn is_file(action: &Action) -> bool {
    match action {
        Action::Write(_, chunk) => chunk.slices(0).into_iter().flatten().all(|byte| *byte == 0),
        Action::Broadcast(..)
        | Action::Finish(_)
        | Action::Close(_)
        | Action::Abort(_)
        | Action::Pause(_)
        | Action::Resume(_)
        | Action::Lookup(..)
        | Action::Note(_) => false,
    }
}

fn but_hash(did: &str) -> &str {
    did.rsplit_once(' ').map_or(did, |(did, _)| did)
}
