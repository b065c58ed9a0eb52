//! Ranges of addresses, as settings name them.

use core::net::IpAddr;

use ipnet::IpNet;

/// The addresses that have a prefix in common, or all.
#[derive(Clone, Copy, Debug)]
pub(super) enum Range {
    All,
    Net(IpNet),
}

impl Range {
    /// Reads `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`, or `*` for every address.
    pub(super) fn read(word: &str) -> Option<Self> {
        if word == "*" {
            return Some(Self::All);
        }
        let net = match word.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => word.parse().ok()?,
        };
        Some(Self::Net(net))
    }

    /// Whether an address is in it. An IPv4 address and the IPv6 address that it is mapped to are the same.
    pub(super) fn holds(self, address: IpAddr) -> bool {
        let Self::Net(net) = self else {
            return true;
        };
        let address = address.to_canonical();
        let mapped = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
            IpAddr::V6(_) => address,
        };
        net.contains(&address) || net.contains(&mapped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (word, address, is_in) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("::ffff:192.0.2.0/120", "192.0.2.77", true),
            ("::ffff:192.0.2.0/120", "192.0.3.1", false),
            ("192.0.2.77/24", "192.0.2.1", true),
            ("192.0.2.0/24", "192.0.3.1", false),
            ("192.0.2.0/32", "192.0.2.0", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "192.0.2.1", true),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("*", "192.0.2.1", true),
            ("*", "2001:db8::1", true),
        ] {
            let range = Range::read(word).unwrap();
            assert_eq!(
                range.holds(address.parse().unwrap()),
                is_in,
                "{word} {address}"
            );
        }
    }

    #[test]
    fn what_is_no_range() {
        for word in [
            "",
            "192.0.2.1/33",
            "::1/129",
            "192.0.2.1/",
            "192.0.2.1/+8",
            "192.0.2.1/8 ",
            "192.0.2.1/8/8",
            "192.0.2/24",
            "192.0.2.1:80",
            "[::1]",
            "a",
            "**",
        ] {
            assert!(Range::read(word).is_none(), "{word}");
        }
    }
}
