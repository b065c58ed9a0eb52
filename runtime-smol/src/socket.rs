//! Listeners and connections that do not block.

use std::io;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::net::SocketAddr;
use std::net::TcpStream;

use flashgate_core::{KeepAlive, Peer};
use flashgate_host::Listener;
#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::net::{SocketFlags, acceptfrom_with};

/// Makes a bound socket ready to be accepted from.
pub(crate) fn prepare_listener(listener: &Listener, keepalive: &KeepAlive) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    set_for_accepted(listener, keepalive);
    listener.lengthen_backlog();
    Ok(())
}

/// The next connection that waits at a listener, ready for the loop. On Linux that takes one system call: the
/// connection is non-blocking from the start, and inherits its options.
pub(crate) fn accept(listener: &Listener, keepalive: &KeepAlive) -> io::Result<(TcpStream, Peer)> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let _ = keepalive;
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (socket, address) = acceptfrom_with(listener, flags)?;
        let address = address.and_then(|address| SocketAddr::try_from(address).ok());
        let peer = listener.peer(address);
        let peer = peer.ok_or(io::ErrorKind::ConnectionAborted)?;
        Ok((TcpStream::from(socket), peer))
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let (stream, peer) = listener.accept()?;
        stream.set_nonblocking(true)?;
        flashgate_host::socket::set_options(&stream, keepalive);
        Ok((stream, peer))
    }
}

/// Sets a listener's options for its connections, which inherit them on Linux.
pub(crate) fn set_for_accepted(listener: &Listener, keepalive: &KeepAlive) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    listener.set_options(keepalive);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (listener, keepalive);
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_accepted_connection_has_the_options() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let listener = Listener::from(listener);
        let mut keepalive = KeepAlive::default();
        prepare_listener(&listener, &keepalive).unwrap();
        keepalive.probes = 7;
        set_for_accepted(&listener, &keepalive);
        let peer = TcpStream::connect(address).unwrap();
        let (stream, from) = accept(&listener, &keepalive).unwrap();
        assert_eq!(from, Peer::Address(peer.local_addr().unwrap()));
        let read = io::Read::read(&mut &stream, &mut [0]);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);

        assert!(stream.nodelay().unwrap());
        #[cfg(any(target_os = "linux", target_os = "android"))]
        assert_eq!(rustix::net::sockopt::tcp_keepcnt(&stream).unwrap(), 7);
    }
}
