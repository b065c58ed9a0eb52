//! The Flash socket policy: the request that Flash Player sends, and the document it wants.
//!
//! Adobe, "Policy file changes in Flash Player 9 and Flash Player 10": the request is
//! `<policy-file-request/>` and a NUL byte, the answer the document and a NUL byte.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::chunk::Chunk;
use crate::xml;

/// A policy document, ready to be sent on a socket (with its NUL) and over HTTP (without).
#[derive(Clone, Debug)]
pub struct Policy {
    socket: Chunk,
    http: Chunk,
}

impl Policy {
    /// Allows `domains` to connect to `ports`, a list as Flash has it: `80`, `80,8000-8010` or `*`.
    pub fn allow<'a>(domains: impl IntoIterator<Item = &'a str>, ports: &str) -> Self {
        let mut text = String::from("<?xml version=\"1.0\"?><cross-domain-policy>");
        for domain in domains {
            // Writing to a String does not fail.
            let _ = write!(
                text,
                "<allow-access-from domain=\"{}\" to-ports=\"{}\" />",
                xml::escaped(domain),
                xml::escaped(ports)
            );
        }
        text.push_str("</cross-domain-policy>");
        Self::from_document(&text)
    }

    /// Serves `document` as it stands. That it is well-formed is the caller's to check.
    pub fn from_document(document: &str) -> Self {
        let mut socket = Vec::from(document);
        socket.push(0);
        Self {
            http: Chunk::new(document.as_bytes()),
            socket: Chunk::new(&socket),
        }
    }

    pub(crate) fn socket(&self) -> Chunk {
        self.socket.clone()
    }

    pub(crate) fn http(&self) -> Chunk {
        self.http.clone()
    }
}

/// Everyone may connect to port 80, the port the original ran on.
impl Default for Policy {
    fn default() -> Self {
        Self::allow(["*"], "80")
    }
}

/// How the first bytes of a connection compare with a policy request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// They are something else.
    No,
    /// They may become one.
    Partial,
    /// They are one that lacks its terminator, which old players never send.
    Unterminated,
    /// They begin with one, which takes this many bytes.
    Complete(usize),
}

/// Compares `bytes`, the first of a connection, with `<policy-file-request/>` and its terminator.
pub(crate) fn request(bytes: &[u8]) -> Request {
    let common = bytes.len().min(NAME.len());
    let (first, name) = (&bytes[..common], &NAME[..common]);
    // Flash Player sends it as it stands here.
    if first != name && !first.eq_ignore_ascii_case(name) {
        return Request::No;
    }
    let rest = &bytes[common..];
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    match rest {
        [] | [b'/'] => Request::Partial,
        [b'/', b'>'] => Request::Unterminated,
        [b'/', b'>', b'\r'] => Request::Partial,
        [b'/', b'>', 0 | b'\n', more @ ..] | [b'/', b'>', b'\r', b'\n', more @ ..] => {
            Request::Complete(bytes.len() - more.len())
        }
        _ => Request::No,
    }
}

const NAME: &[u8] = b"<policy-file-request";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents() {
        let text = |policy: Policy| String::from_utf8(policy.http().to_vec()).unwrap();
        assert_eq!(
            text(Policy::default()),
            "<?xml version=\"1.0\"?><cross-domain-policy><allow-access-from domain=\"*\" to-ports=\"80\" /></cross-domain-policy>"
        );
        assert_eq!(
            text(Policy::allow(["a.example", "<&\">"], "80,90-99")),
            "<?xml version=\"1.0\"?><cross-domain-policy>\
             <allow-access-from domain=\"a.example\" to-ports=\"80,90-99\" />\
             <allow-access-from domain=\"&lt;&amp;&quot;&gt;\" to-ports=\"80,90-99\" /></cross-domain-policy>"
        );
        assert_eq!(Policy::from_document("<x/>").socket().to_vec(), b"<x/>\0");
    }
}
