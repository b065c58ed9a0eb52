//! Socket options, and what the errors of a socket mean to the gateway.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use flashgate_core::{Cause, KeepAlive, Peer};
use socket2::{SockRef, TcpKeepalive};

/// Sets what each connection needs: no delay of short messages, and keep-alive probes. On Linux, a listener
/// hands its options down to the connections that it accepts.
///
/// Setting them fails only on a socket that is already broken, and then its next read reports that.
pub fn set_options<'a>(socket: impl Into<SockRef<'a>>, keepalive: &KeepAlive) {
    let socket = socket.into();
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

/// Makes the coming close a reset, for [`Action::Abort`](flashgate_core::Action::Abort). After a plain close
/// the kernel would keep the unsent bytes, and go on offering them, for minutes.
pub fn reset_on_close(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// The number of the user whose process has connected to a Unix socket, on Linux.
pub fn user(stream: &TcpStream, peer: Peer) -> Option<u32> {
    match peer {
        Peer::Address(_) => None,
        #[cfg(target_os = "linux")]
        Peer::Unix => {
            let peer = rustix::net::sockopt::socket_peercred(stream).ok()?;
            Some(peer.uid.as_raw())
        }
        #[cfg(not(target_os = "linux"))]
        Peer::Unix => {
            let _ = stream;
            None
        }
    }
}

/// What [`Input::Gone`](flashgate_core::Input::Gone) says of a connection that this error has ended.
pub fn cause(error: &io::Error) -> Cause {
    if error.kind() == io::ErrorKind::TimedOut {
        Cause::TimedOut
    } else {
        Cause::Reset
    }
}

/// Whether an accept failed because of the one connection that it would have returned, so that the next
/// accept may follow at once. After any other error this process is short of descriptors or memory: the
/// error would come again at once, and a loop without a pause would spin.
pub fn concerns_one_peer(error: &io::Error) -> bool {
    [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::Interrupted,
        io::ErrorKind::PermissionDenied, // a Linux firewall rule
    ]
    .contains(&error.kind())
}

/// How long a listener pauses when there is no descriptor for the next connection.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_peer_on_a_unix_socket_has_a_user() {
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().expect("it is made");
        let stream = TcpStream::from(std::os::fd::OwnedFd::from(ours));
        let own = rustix::process::getuid().as_raw();
        assert_eq!(user(&stream, Peer::Unix), Some(own));
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(user(&stream, address.into()), None);
    }

    #[test]
    fn options_are_set() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port for us");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let stream = TcpStream::connect(address).expect("the backlog has room");
        let keepalive = KeepAlive {
            probes: 7,
            ..KeepAlive::default()
        };
        set_options(&stream, &keepalive);
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().expect("it can be read"));
        assert!(socket.keepalive().expect("it can be read"));
        let idle = socket.tcp_keepalive_time().expect("it can be read");
        assert_eq!(idle, keepalive.idle.to_duration());
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            assert_eq!(socket.tcp_keepalive_retries().expect("it can be read"), 7);
            let timeout = socket.tcp_user_timeout().expect("it can be read");
            assert_eq!(timeout, Some(keepalive.user_timeout.to_duration()));
        }
    }
}
