//! Which web pages may open a WebSocket.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};

use super::check::is_host;

/// The origins whose pages may open a WebSocket. A browser sends a page's origin with its request (RFC 6455
/// section 10.2); a request without one is not from a browser, and is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Every page.
    Any,
    /// Pages of these origins, in any letter case, like `https://games.example`, `http://localhost:8080`,
    /// `null`, `file://` or `app://name`. A host `*.games.example` stands for all hosts below that domain;
    /// without a scheme, for http and https on any port. The gateway's own pages need theirs listed, too.
    Only(Vec<String>),
}

impl Origins {
    /// Whether pages of this origin may open a WebSocket.
    pub fn allow(&self, origin: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Only(allowed) => core::str::from_utf8(origin)
                .is_ok_and(|origin| allowed.iter().any(|allowed| matches(allowed, origin))),
        }
    }
}

fn matches(allowed: &str, origin: &str) -> bool {
    let (scheme, host) = origin.split_once("://").unwrap_or_default();
    match allowed.split_once("://") {
        Some((of, pattern)) if pattern.starts_with("*.") => {
            of.eq_ignore_ascii_case(scheme) && is_below(&pattern[1..], host)
        }
        None if allowed.starts_with("*.") => {
            let name = host.split_once(':').map_or(host, |(name, _)| name);
            is_of_the_web(scheme) && is_below(&allowed[1..], name)
        }
        Some(_) | None => allowed.eq_ignore_ascii_case(origin),
    }
}

/// Whether a host, optionally with a port, is a name below `domain`, which begins with a dot.
fn is_below(domain: &str, host: &str) -> bool {
    let name = host.len().checked_sub(domain.len());
    name.and_then(|length| host.split_at_checked(length))
        .is_some_and(|(name, rest)| rest.eq_ignore_ascii_case(domain) && is_host(name))
}

/// Whether origins of this scheme have a host name and optionally a port.
fn is_of_the_web(scheme: &str) -> bool {
    ["http", "https"]
        .iter()
        .any(|web| web.eq_ignore_ascii_case(scheme))
}

/// Accepts what a browser can send as an origin (RFC 6454 section 6.2), and patterns: for http and https a
/// host and the port unless it is the scheme's own, for another scheme any name or none (`file://`,
/// `app://name`, `chrome-extension://…`), or `null`.
pub(super) fn check(text: &str) -> Result<(), Cow<'static, str>> {
    let good = match text.split_once("://") {
        None => text == "null" || text.strip_prefix("*.").is_some_and(is_host),
        Some((scheme, host)) if is_of_the_web(scheme) => {
            if let Some(port) = own_port(scheme, host) {
                return Err(
                    format!("browsers leave out {port} there, so leave it out, too").into(),
                );
            }
            is_host_and_port(host)
        }
        Some((scheme, name)) => is_scheme(scheme) && is_opaque(name),
    };
    if good {
        Ok(())
    } else {
        Err(
            "it must be an origin as browsers send it: a scheme and a host without a path, like \
             https://games.example or http://localhost:8080, or file://, app://name or null; or \
             *.games.example"
                .into(),
        )
    }
}

/// The port of a host, if it is the default of the scheme.
fn own_port<'a>(scheme: &str, host: &'a str) -> Option<&'a str> {
    let port = if scheme.eq_ignore_ascii_case("http") {
        ":80"
    } else {
        ":443"
    };
    host.ends_with(port)
        .then(|| &host[host.len() - port.len()..])
}

fn is_host_and_port(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    };
    let bracketed = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let good = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            // Browsers keep a dot at the end of a full name.
            let host = name.strip_suffix('.').unwrap_or(name);
            name.parse::<IpAddr>().is_ok() || is_host(host.strip_prefix("*.").unwrap_or(host))
        }
    };
    good && port.is_none_or(is_port)
}

/// A scheme (RFC 3986 section 3.1).
fn is_scheme(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(plain)
}

/// The part after `://` of a scheme that is not http or https: no path, query or fragment.
fn is_opaque(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !b"/\\?#@*,\"<>".contains(&b);
    text.bytes().all(plain)
}

/// A leading zero is how some programs write octal numbers, so it is ambiguous.
fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
        && !text.starts_with('0')
        && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned as _;

    use super::*;

    #[test]
    fn what_an_operator_may_list() {
        for good in [
            "https://games.example",
            "http://localhost:8080",
            "http://192.0.2.1",
            "https://[::1]:8443",
            "HTTPS://Games.example",
            "null",
            "file://",
            "app://-",
            "app://obsidian.md",
            "app://.",
            "capacitor://localhost",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            "moz-extension://0b9a1a5e-9f1d-4a5f-8a5c-2b8a8e3f0c11",
            "vscode-webview://1abc",
            "*.games.example",
            "https://*.games.example",
            "https://games.example.",
            "https://-a.example",
            "http://a-.example.:8080",
            "http://*.games.example:8080",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "*",
            "*.",
            "games.example",
            "https://",
            "https://games.example/",
            "https://games.example..",
            "https://.",
            "https://games.example:443",
            "http://games.example:80",
            "https://games.example:0",
            "https://games.example:08",
            "https://a.*.example",
            "https://*",
            "file:///",
            "file:///home",
            "app://a b",
            "app://*",
            "://x",
            "1x://x",
            "https://sp\u{eb}ile.example",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_page_sends() {
        for (allowed, origin, is_allowed) in [
            ("https://a.example", "HTTPS://A.example", true),
            ("https://a.example", "http://a.example", false),
            ("https://a.example", "https://a.example:8443", false),
            ("https://a.example", "https://b.a.example", false),
            ("null", "null", true),
            ("null", "", false),
            ("file://", "file://", true),
            ("file://", "null", false),
            ("app://name", "app://name", true),
            ("app://name", "app://names", false),
            ("*.a.example", "https://b.a.example", true),
            ("*.a.example", "http://c.b.A.example:8080", true),
            ("*.a.example", "https://-b.a.example", true),
            ("*.a.example", "https://a.example", false),
            ("*.a.example", "https://.a.example", false),
            ("*.a.example", "https://ba.example", false),
            ("*.a.example", "https://b.a.example.evil", false),
            ("*.a.example", "https://evil/.a.example", false),
            ("*.a.example", "https://evil:1.a.example", false),
            ("*.a.example", "app://b.a.example", false),
            ("*.a.example", "null", false),
            ("*.a.example", "*.a.example", false),
            ("https://*.a.example", "https://b.a.example", true),
            ("https://*.a.example", "http://b.a.example", false),
            ("https://*.a.example", "https://b.a.example:8443", false),
            ("https://*.a.example:8443", "https://b.a.example:8443", true),
        ] {
            let origins = Origins::Only([allowed.to_owned()].into());
            assert_eq!(
                origins.allow(origin.as_bytes()),
                is_allowed,
                "{allowed} {origin}"
            );
        }
        assert!(Origins::Any.allow(b"\xff"));
        assert!(!Origins::Only(Vec::new()).allow(b"null"));
    }
}
