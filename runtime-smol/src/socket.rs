//! Listeners and connections that do not block.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use flashgate_core::KeepAlive;
use flashgate_host::socket::{lengthen_backlog, set_options};
#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::net::{SocketFlags, acceptfrom_with};

/// Makes a bound socket ready to be accepted from.
pub(crate) fn prepare_listener(listener: &TcpListener, keepalive: &KeepAlive) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    set_for_accepted(listener, keepalive);
    lengthen_backlog(listener);
    Ok(())
}

/// The next connection that waits at a listener, ready for the loop. On Linux that takes one system call: the
/// connection is non-blocking from the start, and inherits its options.
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
        set_options(&stream, keepalive);
        Ok((stream, peer))
    }
}

/// Sets a listener's options for its connections, which inherit them on Linux.
pub(crate) fn set_for_accepted(listener: &TcpListener, keepalive: &KeepAlive) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    set_options(listener, keepalive);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (listener, keepalive);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accepted_connection_has_the_options() {
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

        assert!(stream.nodelay().unwrap());
        #[cfg(any(target_os = "linux", target_os = "android"))]
        assert_eq!(rustix::net::sockopt::tcp_keepcnt(&stream).unwrap(), 7);
    }
}
