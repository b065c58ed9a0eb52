//! The server's side of WebSocket (RFC 6455): a decoder of client frames, and heads of server frames.
//!
//! The [`Decoder`] can go on at any byte and stores no bytes: the caller passes what was not used yet, and the
//! decoder returns how much it used. It unmasks payload into a buffer of the caller as it arrives. Only the head of
//! a frame, and a control frame, must be there in one piece (at most 131 bytes). It answers nothing by itself: the
//! caller decides what a ping, a close or a broken rule leads to.
//!
//! There are no extensions, so their bits are an error.

mod errors;
mod handshake;
#[cfg(test)]
mod tests;
mod utf8;

pub use handshake::{Handshake, Refusal};
pub(crate) use handshake::{is_key, names_key};

use alloc::vec::Vec;

use crate::wiped;
use utf8::Utf8;

/// Reads one client's frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decoder {
    /// The unfinished data message: its kind, and its bytes so far.
    message: Option<(Kind, u64)>,
    /// The unfinished data frame.
    frame: Option<Open>,
    text: Utf8,
}

/// A data frame whose head was read.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// Bytes of payload that have not arrived.
    left: u64,
    /// The masking key, rotated to begin with the key of the next byte.
    key: [u8; 4],
    fin: bool,
}

/// The two kinds of data messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

/// What the input begins with, and how many bytes of it that takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// More bytes are needed; none is used.
    Partial,
    /// A part of a data message. It may have no payload, since the head of a frame is reported at once.
    Data {
        /// Bytes used.
        used: usize,
        /// What the message is.
        kind: Kind,
        /// Whether this is the end of the message.
        end: bool,
    },
    /// A ping, to be answered with a pong of the same payload.
    Ping(usize, Payload),
    /// A pong, asked for or not.
    Pong(usize),
    /// A close, with its code. Bytes after it have no meaning.
    Close(usize, Option<CloseCode>),
}

/// The payload of a control frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    bytes: [u8; MAX_CONTROL],
    len: u8,
}

/// Why a WebSocket is closed (RFC 6455 section 7.4 and its registry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CloseCode(u16);

/// The rule of RFC 6455 that a client has broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A reserved bit is set (section 5.2).
    ReservedBits,
    /// The opcode is not defined (section 5.2).
    ReservedOpcode,
    /// The frame is not masked (section 5.1).
    Unmasked,
    /// The length is not in its shortest form, or over 63 bits (section 5.2).
    Length,
    /// A control frame in fragments (section 5.5).
    FragmentedControl,
    /// A control frame over 125 bytes (section 5.5).
    LongControl,
    /// A continuation frame without a message (section 5.4).
    UnexpectedContinuation,
    /// A new message inside another (section 5.4).
    ExpectedContinuation,
    /// The payload of a close is one byte (section 5.5.1).
    HalfCloseCode,
    /// A close code that must not be sent (section 7.4).
    BadCloseCode,
    /// The reason of a close is not UTF-8 (section 5.5.1).
    BadCloseReason,
    /// A text message is not UTF-8 (section 8.1).
    BadText,
    /// A text message is longer than the limit.
    LongText,
}

impl Decoder {
    /// Whether the next byte begins a frame.
    pub(crate) fn is_between_frames(&self) -> bool {
        self.frame.is_none()
    }

    /// Whether a data message has begun and not ended.
    pub(crate) fn is_in_message(&self) -> bool {
        self.message.is_some()
    }

    /// Decodes the start of `input`, the bytes that were not used so far. Appends the payload of data messages to
    /// `out`, and wipes memory that `out` outgrows. A text message may have `max_text` bytes.
    ///
    /// After a close or an error, do not call it again.
    pub fn decode(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        max_text: usize,
    ) -> Result<Decoded, Violation> {
        if let (Some((kind, _)), Some(open)) = (self.message, self.frame) {
            return self.payload(input, 0, kind, open, out);
        }
        let Some(head) = Head::read(input)? else {
            return Ok(Decoded::Partial);
        };
        let kind = match head.opcode {
            Opcode::Ping | Opcode::Pong | Opcode::Close => return control(&head, input),
            Opcode::Continuation => match self.message {
                Some((kind, _)) => kind,
                None => return Err(Violation::UnexpectedContinuation),
            },
            Opcode::Text | Opcode::Binary if self.message.is_some() => {
                return Err(Violation::ExpectedContinuation);
            }
            Opcode::Text => Kind::Text,
            Opcode::Binary => Kind::Binary,
        };
        let before = self.message.map_or(0, |(_, length)| length);
        let length = before.saturating_add(head.length);
        if kind == Kind::Text && length > max_text as u64 {
            return Err(Violation::LongText);
        }
        self.message = Some((kind, length));
        let open = Open {
            left: head.length,
            key: head.key,
            fin: head.fin,
        };
        self.payload(input, head.size, kind, open, out)
    }

    fn payload(
        &mut self,
        input: &[u8],
        from: usize,
        kind: Kind,
        mut open: Open,
        out: &mut Vec<u8>,
    ) -> Result<Decoded, Violation> {
        let here = &input[from..];
        let here = &here[..here
            .len()
            .min(usize::try_from(open.left).unwrap_or(usize::MAX))];
        if from == 0 && here.is_empty() && open.left > 0 {
            return Ok(Decoded::Partial);
        }
        let start = out.len();
        wiped::append(out, here);
        unmask(&mut out[start..], open.key);
        if kind == Kind::Text && !self.text.take(&out[start..]) {
            return Err(Violation::BadText);
        }
        open.left -= here.len() as u64;
        open.key.rotate_left(here.len() % 4);
        let end = open.left == 0 && open.fin;
        self.frame = (open.left > 0).then_some(open);
        if end {
            self.message = None;
            if !self.text.is_whole() {
                return Err(Violation::BadText);
            }
        }
        Ok(Decoded::Data {
            used: from + here.len(),
            kind,
            end,
        })
    }
}

/// A whole control frame, or not yet.
fn control(head: &Head, input: &[u8]) -> Result<Decoded, Violation> {
    // A control frame has at most 125 bytes: reading the head has seen to it.
    let used = head.size + head.length as usize;
    let Some(masked) = input.get(head.size..used) else {
        return Ok(Decoded::Partial);
    };
    let payload = Payload::unmasked(masked, head.key);
    match head.opcode {
        Opcode::Ping => Ok(Decoded::Ping(used, payload)),
        Opcode::Pong => Ok(Decoded::Pong(used)),
        Opcode::Close => Ok(Decoded::Close(used, close_code(payload.as_bytes())?)),
        Opcode::Continuation | Opcode::Text | Opcode::Binary => Ok(Decoded::Partial),
    }
}

fn close_code(payload: &[u8]) -> Result<Option<CloseCode>, Violation> {
    match payload {
        [] => Ok(None),
        [_] => Err(Violation::HalfCloseCode),
        [high, low, reason @ ..] => {
            let Some(code) = CloseCode::read([*high, *low]) else {
                return Err(Violation::BadCloseCode);
            };
            match core::str::from_utf8(reason) {
                Ok(_) => Ok(Some(code)),
                Err(_) => Err(Violation::BadCloseReason),
            }
        }
    }
}

/// The first bytes of a client's frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) fin: bool,
    pub(crate) opcode: Opcode,
    pub(crate) length: u64,
    pub(crate) key: [u8; 4],
    /// Bytes of the head itself.
    pub(crate) size: usize,
}

impl Head {
    /// Reads a head; `None` if it is incomplete. A broken rule is reported as soon as its bytes are there.
    pub(crate) fn read(input: &[u8]) -> Result<Option<Self>, Violation> {
        let Some(first) = input.first() else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(Violation::ReservedBits);
        }
        let opcode = Opcode::read(first & 0x0f).ok_or(Violation::ReservedOpcode)?;
        let fin = first & 0x80 != 0;
        if opcode.is_control() && !fin {
            return Err(Violation::FragmentedControl);
        }
        let Some(second) = input.get(1) else {
            return Ok(None);
        };
        if second & 0x80 == 0 {
            return Err(Violation::Unmasked);
        }
        if opcode.is_control() && second & 0x7f > MAX_CONTROL as u8 {
            return Err(Violation::LongControl);
        }
        let (length, key_at) = match second & 0x7f {
            126 => match input.get(2..4) {
                Some(&[a, b]) => (u64::from(u16::from_be_bytes([a, b])), 4),
                Some(_) | None => return Ok(None),
            },
            127 => match input.get(2..10).and_then(|bytes| bytes.try_into().ok()) {
                Some(bytes) => (u64::from_be_bytes(bytes), 10),
                None => return Ok(None),
            },
            length => (u64::from(length), 2),
        };
        let shortest = match key_at {
            4 => length > 125,
            10 => length > 0xffff && length >> 63 == 0,
            _ => true,
        };
        if !shortest {
            return Err(Violation::Length);
        }
        let size = key_at + 4;
        let key = input.get(key_at..size).and_then(|key| key.try_into().ok());
        Ok(key.map(|key| Self {
            fin,
            opcode,
            length,
            key,
            size,
        }))
    }
}

/// What a frame is (section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// Goes on with a message.
    Continuation = 0x0,
    /// Begins a text message.
    Text = 0x1,
    /// Begins a binary message.
    Binary = 0x2,
    /// Closes the connection.
    Close = 0x8,
    /// Asks for a pong.
    Ping = 0x9,
    /// Answers a ping.
    Pong = 0xa,
}

impl Opcode {
    fn read(bits: u8) -> Option<Self> {
        const ALL: [Opcode; 6] = [
            Opcode::Continuation,
            Opcode::Text,
            Opcode::Binary,
            Opcode::Close,
            Opcode::Ping,
            Opcode::Pong,
        ];
        ALL.into_iter().find(|opcode| *opcode as u8 == bits)
    }

    pub(crate) fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// The head of the unmasked frame in which a server sends a whole message of `length` bytes.
pub fn head(opcode: Opcode, length: usize) -> ([u8; MAX_HEAD], usize) {
    let mut head = [0; MAX_HEAD];
    head[0] = 0x80 | opcode as u8;
    let size = match length {
        0..=125 => {
            head[1] = length as u8;
            2
        }
        126..=0xffff => {
            head[1] = 126;
            head[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            4
        }
        _ => {
            head[1] = 127;
            head[2..10].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    (head, size)
}

/// Masks or unmasks (section 5.3).
pub(crate) fn unmask(bytes: &mut [u8], key: [u8; 4]) {
    let (words, rest) = bytes.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

impl Payload {
    /// Takes the mask off the payload of a control frame.
    pub(crate) fn unmasked(masked: &[u8], key: [u8; 4]) -> Self {
        let mut payload = Self {
            bytes: [0; MAX_CONTROL],
            len: masked.len() as u8,
        };
        let bytes = &mut payload.bytes[..masked.len()];
        bytes.copy_from_slice(masked);
        unmask(bytes, key);
        payload
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl core::fmt::Debug for Payload {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Payload(\"{}\")", self.as_bytes().escape_ascii())
    }
}

impl CloseCode {
    /// Normal closure.
    pub const NORMAL: Self = Self(1000);
    /// The server stops, or the page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// A rule of the protocol was broken.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// A kind of data that is not accepted.
    pub const UNSUPPORTED: Self = Self(1003);
    /// Text that is not UTF-8.
    pub const INVALID_DATA: Self = Self(1007);
    /// The server's policy was violated.
    pub const POLICY: Self = Self(1008);
    /// A message that is too long.
    pub const TOO_BIG: Self = Self(1009);
    /// Full: try again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The code in these bytes, if it may be sent.
    pub(crate) fn read(bytes: [u8; 2]) -> Option<Self> {
        let code = Self(u16::from_be_bytes(bytes));
        code.may_be_sent().then_some(code)
    }

    /// Whether an endpoint may send it: the codes that RFC 6455 and its registry define for frames, and those of
    /// libraries and applications.
    fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl Violation {
    /// What to close the connection with.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::ReservedBits
            | Self::ReservedOpcode
            | Self::Unmasked
            | Self::Length
            | Self::FragmentedControl
            | Self::LongControl
            | Self::UnexpectedContinuation
            | Self::ExpectedContinuation
            | Self::HalfCloseCode
            | Self::BadCloseCode => CloseCode::PROTOCOL_ERROR,
            Self::BadCloseReason | Self::BadText => CloseCode::INVALID_DATA,
            Self::LongText => CloseCode::TOO_BIG,
        }
    }
}

/// Bytes in the payload of a control frame (section 5.5).
pub const MAX_CONTROL: usize = 125;

/// Bytes in the head of an unmasked frame.
pub const MAX_HEAD: usize = 10;
