//! Socket options, and what a socket's errors mean to the gateway.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use flashgate_core::{Cause, KeepAlive};
use socket2::{SockRef, TcpKeepalive};

/// Makes a bound socket ready to be accepted from.
pub(crate) fn prepare_listener(listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    // std listens with room for 128, which a page that reloads on a thousand screens overruns;
    // listening again is how room is made. A system that will not still serves.
    let _ = SockRef::from(listener).listen(LISTEN_BACKLOG);
    Ok(())
}

/// Makes an accepted socket ready for the loop.
pub(crate) fn prepare(stream: &TcpStream, keepalive: &KeepAlive) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    // None of what follows can fail but on a socket that is dead already; the first read says so.
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new().with_time(keepalive.idle.to_duration());
    #[cfg(not(target_os = "openbsd"))]
    let probes = probes
        .with_interval(keepalive.interval.to_duration())
        .with_retries(keepalive.probes);
    let _ = socket.set_tcp_keepalive(&probes);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(keepalive.user_timeout.to_duration()));
    Ok(())
}

/// Makes the coming close a reset. What is aborted are peers that do not take their bytes: after a
/// plain close the kernel would keep those bytes, and offer them, for minutes.
pub(crate) fn reset_on_close(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// How a connection with this error came to be gone.
pub(crate) fn cause(error: &io::Error) -> Cause {
    if error.kind() == io::ErrorKind::TimedOut {
        Cause::TimedOut
    } else {
        Cause::Reset
    }
}

/// Whether an accept failed for the one connection it was about, and the next may follow at once.
/// Anything else is taken as our own want of descriptors or memory: an error that stays, retried at
/// once, would make the loop spin.
pub(crate) fn concerns_one_peer(error: &io::Error) -> bool {
    [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::Interrupted,
        io::ErrorKind::PermissionDenied, // a Linux firewall rule
    ]
    .contains(&error.kind())
}

/// Linux caps it at its `somaxconn`, of the same default.
const LISTEN_BACKLOG: i32 = 4096;
