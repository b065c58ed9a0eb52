//! What goes into a [`Gateway`](crate::Gateway) and what comes out of it.

use alloc::sync::Arc;
use core::fmt;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::config::Config;
use crate::frame::{Chunk, Recipients};
use crate::member::{Answer, MemberEvent, Query};
use crate::note::Note;

/// One connection, from [`accept`](crate::Gateway::accept) to its [`Input::Gone`]. Never reused.
///
/// A slot in the gateway's table and the slot's generation, so that finding a connection is an
/// array access and a stale id finds nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(u64);

impl ConnId {
    pub(crate) const fn new(slot: u32, generation: u32) -> Self {
        Self((generation as u64) << 32 | slot as u64)
    }

    /// The place of this connection in a table. Small numbers, reused once the connection is gone,
    /// so that a runtime can keep its own side of a connection in a plain array.
    pub const fn slot(self) -> usize {
        self.0 as u32 as usize
    }

    pub(crate) const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The id as one number, for a runtime that has to hand it through an operating system.
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnId({}.{})", self.slot(), self.generation())
    }
}

/// One question to the member store. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

/// A listener: its place in [`Config::listeners`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub usize);

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The listener that accepted it.
    pub listener: ListenerId,
    /// The peer's address; an IPv4-mapped IPv6 address is taken as the IPv4 address it is.
    pub peer: SocketAddr,
}

/// Whom a question to the member store is counted against, and by whom the store takes turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An IPv4 address, or the first address of an IPv6 /64: one subscriber has all of a /64.
    Address(IpAddr),
    /// A connection whose address is exempt from limits by address.
    Connection(ConnId),
}

impl Source {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Address(address),
            IpAddr::V6(v6) => {
                let prefix = v6.to_bits() >> 64 << 64;
                Self::Address(IpAddr::V6(Ipv6Addr::from_bits(prefix)))
            }
        }
    }
}

/// Something that happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// Bytes came from a peer, at most [`MAX_READ`] at a time.
    Bytes(ConnId, &'a [u8]),
    /// The peer has closed its sending side; it may still be reading.
    Eof(ConnId),
    /// The connection is no more. Exactly once for each, and the last word about it.
    Gone(ConnId, Cause),
    /// The connection was flushed, and this is left of its queue: the [memory](crate::Chunk::memory) of the
    /// chunks that are not written, without the bytes of the first that are (0: nothing is left).
    Backlog(ConnId, usize),
    /// The member store's answer to an [`Action::Lookup`].
    Answer(Ticket, Answer),
    /// A member was changed from outside.
    Member(MemberEvent),
    /// What the host says of itself; shown in `/metrics` and by `/readyz`.
    Host(HostFacts),
    /// New settings, from now on.
    Configure(Arc<Config>),
    /// Nothing but time has passed.
    Timeout,
    /// Stop: say so to everyone, accept nobody, end within [`Limits::linger`](crate::Limits::linger).
    Shutdown,
}

/// What a host knows of itself, and the core cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Log lines dropped since the start.
    pub log_dropped: u64,
    /// Whether the member store works, as far as the host has looked.
    pub store: StoreState,
    /// The process, where the host can tell.
    pub process: Option<ProcessFacts>,
}

/// Whether the member store works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreState {
    /// It does, or nobody has looked.
    #[default]
    Up,
    /// It does not.
    Down,
}

/// What Prometheus wants to know of a process, by its usual names.
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

/// The most bytes that one [`Input::Bytes`] may bring: what a paused connection makes the core keep.
pub const MAX_READ: usize = 16 * 1024;

/// How a connection came to be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The runtime carried out [`Action::Close`] or [`Action::Abort`].
    Closed,
    /// The peer reset the connection, or another network error broke it.
    Reset,
    /// The system gave the peer up for dead (keep-alive or `TCP_USER_TIMEOUT`).
    TimedOut,
}

/// Something to do. The order is part of the meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Append to the connection's queue.
    Write(ConnId, Chunk),
    /// Append one chunk to the queue of each recipient. What is said to everyone comes as one such
    /// action for each wire form that somebody speaks.
    Broadcast(Recipients, Chunk),
    /// After what is queued, shut down the writing side; go on reading.
    Finish(ConnId),
    /// After what is queued, close, and report [`Input::Gone`].
    Close(ConnId),
    /// Close at once, dropping what is queued, and report [`Input::Gone`].
    Abort(ConnId),
    /// Read no more from the connection until [`Action::Resume`].
    Pause(ConnId),
    /// Go on reading.
    Resume(ConnId),
    /// Ask the member store, off the loop.
    Lookup(Ticket, Query),
    /// Something for the log.
    Note(Note),
}

/// Why [`accept`](crate::Gateway::accept) does not take a connection. The runtime closes the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// [`Limits::connections`](crate::Limits::connections) are open.
    Full,
    /// [`Limits::per_address`](crate::Limits::per_address) connections are open from this address.
    AddressLimit,
    /// The gateway is shutting down.
    ShuttingDown,
}
