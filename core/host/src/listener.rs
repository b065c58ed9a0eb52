//! Bound listeners of either kind: TCP and Unix sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
#[cfg(unix)]
use std::os::unix::net::UnixListener;
use std::time::Duration;

use flashgate_core::{KeepAlive, Peer};
use socket2::{SockAddr, Socket, Type};

use crate::socket::set_options;

/// A bound listener, for a runtime to accept from.
///
/// Connections are of the type [`TcpStream`] for both kinds: it makes the same system calls for every stream socket,
/// so that a runtime needs no second type. Options of TCP do nothing on a Unix socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tcp,
    #[cfg(unix)]
    Unix,
}

impl Listener {
    /// The next connection, and its peer. Blocks if the listener does.
    pub fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, address) = self.socket.accept()?;
        let peer = self.peer(address.as_socket());
        Ok((stream.into(), peer.ok_or(io::ErrorKind::ConnectionAborted)?))
    }

    /// Who is at the other end of a connection that was accepted with this address, for a runtime that accepts by
    /// itself. `None` if a TCP listener reports no IP address.
    pub fn peer(&self, address: Option<SocketAddr>) -> Option<Peer> {
        match self.kind {
            Kind::Tcp => address.map(Peer::Address),
            #[cfg(unix)]
            Kind::Unix => Some(Peer::Unix),
        }
    }

    /// Whether accepting waits for a connection.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking)
    }

    /// Asks for the longest accept queue that the system allows. std asks for 128 places, and a page that a
    /// thousand browsers reload at once needs more. A system that refuses still serves.
    pub fn lengthen_backlog(&self) {
        let _ = self.socket.listen(BACKLOG);
    }

    /// Sets the options that connections inherit, on Linux.
    pub fn set_options(&self, keepalive: &KeepAlive) {
        set_options(&self.socket, keepalive);
    }

    /// Ends a thread that waits in [`accept`](Self::accept), and every accept that follows.
    pub fn stop_accepting(&self) {
        // Linux ends the wait. Where shutting a listener down is an error, a connection of our own ends it.
        if self.socket.shutdown(Shutdown::Both).is_err()
            && let Ok(address) = self.socket.local_addr()
        {
            let address = reachable(address);
            let visit = Socket::new(address.domain(), Type::STREAM, None);
            let _ = visit.and_then(|visit| visit.connect_timeout(&address, VISIT_TIMEOUT));
        }
    }
}

#[cfg(unix)]
impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(unix)]
impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        let (socket, kind) = (listener.into(), Kind::Tcp);
        Self { socket, kind }
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        let (socket, kind) = (listener.into(), Kind::Unix);
        Self { socket, kind }
    }
}

/// An address at which a listener on this one can be reached from here.
fn reachable(address: SockAddr) -> SockAddr {
    match address.as_socket() {
        Some(mut socket) if socket.ip().is_unspecified() => {
            socket.set_ip(match socket.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
            socket.into()
        }
        Some(_) | None => address,
    }
}

/// The largest value that any system can be set to. Linux caps it at `somaxconn`, 4,096 by default.
const BACKLOG: i32 = 65_535;

/// To reach our own listener. It fails only if the backlog is full, and then no thread waits in accept.
const VISIT_TIMEOUT: Duration = Duration::from_millis(100);
