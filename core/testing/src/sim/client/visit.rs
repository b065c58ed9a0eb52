//! Clients that do not chat: one request, or bytes without a meaning.

use crate::random::Random;

/// What a visitor asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Visit {
    Policy,
    /// An HTTP request, and the status that answers it.
    Http(&'static str, &'static str),
}

impl Visit {
    pub(in crate::sim) fn any(random: &mut Random) -> Self {
        match random.below(3) {
            0 => Self::Policy,
            _ => {
                let (request, status) = *random.pick(&REQUESTS);
                Self::Http(request, status)
            }
        }
    }

    pub(in crate::sim) fn request(self) -> &'static [u8] {
        match self {
            Self::Policy => b"<policy-file-request/>\0",
            Self::Http(request, _) => request.as_bytes(),
        }
    }
}

/// Meaningless bytes, incomplete requests, and bytes that begin like another protocol.
pub(super) fn garbage(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.between(1, 5) {
        match random.below(4) {
            0 => bytes.extend((0..random.below(40)).map(|_| random.next() as u8)),
            _ => bytes.extend_from_slice(random.pick::<&[u8]>(&SCRAPS)),
        }
    }
    bytes
}

const REQUESTS: [(&str, &str); 11] = [
    ("GET /healthz HTTP/1.0\r\n\r\n", "200"),
    ("GET /crossdomain.xml HTTP/1.0\r\n\r\n", "200"),
    ("GET /server-status HTTP/1.0\r\n\r\n", "200"),
    ("GET /server-status?json HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
    ("HEAD /metrics HTTP/1.0\r\n\r\n", "200"),
    ("GET /metrics HTTP/1.0\r\n\r\n", "200"),
    ("GET /favicon.ico HTTP/1.0\r\n\r\n", "204"),
    ("GET /nothing HTTP/1.0\r\n\r\n", "302"),
    ("OPTIONS / HTTP/1.0\r\n\r\n", "204"),
    ("DELETE / HTTP/1.0\r\n\r\n", "405"),
    ("GET / HTTP/1.1\r\n\r\n", "400"),
];

const SCRAPS: [&[u8]; 17] = [
    b"<policy-file-request/>",
    b"<policy-file",
    b"GET ",
    b"POST / HTTP/1.0\r\n",
    b"\r\n\r\n",
    b"\0",
    b"LIST\0",
    b"PING 1\n",
    b"\x16\x03\x01",
    b"MSG alice hi\0",
    b"\xff\xfe",
    b"QUIT\0",
    b"PROXY TCP4 ",
    b"\xff\xfa",
    b"\xff\xf0\xef\xbb\xbf",
    b"PUTT / HTTP/1.1\n",
    b"\x81\x85abcd",
];
