//! Checks what each client gets from a gateway, and what all of them get.

use std::collections::BTreeSet;

use flashgate_core::{Audience, ConnId};

/// What a connection has received so far.
#[derive(Debug, Default)]
pub(super) struct Listener {
    speaks: Speaks,
    /// It has got the answer to its IDENTIFY.
    online: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Speaks {
    /// Raw chat, HTTP, policy; or nothing yet.
    #[default]
    Stream,
    /// A WebSocket, with the opcode of the data that it got, if any.
    Frames(Option<u8>),
    /// A WebSocket that got a close.
    Closed,
}

impl Listener {
    /// Takes the bytes of one write.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty());
        match self.speaks {
            Speaks::Stream if bytes.starts_with(b"HTTP/1.1 101 ") => {
                assert!(bytes.ends_with(b"\r\n\r\n"));
                self.speaks = Speaks::Frames(None);
            }
            Speaks::Stream => self.online |= bytes.starts_with(b"<identify "),
            Speaks::Frames(data) => self.speaks = self.frame(data, bytes),
            Speaks::Closed => panic!("nothing comes after a close: {}", bytes.escape_ascii()),
        }
    }

    fn frame(&mut self, data: Option<u8>, bytes: &[u8]) -> Speaks {
        let (opcode, payload) = frame(bytes);
        match opcode {
            BINARY | TEXT => {
                assert!(data.is_none_or(|data| data == opcode), "it speaks one kind");
                let xml = match opcode {
                    BINARY => payload.strip_suffix(b"\0").expect("a NUL ends an answer"),
                    _ => payload,
                };
                assert!(xml.starts_with(b"<") && xml.ends_with(b">") && !xml.contains(&0));
                assert!(std::str::from_utf8(xml).is_ok());
                self.online |= xml.starts_with(b"<identify ");
                Speaks::Frames(Some(opcode))
            }
            PING | PONG => {
                assert!(payload.len() <= 125 && (opcode == PONG || payload.is_empty()));
                Speaks::Frames(data)
            }
            CLOSE => {
                assert!(matches!(payload.len(), 0 | 2), "a code, no reason");
                Speaks::Closed
            }
            other => panic!("opcode {other}"),
        }
    }

    /// The text of an answer, whatever its form.
    pub(super) fn xml<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let payload = match self.speaks {
            Speaks::Stream => bytes,
            Speaks::Frames(_) | Speaks::Closed => frame(bytes).1,
        };
        payload.strip_suffix(b"\0").unwrap_or(payload)
    }

    pub(super) fn is_online(&self) -> bool {
        self.online
    }

    /// The server closes its side.
    pub(super) fn is_left(&self) {
        assert!(
            !matches!(self.speaks, Speaks::Frames(_)),
            "a WebSocket that listens hears a goodbye"
        );
    }
}

/// Reads `bytes` as exactly one frame: whole, unmasked, with its length in the shortest form.
fn frame(bytes: &[u8]) -> (u8, &[u8]) {
    assert_eq!(bytes[0] & 0xf0, 0x80, "whole, and no extension");
    let (length, at) = match bytes[1] {
        126 => (u64::from(u16::from_be_bytes([bytes[2], bytes[3]])), 4),
        127 => (
            u64::from_be_bytes(bytes[2..10].try_into().expect("eight bytes")),
            10,
        ),
        short => (u64::from(short), 2),
    };
    let payload = &bytes[at..];
    assert_eq!(payload.len() as u64, length, "one frame, and not masked");
    assert!(at == 2 || at == 4 && length > 125 || length > 0xffff);
    (bytes[0] & 0x0f, payload)
}

/// A broadcast under way, form by form.
#[derive(Debug, Default)]
pub(super) struct Broadcast {
    xml: Vec<u8>,
    audience: Option<Audience>,
    heard: BTreeSet<ConnId>,
}

impl Broadcast {
    pub(super) fn is_of(&self, audience: Audience, xml: &[u8]) -> bool {
        self.audience == Some(audience) && self.xml == xml
    }

    pub(super) fn hears(&mut self, id: ConnId, audience: Audience, xml: &[u8]) {
        self.xml = xml.to_vec();
        self.audience = Some(audience);
        assert!(self.heard.insert(id), "everyone hears it once");
    }

    /// Checks that the broadcast has reached everyone online, except a member that leaves, or one that has just logged
    /// in and has not got its answer yet. A broadcast to a room or a level has reached only members online.
    pub(super) fn all_heard(&mut self, online: impl Iterator<Item = ConnId>) {
        if !self.heard.is_empty() {
            let others = online.collect::<BTreeSet<_>>();
            let but = match self.audience {
                Some(Audience::Everyone) => others.symmetric_difference(&self.heard).count(),
                // Rooms and levels have fewer recipients: only strangers among them are a fault.
                Some(_) | None => self.heard.difference(&others).count(),
            };
            assert!(but <= 1, "{others:?} are online, {:?} heard", self.heard);
        }
        *self = Self::default();
    }
}

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
