//! What goes into a [`Gateway`](crate::Gateway) and what comes out of it.

use alloc::sync::Arc;
use core::error::Error;
use core::fmt;

use crate::chunk::{Chunk, Recipients};
use crate::config::Config;
use crate::conn::filter::FilterEvent;
use crate::id::{ConnId, Ticket};
use crate::member::{Answer, Login, MemberEvent, Query};
use crate::note::Note;

/// Something that happened. The enum is exhaustive: a new kind of input is a breaking change, so that no code
/// that records or plays inputs misses one.
#[derive(Debug)]
pub enum Input<'a> {
    /// Bytes came from a peer, at most [`MAX_READ`] at a time.
    Bytes(ConnId, &'a [u8]),
    /// The peer has closed its sending side; it may still be reading.
    Eof(ConnId),
    /// The connection is closed. Exactly once for each connection, as its last input.
    Gone(ConnId, Cause),
    /// The connection was flushed, and this is left of its queue: the [memory](crate::Chunk::memory) of the
    /// chunks, less the bytes of the first chunk that are written already. 0: nothing is left.
    Backlog(ConnId, usize),
    /// The member store's answer to an [`Action::Lookup`].
    Answer(Ticket, Answer),
    /// What became of the connection's [`Filter`](crate::Filter). The gateway makes this input itself, of what its
    /// filters say, so that an observer sees it; a replay, which has no filters, gives it. A runtime does not.
    Filter(ConnId, FilterEvent),
    /// A member was changed from outside.
    Member(MemberEvent),
    /// The operator says something to everyone online whose client is at [`Level::Two`](crate::Level::Two):
    /// `<announce time="…" msg="…" />`.
    Announce(Arc<str>),
    /// The operator closes the connection of a member who is online; nothing happens if the member is not. The
    /// client gets `<kicked reason="…"/>`, at [`Level::One`](crate::Level::One) an error with the reason or
    /// `You were kicked.`, and may log in again.
    Kick {
        /// The member, named as in a login.
        member: Login,
        /// What the client gets as the reason.
        reason: Option<Arc<str>>,
    },
    /// The host's own state, for `/metrics` and `/readyz`.
    Host(HostFacts),
    /// New settings, from now on.
    Configure(Arc<Config>),
    /// Nothing happened but the passing of time.
    Timeout,
    /// Stop: close every connection, accept no more, and end within [`Limits::linger`](crate::Limits::linger).
    Shutdown,
}

/// The host's own state, which the core cannot know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Log lines dropped since the start.
    pub log_dropped: u64,
    /// Whether the member store worked at the host's last check.
    pub store: StoreState,
    /// The process; `None` if the host cannot tell.
    pub process: Option<ProcessFacts>,
}

/// Whether the member store works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreState {
    /// It works, or was not checked yet.
    #[default]
    Up,
    /// It fails.
    Down,
}

/// The usual Prometheus metrics of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessFacts {
    /// `process_cpu_seconds_total`, here in milliseconds.
    pub cpu_millis: u64,
    /// `process_resident_memory_bytes`.
    pub resident_bytes: u64,
    /// `process_start_time_seconds`, since 1970 UTC.
    pub started: u64,
    /// `process_open_fds`.
    pub open_files: u64,
    /// `process_max_fds`.
    pub max_files: u64,
}

/// The most bytes in one [`Input::Bytes`]. The core may have to keep them for a connection that it has paused.
pub const MAX_READ: usize = 16 * 1024;

/// Why a connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The runtime carried out [`Action::Close`] or [`Action::Abort`].
    Closed,
    /// The peer reset the connection, or another network error broke it.
    Reset,
    /// The system found the peer dead (keep-alive or `TCP_USER_TIMEOUT`).
    TimedOut,
}

/// Something for the runtime to do. The order matters. The enum is exhaustive: a runtime that did not carry out an
/// action would break the protocol, so a new one is a breaking change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Append to the connection's queue.
    Write(ConnId, Chunk),
    /// Append one chunk to the queue of each recipient. A message to everyone leads to one such action for each
    /// wire form in use.
    Broadcast(Recipients, Chunk),
    /// Once the queue is written, shut down the writing side; go on reading.
    Finish(ConnId),
    /// Once the queue is written, close, and report [`Input::Gone`].
    Close(ConnId),
    /// Drop the queue, close at once, and report [`Input::Gone`].
    Abort(ConnId),
    /// Stop reading from the connection until [`Action::Resume`].
    Pause(ConnId),
    /// Go on reading.
    Resume(ConnId),
    /// Ask the member store, without blocking the loop.
    Lookup(Ticket, Query),
    /// Something for the log.
    Note(Note),
}

/// Why [`accept`](crate::Gateway::accept) refuses a connection. The runtime closes the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// [`Limits::connections`](crate::Limits::connections) are open.
    Full,
    /// [`Limits::per_address`](crate::Limits::per_address) connections are open from this address.
    AddressLimit,
    /// The gateway is shutting down.
    ShuttingDown,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the limit on connections is reached: raise `Limits::connections`",
            Self::AddressLimit => {
                "the limit on connections from one address is reached: raise `Limits::per_address`"
            }
            Self::ShuttingDown => "the gateway is shutting down: connect to its successor",
        })
    }
}

impl Error for Refused {}
