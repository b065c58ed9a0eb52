//! The peer of a connection, in 19 bytes.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::id::Peer;

/// The peer, and how the limits for each address count it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    /// It counts against the limit of its address.
    Counted(Address),
    /// Its address is exempt.
    Exempt(Address),
    /// It came over a Unix socket, and has no address.
    Unix,
}

impl Standing {
    pub(super) fn peer(self) -> Peer {
        match self {
            Self::Counted(address) | Self::Exempt(address) => Peer::Address(address.socket()),
            Self::Unix => Peer::Unix,
        }
    }

    /// The address as it stands here, without the work that [`peer`](Self::peer) takes.
    pub(super) fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Counted(address) | Self::Exempt(address) => Some(address.ip.into()),
            Self::Unix => None,
        }
    }
}

/// Nothing counts before it is asked whether it may.
impl From<Peer> for Standing {
    fn from(peer: Peer) -> Self {
        match peer {
            Peer::Address(address) => Self::Exempt(address.into()),
            Peer::Unix => Self::Unix,
        }
    }
}

/// An address and a port. An IPv4 address stands here as the IPv6 address that it is mapped to, since a peer at such
/// an address is taken for one at the IPv4 address anyway.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    ip: Ipv6Addr,
    /// In bytes, as a number would be aligned.
    port: [u8; 2],
}

impl Address {
    pub(super) fn socket(self) -> SocketAddr {
        SocketAddr::new(self.ip.to_canonical(), u16::from_ne_bytes(self.port))
    }
}

/// Scope and flow label are left out: neither says who somebody is.
impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let port = address.port().to_ne_bytes();
        Self { ip, port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_stays_what_it_is() {
        for (given, kept) in [
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[::]:0", "[::]:0"),
            ("[2001:db8::1]:65535", "[2001:db8::1]:65535"),
            ("[::1]:1", "[::1]:1"),
            ("[::c000:201]:1", "[::c000:201]:1"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1:80"),
            ("[fe80::1%3]:80", "[fe80::1]:80"),
            ("unix", "unix"),
        ] {
            let given: Peer = given.parse().unwrap();
            assert_eq!(Standing::from(given).peer(), kept.parse().unwrap());
        }
        assert_eq!(size_of::<Standing>(), 19);
    }
}
