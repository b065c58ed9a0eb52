//! Names for connections, listeners and questions, and where a connection comes from.

use core::fmt;
use core::net::{AddrParseError, IpAddr, Ipv6Addr, SocketAddr};
use core::str::FromStr;

/// One connection, from [`accept`](crate::Gateway::accept) to its [`Input::Gone`](crate::Input::Gone). Never reused.
///
/// It consists of a slot in the gateway's table and the generation of that slot, so that finding a connection is
/// an array access and a stale id finds nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(u64);

impl ConnId {
    pub(crate) const fn new(slot: u32, generation: u32) -> Self {
        Self((generation as u64) << 32 | slot as u64)
    }

    /// The place of this connection in a table: a small number, reused once the connection is gone, so that a
    /// runtime can keep its own data about connections in an array.
    pub const fn slot(self) -> usize {
        self.0 as u32 as usize
    }

    pub(crate) const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The id as one number, for a runtime that passes it through the operating system.
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnId({}.{})", self.slot(), self.generation())
    }
}

/// One room, from its creation to its end. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(u64);

impl RoomId {
    pub(crate) const fn new(slot: u32, generation: u32) -> Self {
        Self((generation as u64) << 32 | slot as u64)
    }

    pub(crate) const fn slot(self) -> usize {
        self.0 as u32 as usize
    }

    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomId({}.{})", self.slot(), self.0 >> 32)
    }
}

/// One question to the member store. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

/// A listener: its place in [`Config::listeners`](crate::Config::listeners).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub usize);

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The listener that accepted it.
    pub listener: ListenerId,
    /// The peer of the connection.
    pub peer: Peer,
    /// The number of the user whose process is there, of a peer on a Unix socket where the system tells it.
    pub user: Option<u32>,
}

/// The peer of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// An address and a port. An IPv4-mapped IPv6 address counts as its IPv4 address.
    Address(SocketAddr),
    /// A process of this machine, over a Unix socket. It has no address, and no limit for an address holds for it.
    Unix,
}

impl Peer {
    /// The address without its port.
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address.ip()),
            Self::Unix => None,
        }
    }

    /// The same with its IPv4 address in the place of a mapped one.
    pub(crate) fn to_canonical(self) -> Self {
        match self {
            Self::Address(address) => {
                let ip = address.ip().to_canonical();
                Self::Address(SocketAddr::new(ip, address.port()))
            }
            Self::Unix => Self::Unix,
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Unix => f.write_str(UNIX),
        }
    }
}

/// Reads what `Display` writes.
impl FromStr for Peer {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            UNIX => Ok(Self::Unix),
            _ => text.parse().map(Self::Address),
        }
    }
}

const UNIX: &str = "unix";

/// What a question to the member store counts against; the store takes turns between sources.
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
