//! The opening handshake (RFC 6455 section 4): what a request must say, and the answer to it.

use alloc::string::String;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use sha1::{Digest, Sha1};

/// A request for a WebSocket, as far as the answer depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake<'a> {
    key: &'a str,
    /// Whether the client offers the subprotocol `binary`, as websockify's clients do.
    binary: bool,
    /// The `Origin` of the page, which browsers send and others need not.
    pub origin: Option<&'a [u8]>,
}

/// Why a request for a WebSocket is refused: with 400, or for another version with 426 and the supported version
/// (section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// It is HTTP/1.0, which has no upgrade. nginx sends it unless it is configured otherwise.
    Http10,
    /// It names no host, or two.
    Host,
    /// Another method than GET.
    Method,
    /// `Connection` does not say `Upgrade`. A proxy drops it unless it is configured otherwise.
    NoConnection,
    /// It has a body, whose bytes would be read as frames.
    Body,
    /// It names no version.
    NoVersion,
    /// It names another version than 13.
    Version(&'a [u8]),
    /// It names a version twice.
    TwoVersions,
    /// It has no key.
    NoKey,
    /// Its key is not sixteen bytes in base64, or there are two.
    BadKey,
}

impl<'a> Handshake<'a> {
    /// Reads a request of HTTP/1.`minor`; `None` if it does not ask for a WebSocket. Any other `Upgrade` is ignored,
    /// which RFC 9110 section 7.8 allows.
    pub fn read(
        method: &str,
        minor: u8,
        headers: impl Iterator<Item = (&'a str, &'a [u8])> + Clone,
    ) -> Option<Result<Self, Refusal<'a>>> {
        let values = |name: &'static str| {
            let named = headers.clone();
            named.filter_map(move |(n, value)| n.eq_ignore_ascii_case(name).then_some(value))
        };
        if !values("Upgrade")
            .flat_map(tokens)
            .any(|token| token.eq_ignore_ascii_case(b"websocket"))
        {
            return None;
        }
        let upgrade = values("Connection")
            .flat_map(tokens)
            .any(|token| token.eq_ignore_ascii_case(b"upgrade"));
        let body = values("Transfer-Encoding").next().is_some()
            || values("Content-Length").any(|length| length != b"0");
        let version = only(values("Sec-WebSocket-Version"));
        // The version comes before the key, since another version may have another key.
        let refusal = match version {
            _ if minor != 1 => Some(Refusal::Http10),
            _ if values("Host").count() != 1 => Some(Refusal::Host),
            _ if method != "GET" => Some(Refusal::Method),
            _ if !upgrade => Some(Refusal::NoConnection),
            _ if body => Some(Refusal::Body),
            None => Some(Refusal::TwoVersions),
            Some(None) => Some(Refusal::NoVersion),
            Some(Some(b"13")) => None,
            Some(Some(version)) => Some(Refusal::Version(version)),
        };
        if let Some(refusal) = refusal {
            return Some(Err(refusal));
        }
        let key = match only(values("Sec-WebSocket-Key")) {
            Some(None) => Err(Refusal::NoKey),
            Some(Some(value)) => key(value).ok_or(Refusal::BadKey),
            None => Err(Refusal::BadKey),
        };
        // Two origins match nothing that an operator can allow.
        let origin = only(values("Origin")).unwrap_or(Some(b""));
        let binary = values("Sec-WebSocket-Protocol")
            .flat_map(tokens)
            .any(|token| token == b"binary");
        Some(key.map(|key| Self {
            key,
            binary,
            origin,
        }))
    }

    /// The head of the answer. A subprotocol is named only if it was offered: a browser drops a
    /// connection that names another (section 4.1).
    pub fn answer(&self) -> String {
        let mut answer = String::from(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        );
        answer.push_str("Sec-WebSocket-Accept: ");
        BASE64.encode_string(accept(self.key), &mut answer);
        if self.binary {
            answer.push_str("\r\nSec-WebSocket-Protocol: binary");
        }
        answer.push_str("\r\n\r\n");
        answer
    }
}

/// The proof that the request was understood (section 4.2.2, item 5.4).
fn accept(key: &str) -> [u8; 20] {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    hash.finalize().into()
}

/// Sixteen bytes in base64.
fn key(value: &[u8]) -> Option<&str> {
    let mut nonce = [0; 18];
    let length = BASE64.decode_slice(value, &mut nonce).ok()?;
    (length == 16).then_some(())?;
    core::str::from_utf8(value).ok()
}

/// Whether a value is a valid key of a handshake.
pub(crate) fn is_key(value: &[u8]) -> bool {
    key(value).is_some()
}

/// Whether a head, even a malformed one, has a line that only a WebSocket handshake has.
pub(crate) fn names_key(head: &[u8]) -> bool {
    head.split(|byte| *byte == b'\n').any(|line| {
        let name = line.get(..KEY.len());
        name.is_some_and(|name| name.eq_ignore_ascii_case(KEY))
    })
}

const KEY: &[u8] = b"Sec-WebSocket-Key:";

/// The value of a header that may occur once; `Some(None)` if it is missing, `None` if it occurs twice.
fn only<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<Option<&'a [u8]>> {
    let first = values.next();
    values.next().is_none().then_some(first)
}

/// The items of a list, without the white space around them (RFC 9110 section 5.6.1).
fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// The last character of a key holds four bits without meaning, which some clients do not leave at zero.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn read<'a>(method: &str, minor: u8, head: &'a str) -> Option<Result<String, Refusal<'a>>> {
        let headers = head.lines().map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name, value.as_bytes()));
        Some(Handshake::read(method, minor, headers)?.map(|handshake| handshake.answer()))
    }

    /// The example of RFC 6455 section 1.3, with lines put in and taken out.
    fn sample(without: &str, with: &str) -> String {
        const LINES: &str = "Host: server.example.com\nUpgrade: websocket\nConnection: Upgrade\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n";
        let lines = LINES.split_inclusive('\n');
        let kept = lines.filter(|line| without.is_empty() || !line.starts_with(without));
        kept.collect::<String>() + with
    }

    #[test]
    fn the_example_of_the_standard() {
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        assert_eq!(
            read("GET", 1, &sample("", "")),
            Some(Ok(String::from(answer)))
        );
    }

    #[test]
    fn requests() {
        #[derive(Debug, PartialEq)]
        enum Is {
            Plain,
            Good,
            Binary,
            Refused(String),
        }
        use Is::{Binary, Good, Plain};
        let refused = |why: Refusal<'_>| Is::Refused(format!("{why:?}"));
        let cases = [
            ("Upgrade", "", Plain),
            ("Host", "", refused(Refusal::Host)),
            ("", "Host: b\n", refused(Refusal::Host)),
            ("Upgrade", "Upgrade: h2c\n", Plain),
            ("Upgrade", "UPGRADE: h2c, WebSocket\n", Good),
            ("Connection", "connection: keep-alive ,upgrade\n", Good),
            ("Connection", "Connection: x\nConnection: UPGRADE\n", Good),
            ("Connection", "", refused(Refusal::NoConnection)),
            ("", "Content-Length: 0\n", Good),
            ("", "Content-Length: 5\n", refused(Refusal::Body)),
            ("", "Transfer-Encoding: chunked\n", refused(Refusal::Body)),
            (
                "Connection",
                "Connection: keep-alive\n",
                refused(Refusal::NoConnection),
            ),
            (
                "Connection",
                "Connection: upgraded\n",
                refused(Refusal::NoConnection),
            ),
            ("Sec-WebSocket-Key", "", refused(Refusal::NoKey)),
            (
                "",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n",
                refused(Refusal::BadKey),
            ),
            (
                "Sec-WebSocket-Key",
                "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\n",
                Good,
            ),
            (
                "Sec-WebSocket-Key",
                "Sec-WebSocket-Key: 0123456789abcdefghijkl==\n",
                Good,
            ),
            (
                "Sec-WebSocket-Key",
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA\n",
                refused(Refusal::BadKey),
            ),
            (
                "Sec-WebSocket-Key",
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=\n",
                refused(Refusal::BadKey),
            ),
            (
                "Sec-WebSocket-Key",
                "Sec-WebSocket-Key: !AAAAAAAAAAAAAAAAAAAAA==\n",
                refused(Refusal::BadKey),
            ),
            ("Sec-WebSocket-Version", "", refused(Refusal::NoVersion)),
            (
                "Sec-WebSocket-Version",
                "Sec-WebSocket-Version: 8\n",
                refused(Refusal::Version(b"8")),
            ),
            (
                "",
                "Sec-WebSocket-Version: 13\n",
                refused(Refusal::TwoVersions),
            ),
            (
                "Sec-WebSocket",
                "Sec-WebSocket-Version: 8\n",
                refused(Refusal::Version(b"8")),
            ),
            ("", "Sec-WebSocket-Protocol: binary\n", Binary),
            ("", "Sec-WebSocket-Protocol: chat, binary\n", Binary),
            (
                "",
                "Sec-WebSocket-Protocol: chat\nsec-websocket-protocol: binary\n",
                Binary,
            ),
            ("", "Sec-WebSocket-Protocol: chat\n", Good),
            ("", "Sec-WebSocket-Protocol: Binary\n", Good),
            ("", "Sec-WebSocket-Extensions: permessage-deflate\n", Good),
        ];
        for (without, with, is) in cases {
            let head = sample(without, with);
            let answer = read("GET", 1, &head);
            let was = match answer {
                None => Plain,
                Some(Err(refusal)) => refused(refusal),
                Some(Ok(answer)) if answer.contains("Protocol: binary\r\n") => Binary,
                Some(Ok(answer)) => {
                    assert!(!answer.contains("Sec-WebSocket-Protocol"));
                    assert!(!answer.contains("Sec-WebSocket-Extensions"));
                    Good
                }
            };
            assert_eq!(was, is, "without {without:?}, with {with:?}");
        }
        for (method, minor, why) in [
            ("POST", 1, Refusal::Method),
            ("HEAD", 1, Refusal::Method),
            ("GET", 0, Refusal::Http10),
        ] {
            let head = sample("", "");
            let answer = read(method, minor, &head);
            assert_eq!(answer, Some(Err(why)), "{method} HTTP/1.{minor}");
        }
    }

    #[test]
    fn origins() {
        let origin = |with: &str| {
            let head = sample("", with);
            let headers = head.lines().map(|line| line.split_once(": ").unwrap());
            let headers = headers.map(|(name, value)| (name, value.as_bytes()));
            let handshake = Handshake::read("GET", 1, headers).unwrap().unwrap();
            handshake
                .origin
                .map(|origin| String::from_utf8(origin.to_vec()).unwrap())
        };
        assert_eq!(origin(""), None);
        assert_eq!(
            origin("origin: https://a.example\n").as_deref(),
            Some("https://a.example")
        );
        assert_eq!(
            origin("Origin: https://a.example\nOrigin: https://b.example\n").as_deref(),
            Some("")
        );
    }
}
