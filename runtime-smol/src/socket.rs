//! Socket options, and what a socket's errors mean to the gateway.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use flashgate_core::{Cause, KeepAlive};
#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{SockRef, TcpKeepalive};

/// Makes a bound socket ready to be accepted from.
pub(crate) fn prepare_listener(listener: &TcpListener, keepalive: &KeepAlive) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    set_for_accepted(listener, keepalive);
    // std listens with room for 128, which a page that reloads on a thousand screens overruns;
    // listening again is how room is made. A system that will not still serves.
    let _ = SockRef::from(listener).listen(LISTEN_BACKLOG);
    Ok(())
}

/// The next connection that waits at a listener, ready for the loop: on Linux in one system call, as
/// it does not block from its beginning and has inherited its options.
pub(crate) fn accept(
    listener: &TcpListener,
    keepalive: &KeepAlive,
) -> io::Result<(TcpStream, SocketAddr)> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let _ = keepalive;
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (socket, peer) = acceptfrom_with(listener, flags)?;
        let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
        let peer = peer.ok_or(io::ErrorKind::ConnectionAborted)?;
        Ok((TcpStream::from(socket), peer))
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let (stream, peer) = listener.accept()?;
        stream.set_nonblocking(true)?;
        set_options(&SockRef::from(&stream), keepalive);
        Ok((stream, peer))
    }
}

/// Gives a listener the options that its connections are to have: on Linux they inherit them.
pub(crate) fn set_for_accepted(listener: &TcpListener, keepalive: &KeepAlive) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    set_options(&SockRef::from(listener), keepalive);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (listener, keepalive);
}

fn set_options(socket: &SockRef<'_>, keepalive: &KeepAlive) {
    // None of it can fail but on a socket that is dead already; the first read says so.
    let _ = socket.set_tcp_nodelay(true);
    let probes = TcpKeepalive::new().with_time(keepalive.idle.to_duration());
    #[cfg(not(target_os = "openbsd"))]
    let probes = probes
        .with_interval(keepalive.interval.to_duration())
        .with_retries(keepalive.probes);
    let _ = socket.set_tcp_keepalive(&probes);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(keepalive.user_timeout.to_duration()));
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

/// As many as a system may be set to keep: Linux caps it at its `somaxconn`, 4,096 by default.
const LISTEN_BACKLOG: i32 = 65_535;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_accepted_has_the_options() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut keepalive = KeepAlive::default();
        prepare_listener(&listener, &keepalive).unwrap();
        keepalive.probes = 7;
        set_for_accepted(&listener, &keepalive);
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, from) = accept(&listener, &keepalive).unwrap();
        assert_eq!(from, peer.local_addr().unwrap());
        let read = io::Read::read(&mut &stream, &mut [0]);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);

        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(
            socket.tcp_keepalive_time().unwrap(),
            keepalive.idle.to_duration()
        );
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), 7);
            let timeout = socket.tcp_user_timeout().unwrap();
            assert_eq!(timeout, Some(keepalive.user_timeout.to_duration()));
        }
    }
}
