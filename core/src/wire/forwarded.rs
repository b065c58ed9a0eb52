//! The header fields by which HTTP proxies name the client of a request: `Forwarded` (RFC 7239), and the older
//! `X-Forwarded-For` and `X-Forwarded-Proto`, which no standard describes.

use alloc::format;
use alloc::string::String;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::http::MAX_HEADERS;

/// What a trusted proxy says in the head of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forwarding<'a> {
    /// The client that it forwards.
    pub(crate) client: Option<SocketAddr>,
    /// Whether the client speaks TLS.
    pub(crate) is_https: bool,
    /// The host that the request names.
    host: Option<&'a [u8]>,
}

impl<'a> Forwarding<'a> {
    /// Reads a complete head of a request. A malformed one says nothing.
    pub(crate) fn read(
        head: &'a [u8],
        header: ClientHeader,
        is_proxy: impl Fn(IpAddr) -> bool,
    ) -> Self {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(_)) = parsed.parse(head) else {
            return Self::default();
        };
        let lines = |name: &'static str| {
            let named = parsed.headers.iter();
            let named = named.filter(move |header| header.name.eq_ignore_ascii_case(name));
            named.map(|header| header.value)
        };
        let client = header
            .name()
            .map(|name| header.client(lines(name), is_proxy));
        Self {
            client: client.flatten(),
            is_https: is_https(lines("x-forwarded-proto")),
            host: lines("host").next(),
        }
    }

    /// Where a redirect leads. One to the host that the client has reached by TLS does not leave TLS.
    pub(crate) fn location(&self, url: String) -> String {
        let Some(host) = self.host.filter(|_| self.is_https) else {
            return url;
        };
        match plain_target(&url) {
            Some((authority, rest)) if authority.as_bytes().eq_ignore_ascii_case(host) => {
                format!("https://{authority}{rest}")
            }
            Some(_) | None => url,
        }
    }
}

/// The host and port of a URL with the scheme `http`, and what follows them.
pub(crate) fn plain_target(url: &str) -> Option<(&str, &str)> {
    let (scheme, target) = url.split_at_checked("http://".len())?;
    let end = target.find(['/', '?', '#']).unwrap_or(target.len());
    scheme
        .eq_ignore_ascii_case("http://")
        .then(|| target.split_at(end))
}

/// The header field in which proxies name the client of an HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientHeader {
    /// `X-Forwarded-For`: addresses, separated by commas.
    XForwardedFor,
    /// `Forwarded` of RFC 7239.
    Forwarded,
    /// No header names a client.
    None,
}

impl ClientHeader {
    /// Its name, in lower case.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::XForwardedFor => Some("x-forwarded-for"),
            Self::Forwarded => Some("forwarded"),
            Self::None => None,
        }
    }

    /// The client that the lines of this field name, which belong together in their order (RFC 9110 section 5.3).
    ///
    /// Each proxy adds its peer at the end, so that the last element alone is certain. They are read from the right:
    /// proxies are skipped, and the first other address is the client. An element that is no address ends the
    /// walk at the last address before it.
    pub(crate) fn client<'a>(
        self,
        lines: impl DoubleEndedIterator<Item = &'a [u8]>,
        is_proxy: impl Fn(IpAddr) -> bool,
    ) -> Option<SocketAddr> {
        let mut client = None;
        for element in lines.rev().flat_map(|line| from_right(line, b',')) {
            // A list may have empty elements (RFC 9110 section 5.6.1).
            if element.is_empty() {
                continue;
            }
            let Some(address) = self.address(element) else {
                break;
            };
            client = Some(address);
            if !is_proxy(address.ip()) {
                break;
            }
        }
        client
    }

    /// The address in an element of the list.
    fn address(self, element: &[u8]) -> Option<SocketAddr> {
        match self {
            Self::XForwardedFor => node(element),
            Self::Forwarded => node(named(element)?),
            Self::None => None,
        }
    }

    /// Calls `keep` with each part of a line that the client depends on. In whatever else the line holds, only
    /// quotes, backslashes and separators matter.
    pub(crate) fn essence<'a>(self, line: &'a [u8], mut keep: impl FnMut(&'a [u8])) {
        for element in from_right(line, b',') {
            if self.address(element).is_none() {
                continue;
            }
            match self {
                Self::XForwardedFor => keep(element),
                Self::Forwarded => {
                    let pairs = from_right(element, b';');
                    pairs
                        .filter(|pair| value(pair).is_some())
                        .for_each(&mut keep);
                }
                Self::None => {}
            }
        }
    }
}

/// Whether the lines of `X-Forwarded-Proto` say that the client of a request speaks TLS. The last element counts.
pub(crate) fn is_https<'a>(lines: impl DoubleEndedIterator<Item = &'a [u8]>) -> bool {
    let mut elements = lines.rev().flat_map(|line| from_right(line, b','));
    let last = elements.find(|element| !element.is_empty());
    last.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https"))
}

/// The value of the parameter `for` in an element of `Forwarded`, which has it once.
fn named(element: &[u8]) -> Option<&[u8]> {
    let mut values = from_right(element, b';').filter_map(value);
    let only = values.next()?;
    values.next().is_none().then_some(only)
}

/// The value of a pair, without its quotes, if its name is `for`. A value that is an address needs no escapes.
fn value(pair: &[u8]) -> Option<&[u8]> {
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
    let bare = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    name.eq_ignore_ascii_case(b"for")
        .then(|| bare.unwrap_or(value))
}

/// Reads an address with or without a port. An IPv6 address may stand in brackets, and must where a port follows.
fn node(bytes: &[u8]) -> Option<SocketAddr> {
    let text = str::from_utf8(bytes).ok()?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(address, 0));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let (address, port) = match text.rsplit_once(":_") {
        // A port that the proxy hides (RFC 7239 section 6.3).
        Some((address, hidden)) => (address, Some(hidden)),
        None => (text, None),
    };
    let is_hidden = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    if !port.is_none_or(|port| !port.is_empty() && port.bytes().all(is_hidden)) {
        return None;
    }
    let bare = address
        .strip_prefix('[')
        .and_then(|address| address.strip_suffix(']'));
    let address = match bare {
        Some(bare) => IpAddr::V6(bare.parse::<Ipv6Addr>().ok()?),
        None => IpAddr::V4(address.parse().ok()?),
    };
    Some(SocketAddr::new(address, 0))
}

/// The parts of a list, from the last to the first, without the white space around them. A separator in quotes
/// separates nothing.
///
/// Quotes are paired from the right, too: what a client has sent stands on the left, and an open quote there must not
/// swallow what the proxy has added.
fn from_right(list: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(list);
    core::iter::from_fn(move || {
        let list = rest?;
        let (before, last) = match last_separator(list, separator) {
            Some(at) => (Some(&list[..at]), &list[at + 1..]),
            None => (None, list),
        };
        rest = before;
        Some(last.trim_ascii())
    })
}

fn last_separator(list: &[u8], separator: u8) -> Option<usize> {
    let mut is_quoted = false;
    for (at, byte) in list.iter().enumerate().rev() {
        if *byte == b'"' {
            let before = list[..at].iter().rev();
            let backslashes = before.take_while(|byte| **byte == b'\\').count();
            // The quote that closes a string is never escaped; one inside it is.
            is_quoted = !is_quoted || backslashes % 2 == 1;
        } else if *byte == separator && !is_quoted {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests;
