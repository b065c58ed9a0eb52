//! The address and port of a peer, in 18 bytes.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

/// A peer's address and port. An IPv4 address stands here as the IPv6 address that it is mapped to,
/// since a peer at such an address is taken for one at the IPv4 address anyway.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    ip: Ipv6Addr,
    port: u16,
}

impl Peer {
    /// The address as it stands here, without the work that [`address`](Self::address) takes.
    pub(super) fn ip(self) -> IpAddr {
        self.ip.into()
    }

    pub(super) fn address(self) -> SocketAddr {
        SocketAddr::new(self.ip.to_canonical(), self.port)
    }
}

/// Scope and flow label are left out: neither says who somebody is.
impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let port = address.port();
        Self { ip, port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stays_what_it_is() {
        for (given, kept) in [
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[2001:db8::1]:65535", "[2001:db8::1]:65535"),
            ("[::1]:1", "[::1]:1"),
            ("[::c000:201]:1", "[::c000:201]:1"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1:80"),
            ("[fe80::1%3]:80", "[fe80::1]:80"),
        ] {
            let given: SocketAddr = given.parse().unwrap();
            assert_eq!(Peer::from(given).address(), kept.parse().unwrap());
        }
        assert_eq!(size_of::<Peer>(), 18);
    }
}
