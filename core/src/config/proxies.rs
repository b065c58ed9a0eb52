//! Which addresses are those of proxies, and how they name their clients.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::ranges::Range;

/// The addresses of proxies whose connections begin with a header of the PROXY protocol, by default none. Connections
/// over a Unix socket may begin with one, or must if the word `unix` is among the addresses.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    words: Vec<String>,
    ranges: Vec<(Range, ProxyHeader)>,
    unix: Option<ProxyHeader>,
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

impl Proxies {
    /// Reads words like `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32=optional` or `*`, which is every address. It
    /// skips a word of another form.
    pub(crate) fn of(words: Vec<String>) -> Self {
        let (mut ranges, mut unix) = (Vec::new(), None);
        for word in &words {
            match read(word) {
                Some((Place::Unix, header)) => unix = unix.or(Some(header)),
                Some((Place::Range(range), header)) => ranges.push((range, header)),
                None => {}
            }
        }
        Self {
            words,
            ranges,
            unix,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether a connection from an address, or over a Unix socket, must begin with a header.
    pub fn require(&self, address: Option<IpAddr>) -> bool {
        let header = match address {
            Some(address) => self.header(address),
            None => Some(self.unix()),
        };
        header == Some(ProxyHeader::Required)
    }

    /// Whether connections from this address may begin with a PROXY header.
    pub fn has(&self, address: IpAddr) -> bool {
        self.header(address).is_some()
    }

    /// The words that they were read from.
    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    /// What a connection over a Unix socket begins with.
    pub(crate) fn unix(&self) -> ProxyHeader {
        self.unix.unwrap_or(ProxyHeader::Optional)
    }

    /// What a connection from an address begins with, if that is the address of a proxy. The first range that
    /// holds it decides.
    pub(crate) fn header(&self, address: IpAddr) -> Option<ProxyHeader> {
        let mut ranges = self.ranges.iter();
        let (_, header) = ranges.find(|(range, _)| range.holds(address))?;
        Some(*header)
    }
}

/// The addresses of proxies that name their clients in the head of each HTTP request, by default none.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    words: Vec<String>,
    ranges: Vec<Range>,
}

impl TrustedProxies {
    /// Reads words like `192.0.2.1`, `2001:db8::/32` or `*`, which is every address. It skips a word of another form.
    pub(crate) fn of(words: Vec<String>) -> Self {
        let ranges = words.iter().filter_map(|word| Range::read(word)).collect();
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

    /// Whether a trusted proxy has this address.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.holds(address))
    }
}

/// The word must name addresses, and may say whether a header is required.
pub(super) fn check(word: &str) -> Result<(), Cow<'static, str>> {
    match read(word) {
        Some(_) => Ok(()),
        None => Err(
            "it must be an address, a range like 192.0.2.0/24 or unix, with =require or =optional"
                .into(),
        ),
    }
}

/// The word must name addresses.
pub(super) fn check_trusted(word: &str) -> Result<(), Cow<'static, str>> {
    match Range::read(word) {
        Some(_) => Ok(()),
        None => Err("it must be an address or a range like 192.0.2.0/24".into()),
    }
}

/// Where the connections of a proxy come from.
enum Place {
    Unix,
    Range(Range),
}

fn read(word: &str) -> Option<(Place, ProxyHeader)> {
    let (range, header) = match word.split_once('=') {
        None => (word, ProxyHeader::Required),
        Some((range, "require")) => (range, ProxyHeader::Required),
        Some((range, "optional")) => (range, ProxyHeader::Optional),
        Some(_) => return None,
    };
    let place = match range {
        "unix" => Place::Unix,
        range => Place::Range(Range::read(range)?),
    };
    Some((place, header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_range_decides() {
        use ProxyHeader::{Optional, Required};
        for (words, address, header) in [
            ("", "192.0.2.1", None),
            ("192.0.2.1", "192.0.2.1", Some(Required)),
            ("192.0.2.1", "192.0.2.2", None),
            ("0.0.0.0/0=optional", "203.0.113.9", Some(Optional)),
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
    fn what_names_no_proxy() {
        for word in ["192.0.2.1/33", "10.0.0.1=no", "=require", "a"] {
            assert!(check(word).is_err(), "{word}");
            assert!(check_trusted(word).is_err(), "{word}");
        }
        assert!(check("192.0.2.0/24=require").is_ok());
        assert!(check("unix").is_ok() && check_trusted("unix").is_err());
    }

    #[test]
    fn unix_sockets() {
        use ProxyHeader::{Optional, Required};
        for (words, header) in [
            ("", Optional),
            ("*", Optional),
            ("10.0.0.1 unix", Required),
            ("unix=require unix=optional", Required),
            ("unix=optional", Optional),
        ] {
            let proxies = Proxies::of(words.split_whitespace().map(String::from).collect());
            assert_eq!(proxies.unix(), header, "{words}");
        }
        assert!(Proxies::of(Vec::from([String::from("unix")])).is_empty());
    }

    #[test]
    fn who_is_trusted_in_http() {
        assert!(check_trusted("192.0.2.0/24=require").is_err());
        assert!(check_trusted("192.0.2.0/24").is_ok());
    }
}
