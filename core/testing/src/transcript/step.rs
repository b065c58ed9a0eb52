//! The parts of a transcript: scenarios and steps.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use super::frames::UPGRADE;
use super::store::{Change, Known, Mood, Verdict, Which};
use flashgate_core::{Config, ListenerId, Login, MemberId, Millis};

/// A conversation between clients and a server of its own.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(super) title: String,
    pub(super) line: usize,
    pub(super) drivers: Drivers,
    pub(super) config: Arc<Config>,
    /// The server's local time, in seconds east of UTC.
    pub(super) offset: i32,
    pub(super) members: Vec<Known>,
    pub(super) clients: Vec<String>,
    pub(super) steps: Vec<Placed>,
}

impl Scenario {
    /// What the scenario shows.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Where it can run.
    pub fn drivers(&self) -> Drivers {
        self.drivers
    }

    /// Whether the log must match, too.
    pub(super) fn has_log(&self) -> bool {
        let log = |placed: &Placed| matches!(placed.step, Step::Log(_));
        self.steps.iter().any(log)
    }
}

/// Where a scenario can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drivers {
    /// In the core and on sockets, with identical bytes.
    All,
    /// In the core alone; the transcript says why.
    CoreOnly,
}

/// A step and its lines in the file, counted from 0.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) lines: Range<usize>,
    pub(super) step: Step,
}

/// A client: its place in [`Scenario::clients`].
pub(super) type ClientId = usize;

/// Something that happens, or that must have happened.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Client(ClientId, Act),
    Time(Millis),
    StoreMood(Mood),
    StoreAnswers(Which, Verdict),
    StoreHas(usize),
    Member(MemberId, Change),
    Configure(Arc<Config>),
    Announce(Arc<str>),
    Kick(Login, Option<Arc<str>>),
    Shutdown,
    ServerEnds,
    Log(String),
}

/// What a client does, or sees.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Connect {
        /// `None` over a Unix socket.
        from: Option<IpAddr>,
        to: ListenerId,
    },
    Send(Vec<u8>),
    /// Sends a plain upgrade to WebSocket, and sees the plain answer to it.
    Upgrade,
    HalfClose,
    Reset,
    Vanish,
    StopReading,
    Take(usize),
    ReadOn,
    Sees(Vec<u8>),
    SeesEnd(End),
}

impl Act {
    /// The bytes that it sends.
    pub(super) fn sent(&self) -> Option<&[u8]> {
        match self {
            Self::Send(bytes) => Some(bytes),
            Self::Upgrade => Some(UPGRADE),
            Self::Connect { .. }
            | Self::HalfClose
            | Self::Reset
            | Self::Vanish
            | Self::StopReading
            | Self::Take(_)
            | Self::ReadOn
            | Self::Sees(_)
            | Self::SeesEnd(_) => None,
        }
    }
}

/// How a client sees its connection end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server closed after everything it wrote.
    Closed,
    /// The connection was aborted; what was under way may be lost.
    Cut,
    /// The server refused the connection.
    Refused,
}
