//! Which addresses are those of proxies that name their clients.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};

/// The addresses of proxies whose connections begin with a header of the PROXY protocol, by default none.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    words: Vec<String>,
    ranges: Vec<(Range, ProxyHeader)>,
}

/// Whether a connection of a proxy begins with a PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyHeader {
    /// It does, or is closed.
    Required,
    /// It may. Only for a proxy that never passes on the first bytes of a client as they are: they could be a
    /// header that the client has made up.
    Optional,
}

/// The addresses that have a prefix in common. IPv4 addresses stand as the IPv6 addresses that they are mapped to.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: u128,
    bits: u32,
}

impl Proxies {
    /// Reads words like `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32=optional` or `*`, which is every address. It
    /// skips a word of another form.
    pub(crate) fn of(words: Vec<String>) -> Self {
        let ranges = words.iter().filter_map(|word| read(word)).collect();
        Self { words, ranges }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The words that they were read from.
    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    /// What a connection from an address begins with, if that is the address of a proxy. The first range that
    /// holds it decides.
    pub(crate) fn header(&self, address: IpAddr) -> Option<ProxyHeader> {
        let mut ranges = self.ranges.iter();
        let (_, header) = ranges.find(|(range, _)| range.holds(address))?;
        Some(*header)
    }
}

impl Range {
    fn holds(self, address: IpAddr) -> bool {
        let differs = mapped(address).to_bits() ^ self.first;
        differs.checked_shr(128 - self.bits).unwrap_or(0) == 0
    }
}

/// The word must name addresses.
pub(super) fn check(word: &str) -> Result<(), Cow<'static, str>> {
    match read(word) {
        Some(_) => Ok(()),
        None => Err(
            "it must be an address or a range like 192.0.2.0/24, with =require or =optional".into(),
        ),
    }
}

fn read(word: &str) -> Option<(Range, ProxyHeader)> {
    let (range, header) = match word.split_once('=') {
        None => (word, ProxyHeader::Required),
        Some((range, "require")) => (range, ProxyHeader::Required),
        Some((range, "optional")) => (range, ProxyHeader::Optional),
        Some(_) => return None,
    };
    if range == "*" {
        return Some((Range { first: 0, bits: 0 }, header));
    }
    let (address, bits) = match range.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (range, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().ok()?,
        Some(_) => return None,
        None => all,
    };
    let range = (bits <= all).then(|| Range {
        first: mapped(address).to_bits(),
        bits: bits + 128 - all,
    });
    Some((range?, header))
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        use ProxyHeader::{Optional, Required};
        for (words, address, header) in [
            ("", "192.0.2.1", None),
            ("192.0.2.1", "192.0.2.1", Some(Required)),
            ("192.0.2.1", "192.0.2.2", None),
            ("192.0.2.1", "::ffff:192.0.2.1", Some(Required)),
            ("192.0.2.77/24", "192.0.2.1", Some(Required)),
            ("192.0.2.0/24", "192.0.3.1", None),
            ("0.0.0.0/0=optional", "203.0.113.9", Some(Optional)),
            ("0.0.0.0/0", "2001:db8::1", None),
            ("::/0", "192.0.2.1", Some(Required)),
            ("2001:db8::/33", "2001:db8:7fff::1", Some(Required)),
            ("2001:db8::/33", "2001:db8:8000::1", None),
            ("*=optional", "2001:db8::1", Some(Optional)),
            (
                "10.0.0.0/8=optional 10.1.0.0/16",
                "10.1.0.1",
                Some(Optional),
            ),
            (
                "10.1.0.0/16=require 10.0.0.0/8=optional",
                "10.1.0.1",
                Some(Required),
            ),
            ("nonsense 10.0.0.1", "10.0.0.1", Some(Required)),
        ] {
            let proxies = Proxies::of(words.split_whitespace().map(String::from).collect());
            assert_eq!(
                proxies.header(address.parse().unwrap()),
                header,
                "{words} {address}"
            );
        }
    }

    #[test]
    fn what_is_no_range() {
        for word in [
            "192.0.2.1/33",
            "::1/129",
            "192.0.2.1/",
            "192.0.2.1/+8",
            "192.0.2/24",
            "10.0.0.1=no",
            "=require",
            "a",
        ] {
            assert!(check(word).is_err(), "{word}");
        }
        assert!(check("192.0.2.0/24=require").is_ok());
    }
}
