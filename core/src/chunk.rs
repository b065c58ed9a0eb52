//! What leaves the core: bytes encoded once, in the wire form of each connection they go to.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::id::{ConnId, RoomId};
use crate::wire::websocket::{self, MAX_HEAD, Opcode};
use crate::xml;

/// Bytes to write: a few of its own, then some that all connections share. A clone copies only the few.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk {
    /// For a [part](Self::part), the number of bytes in front of it in the body.
    head: [u8; MAX_HEAD],
    /// Bytes of the head, or [`PART`].
    head_len: u8,
    /// The number of bytes of head and body that do not belong to this chunk. In a [part](Self::part) they stand on
    /// both sides, otherwise at the end.
    trimmed: u32,
    body: Arc<[u8]>,
}

impl Chunk {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self::shared(Arc::from(bytes))
    }

    /// A frame of a WebSocket.
    pub(crate) fn frame(opcode: Opcode, payload: &[u8]) -> Self {
        Self::shared(Arc::from(payload)).framed(opcode, 0)
    }

    fn shared(body: Arc<[u8]>) -> Self {
        Self {
            head: [0; MAX_HEAD],
            head_len: 0,
            trimmed: 0,
            body,
        }
    }

    /// Some bytes of a body without a head. `None` if they are not in it, or it is larger than 4 GiB.
    pub(crate) fn part(&self, from: usize, length: usize) -> Option<Self> {
        let left_out = self.body.len().checked_sub(length)?;
        let (front, left_out) = (u32::try_from(from).ok()?, u32::try_from(left_out).ok()?);
        left_out.checked_sub(front)?;
        let mut head = [0; MAX_HEAD];
        *head.first_chunk_mut()? = front.to_ne_bytes();
        Some(Self {
            head,
            head_len: PART,
            // The length is then calculated as for any other chunk.
            trimmed: left_out.checked_add(PART.into())?,
            body: Arc::clone(&self.body),
        })
    }

    fn framed(self, opcode: Opcode, trimmed: u32) -> Self {
        let length = self.body.len() - trimmed as usize;
        let (head, size) = websocket::head(opcode, length);
        Self {
            head,
            head_len: size as u8,
            trimmed,
            ..self
        }
    }

    /// How many bytes it holds; never 0 for a chunk of a gateway.
    #[expect(
        clippy::len_without_is_empty,
        reason = "no chunk of a gateway is empty"
    )]
    pub fn len(&self) -> usize {
        usize::from(self.head_len) + self.body.len() - self.trimmed as usize
    }

    /// The memory in bytes that it takes while it waits in [`Chunks`](crate::Chunks), as if no other connection
    /// shared its body: a place in the queue, and the allocation of the body. The limits on queues are limits on
    /// this. It is the same number on every machine, so that decisions are the same; on a 32-bit machine it is
    /// more than a chunk takes.
    #[inline]
    pub fn memory(&self) -> usize {
        PLACE + (self.body.len() + AROUND).next_multiple_of(ROUNDED)
    }

    /// The bytes, in order, without the first `from`: two slices to write, each of which may be empty.
    pub fn slices(&self, from: usize) -> [&[u8]; 2] {
        let Some(head) = self.head.get(..usize::from(self.head_len)) else {
            return self.part_slices(from);
        };
        let body = &self.body[..self.body.len() - self.trimmed as usize];
        let in_body = from.saturating_sub(head.len()).min(body.len());
        [&head[from.min(head.len())..], &body[in_body..]]
    }

    #[cold]
    fn part_slices(&self, from: usize) -> [&[u8]; 2] {
        let front = self.head.first_chunk().copied().unwrap_or_default();
        let part = &self.body[u32::from_ne_bytes(front) as usize..][..self.len()];
        [&[], &part[from.min(part.len())..]]
    }

    /// The bytes in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        self.slices(0).concat()
    }
}

/// Bytes of a runtime's own, as tests of its queues need them. A gateway makes its chunks itself.
impl From<&[u8]> for Chunk {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [head, body] = self.slices(0);
        write!(f, "Chunk(\"{}", head.escape_ascii())?;
        write!(f, "{}\")", body.escape_ascii())
    }
}

/// Something said in the chat: XML and the NUL that ends it, encoded once for every wire form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message(Arc<[u8]>);

/// The wire form in which a connection gets messages. It changes when the connection sends its first text
/// message, or its first command in a code page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// XML, ended by NUL.
    #[default]
    Stream,
    /// Each in a binary WebSocket frame, with its NUL: the client reads the frames as a stream.
    Binary,
    /// Each in a WebSocket text frame, without a NUL.
    Text,
    /// As a stream, for a client that has sent a command in a code page: each character beyond ASCII is a
    /// character reference, which is correct in every code page.
    AsciiStream,
    /// The same in binary WebSocket frames.
    AsciiBinary,
}

impl Form {
    /// All forms, each at the index of its number.
    pub const ALL: [Self; 5] = [
        Self::Stream,
        Self::Binary,
        Self::Text,
        Self::AsciiStream,
        Self::AsciiBinary,
    ];

    pub(crate) fn is_ascii(self) -> bool {
        match self {
            Self::AsciiStream | Self::AsciiBinary => true,
            Self::Stream | Self::Binary | Self::Text => false,
        }
    }

    /// The form of a connection from its first command in a code page on. No text message is in one.
    pub(crate) fn in_ascii(self) -> Self {
        match self {
            Self::Stream => Self::AsciiStream,
            Self::Binary => Self::AsciiBinary,
            Self::Text | Self::AsciiStream | Self::AsciiBinary => self,
        }
    }
}

impl Message {
    /// Encodes `xml`, which ends with a NUL.
    pub(crate) fn new(xml: &str) -> Self {
        Self::of(xml.as_bytes())
    }

    /// Encodes XML in parts, the last of which ends with a NUL.
    pub(crate) fn join(parts: &[&str]) -> Self {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        // Nearly every message comes together on the stack, so that it takes one allocation: its own.
        let mut buffer = [0; SHORT];
        let Some(room) = buffer.get_mut(..length) else {
            return Self::new(&parts.concat());
        };
        let mut at = 0;
        for part in parts {
            room[at..at + part.len()].copy_from_slice(part.as_bytes());
            at += part.len();
        }
        Self::of(room)
    }

    fn of(bytes: &[u8]) -> Self {
        debug_assert!(bytes.ends_with(b"\0"));
        Self(Arc::from(bytes))
    }

    /// The message as one form of connection gets it.
    pub(crate) fn to(&self, form: Form) -> Chunk {
        if form.is_ascii() {
            self.in_ascii().as_it_is(form)
        } else {
            self.as_it_is(form)
        }
    }

    /// The message with the characters that it has; in an ASCII form those have to be ASCII.
    pub(crate) fn as_it_is(&self, form: Form) -> Chunk {
        let chunk = Chunk::shared(Arc::clone(&self.0));
        match form {
            Form::Stream | Form::AsciiStream => chunk,
            Form::Binary | Form::AsciiBinary => chunk.framed(Opcode::Binary, 0),
            Form::Text => chunk.framed(Opcode::Text, 1),
        }
    }

    /// With a character reference for each character beyond ASCII (XML 1.0 section 4.1). All text is in
    /// attribute values, where one may stand.
    #[cold]
    pub(crate) fn in_ascii(&self) -> Self {
        match core::str::from_utf8(&self.0) {
            Ok(text) if !text.is_ascii() => Self::new(&xml::in_ascii(text)),
            Ok(_) | Err(_) => self.clone(),
        }
    }
}

/// A message that is kept and sent again; its ASCII form is made when it is first needed.
#[derive(Debug)]
pub(crate) struct Kept {
    message: Message,
    ascii: Option<Message>,
}

impl Kept {
    pub(crate) fn new(message: Message) -> Self {
        Self {
            message,
            ascii: None,
        }
    }

    /// The message as one form of connection gets it; all share its bytes.
    pub(crate) fn to(&mut self, form: Form) -> Chunk {
        if form.is_ascii() {
            let ascii = self.ascii.get_or_insert_with(|| self.message.in_ascii());
            ascii.as_it_is(form)
        } else {
            self.message.as_it_is(form)
        }
    }
}

/// The length of the head of a part: more than a head has.
const PART: u8 = u8::MAX;

/// A place in a queue, with the half that the queue may have too much.
pub(crate) const PLACE: usize = 48;

/// Two counters stand before a shared body, and a word of most allocators' own; they round to two words.
const AROUND: usize = 24;
const ROUNDED: usize = 16;

/// Bytes of a message that is put together on the stack.
const SHORT: usize = 512;

/// The connections that receive a broadcast, all of one form: a snapshot from the moment of the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipients {
    audience: Audience,
    form: Form,
    ids: Arc<[ConnId]>,
    split: Option<Arc<Split>>,
}

/// The recipients of a broadcast, if some of their connections have filters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// The connections with a filter. Each of them gets bytes of its own.
    pub(crate) alone: Vec<ConnId>,
    /// The other connections, which share their bytes.
    pub(crate) shared: Recipients,
}

/// Which elements a connection's client knows. It changes once, when the client sends the first command beyond
/// those of 2007.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Those of 2007.
    #[default]
    One,
    /// All.
    Two,
}

/// Connections that get the same messages in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Audience {
    /// Everyone online.
    Everyone,
    /// Everyone online whose client knows these elements.
    Level(Level),
    /// The members of a room.
    Room(RoomId),
}

impl Audience {
    /// A number that no other audience has; 0 for everyone.
    pub fn number(self) -> u64 {
        match self {
            Self::Everyone => 0,
            Self::Level(Level::One) => 1,
            Self::Level(Level::Two) => 2,
            // A server has far fewer than 2^32 - 3 rooms at once.
            Self::Room(room) => room.to_bits().saturating_add(3),
        }
    }
}

impl Recipients {
    pub(crate) fn new(audience: Audience, form: Form, ids: impl Iterator<Item = ConnId>) -> Self {
        let ids = ids.collect();
        Self {
            audience,
            form,
            ids,
            split: None,
        }
    }

    /// These recipients, divided into the connections with a filter and the others.
    pub(crate) fn divided(self, alone: Vec<ConnId>, shared: Self) -> Self {
        let split = Some(Arc::new(Split { alone, shared }));
        Self { split, ..self }
    }

    /// The connections with a filter and the others; `None` if no connection has a filter.
    pub(crate) fn split(&self) -> Option<&Split> {
        self.split.as_deref()
    }

    /// The audience that they belong to.
    pub fn audience(&self) -> Audience {
        self.audience
    }

    /// The wire form they share. Consecutive broadcasts to one audience in one form are the same bytes for
    /// every connection that receives all of them, so a runtime may store them once.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Each connection once, in order of login, or of joining the room.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ConnId> + '_ {
        self.ids.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn forms() {
        let text = format!("{}\0", "x".repeat(125));
        for message in ["<a/>\0", &text] {
            let message = Message::new(message);
            let length = message.0.len();
            let body = &message.0[..];
            let binary: &[u8] = if length < 126 {
                b"\x82\x05"
            } else {
                b"\x82\x7e\0\x7e"
            };
            let head: &[u8] = if length < 126 {
                b"\x81\x04"
            } else {
                b"\x81\x7d"
            };
            for (form, bytes) in [
                (Form::Stream, body.to_vec()),
                (Form::Binary, [binary, body].concat()),
                (Form::Text, [head, &body[..length - 1]].concat()),
            ] {
                let chunk = message.to(form);
                assert_eq!(chunk.len(), bytes.len(), "{form:?}");
                for from in 0..=bytes.len() {
                    assert_eq!(chunk.slices(from).concat(), &bytes[from..], "{form:?}");
                }
                assert!(Arc::ptr_eq(&chunk.body, &message.0), "encoded once");
            }
        }
    }

    #[test]
    fn references_for_what_is_not_ascii() {
        let message = Message::new("<a b=\"é€🦀&amp;\"/>\0");
        let ascii = b"<a b=\"&#233;&#8364;&#129408;&amp;\"/>\0";
        assert_eq!(message.to(Form::AsciiStream).to_vec(), ascii);
        let framed = [&[0x82, ascii.len() as u8][..], ascii].concat();
        assert_eq!(message.to(Form::AsciiBinary).to_vec(), framed);
        let message = Message::new("<a b=\"&amp;\"/>\0");
        let chunk = message.to(Form::AsciiStream);
        assert!(Arc::ptr_eq(&chunk.body, &message.0), "ASCII is shared");
    }

    #[test]
    fn parts_come_together_whatever_their_length() {
        for length in [0, 1, SHORT - 2, SHORT - 1, SHORT, 3 * SHORT] {
            let long = "x".repeat(length);
            let whole = format!("{long}\0");
            assert_eq!(Message::join(&["", &long, "\0"]), Message::new(&whole));
        }
    }

    #[test]
    fn a_chunk_shows_its_bytes() {
        let chunk = Message::new("<a b=\"\"/>\0").to(Form::Text);
        assert_eq!(format!("{chunk:?}"), r#"Chunk("\x81\t<a b=\"\"/>")"#);
    }

    #[test]
    fn parts_share_the_body() {
        let whole = Chunk::new(b"0123456789");
        for from in 0..=10 {
            for length in 0..=10 - from {
                let part = whole.part(from, length).unwrap();
                assert!(Arc::ptr_eq(&part.body, &whole.body));
                assert_eq!((part.len(), part.memory()), (length, whole.memory()));
                let bytes = &b"0123456789"[from..from + length];
                for written in 0..=length {
                    assert_eq!(part.slices(written).concat(), &bytes[written..]);
                }
            }
            assert_eq!(whole.part(from, 11 - from), None);
        }
        assert_eq!((whole.part(11, 0), whole.part(usize::MAX, 1)), (None, None));
        assert_eq!(whole.part(1, usize::MAX), None);
    }

    #[test]
    fn a_chunk_is_small() {
        assert!(size_of::<Chunk>() <= 32);
    }
}
