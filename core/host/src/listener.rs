//! Bound listeners of either kind: TCP and Unix sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flashgate_core::{KeepAlive, Peer};
#[cfg(unix)]
use rustix::event::{PollFd, PollFlags, poll};
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
    /// Set if another process has the socket, too.
    #[cfg(unix)]
    passed: Option<Passed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tcp,
    #[cfg(unix)]
    Unix,
}

impl Listener {
    const fn new(socket: Socket, kind: Kind) -> Self {
        Self {
            socket,
            kind,
            #[cfg(unix)]
            passed: None,
        }
    }

    /// A listener that a service manager has passed to this process, and keeps. It is never shut down: connections
    /// that come after the server has stopped wait for the next server.
    #[cfg(unix)]
    pub fn passed(listener: impl Into<Self>) -> io::Result<Self> {
        let passed = Some(Passed::new()?);
        Ok(Self {
            passed,
            ..listener.into()
        })
    }

    /// The next connection, and its peer. Blocks if the listener does.
    pub fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        #[cfg(unix)]
        if let Some(passed) = &self.passed {
            passed.wait(&self.socket)?;
        }
        let (stream, address) = self.socket.accept()?;
        let peer = self.peer(address.as_socket());
        Ok((stream.into(), peer.ok_or(io::ErrorKind::ConnectionAborted)?))
    }

    /// The peer of a connection that was accepted with this address, for a runtime that accepts by
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
        #[cfg(unix)]
        if let Some(passed) = &self.passed {
            passed.blocks.store(!nonblocking, Ordering::SeqCst);
            return self.socket.set_nonblocking(true);
        }
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
        #[cfg(unix)]
        if let Some(passed) = &self.passed {
            return passed.stop();
        }
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
        Self::new(listener.into(), Kind::Tcp)
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::new(listener.into(), Kind::Unix)
    }
}

/// Waits for connections, and ends that wait, without a change to a socket that other processes share.
#[cfg(unix)]
#[derive(Debug)]
struct Passed {
    /// Whether accepting waits. The socket itself never blocks.
    blocks: AtomicBool,
    /// Readable once accepting has stopped.
    stopped: UnixStream,
    stop: UnixStream,
}

#[cfg(unix)]
impl Passed {
    fn new() -> io::Result<Self> {
        let (stopped, stop) = UnixStream::pair()?;
        Ok(Self {
            blocks: AtomicBool::new(true),
            stopped,
            stop,
        })
    }

    /// Waits for a connection, if accepting waits. Connections that come after the stop stay in the queue.
    fn wait(&self, socket: &Socket) -> io::Result<()> {
        if !self.blocks.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut both = [
            PollFd::new(socket, PollFlags::IN),
            PollFd::new(&self.stopped, PollFlags::IN),
        ];
        poll(&mut both, None)?;
        match both[1].revents().is_empty() {
            true => Ok(()),
            false => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    /// Ends the waits of all threads, for good.
    fn stop(&self) {
        // It fails only if it was called before.
        let _ = self.stop.shutdown(Shutdown::Both);
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

#[cfg(all(test, unix))]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::thread;

    use super::*;

    /// The socket of a service manager stays open, with the connections queued in it.
    #[test]
    fn a_passed_listener_outlives_the_stop() {
        let kept = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = kept.local_addr().expect("it has one");
        let copy = kept.try_clone().expect("a descriptor is free");
        let listener = Arc::new(Listener::passed(copy).expect("descriptors are free"));
        listener.set_nonblocking(false).expect("it is a socket");
        let (came, comes) = mpsc::channel();
        let waits = {
            let listener = Arc::clone(&listener);
            thread::spawn(move || {
                listener.accept().expect("a client comes");
                came.send(()).expect("the test waits");
                listener.accept().expect_err("the wait is ended")
            })
        };
        let _served = TcpStream::connect(address).expect("it listens");
        comes.recv().expect("it is accepted");
        listener.stop_accepting();
        waits.join().expect("it does not panic");
        let mut late = TcpStream::connect(address).expect("it still listens");
        listener.accept().expect_err("it has stopped");
        drop(listener);
        kept.set_nonblocking(false).expect("it is a socket");
        let (mut next, _) = kept.accept().expect("the late client waits");
        io::Write::write_all(&mut next, b"x").expect("it is connected");
        let mut byte = [0];
        io::Read::read_exact(&mut late, &mut byte).expect("it is the late client");
    }
}
