//! How a client encodes a command, and where the answers in the bytes it reads begin and end.

use crate::fault::Fault;

/// The form of what is sent over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Ended by NUL.
    Raw,
    /// Ended by NUL, over TLS.
    Tls,
    /// Ended by NUL, in binary WebSocket messages.
    Binary,
    /// Text WebSocket messages.
    Text,
    /// Lines, to and from an IRC server.
    Irc,
}

/// What was found at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// An answer without its ending, and how many bytes it took.
    Answer(&'a [u8], usize),
    /// A WebSocket ping, and how many bytes it took.
    Ping(usize),
    /// A WebSocket close frame, and how many bytes it took.
    Close(usize),
    /// More bytes are needed.
    Partial,
}

impl Wire {
    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Tls => "tls",
            Self::Binary => "binary",
            Self::Text => "text",
            Self::Irc => "irc",
        }
    }

    /// Appends a command as this wire has it.
    pub(crate) fn put(self, command: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Raw | Self::Tls => {
                out.extend(command);
                out.push(0);
            }
            Self::Binary => masked(0x82, &[command, b"\0"], out),
            Self::Text => masked(0x81, &[command], out),
            Self::Irc => {
                out.extend(command);
                out.extend(b"\r\n");
            }
        }
    }

    /// Appends the answer to a WebSocket ping.
    pub(crate) fn put_pong(out: &mut Vec<u8>) {
        masked(0x8a, &[], out);
    }

    /// Looks for the first answer in some bytes.
    pub(crate) fn find(self, bytes: &[u8]) -> Result<Found<'_>, Fault> {
        match self {
            Self::Raw | Self::Tls => Ok(ended(bytes, 0, b"")),
            Self::Irc => Ok(ended(bytes, b'\n', b"\r")),
            Self::Binary => match message(bytes, 0x82)? {
                Found::Answer(answer, taken) => match answer.strip_suffix(b"\0") {
                    Some(answer) => Ok(Found::Answer(answer, taken)),
                    None => Err(Fault::wrong("a binary message without a NUL", answer)),
                },
                other @ (Found::Ping(_) | Found::Close(_) | Found::Partial) => Ok(other),
            },
            Self::Text => message(bytes, 0x81),
        }
    }
}

fn ended<'a>(bytes: &'a [u8], end: u8, before: &[u8]) -> Found<'a> {
    match bytes.iter().position(|byte| *byte == end) {
        Some(at) => {
            let answer = &bytes[..at];
            Found::Answer(answer.strip_suffix(before).unwrap_or(answer), at + 1)
        }
        None => Found::Partial,
    }
}

/// A server's frames: whole messages, and no mask.
fn message(bytes: &[u8], first: u8) -> Result<Found<'_>, Fault> {
    let &[opcode, short, ref rest @ ..] = bytes else {
        return Ok(Found::Partial);
    };
    let (length, head) = match (short, rest) {
        (126, &[a, b, ..]) => (usize::from(u16::from_be_bytes([a, b])), 4),
        (127, &[a, b, c, d, e, f, g, h, ..]) => {
            let length = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            (length as usize, 10)
        }
        (126 | 127, _) => return Ok(Found::Partial),
        (short, _) => (usize::from(short), 2),
    };
    let Some(payload) = bytes.get(head..head + length) else {
        return Ok(Found::Partial);
    };
    if opcode == first {
        Ok(Found::Answer(payload, head + length))
    } else if opcode == PING {
        Ok(Found::Ping(head + length))
    } else if opcode == CLOSE {
        Ok(Found::Close(head + length))
    } else {
        Err(Fault::wrong("an unknown WebSocket frame", bytes))
    }
}

/// A client's frame, which is masked.
fn masked(first: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.push(first);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length), _) if length < 126 => out.push(0x80 | length),
        (_, Ok(length)) => {
            out.push(0x80 | 126);
            out.extend(length.to_be_bytes());
        }
        _ => unreachable!("no command here is so long"),
    }
    out.extend(MASK);
    let bytes = parts.iter().flat_map(|part| part.iter());
    out.extend(bytes.zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
}

const PING: u8 = 0x89;
const CLOSE: u8 = 0x88;

/// Any will do; zeros would spare a server its work.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        for (wire, bytes) in [
            (Wire::Raw, b"Hi\0".as_slice()),
            (Wire::Irc, b"Hi\r\n"),
            (Wire::Text, b"\x81\x82\x37\xfa\x21\x3d\x7f\x93"),
            (Wire::Binary, b"\x82\x83\x37\xfa\x21\x3d\x7f\x93\x21"),
        ] {
            let mut out = Vec::new();
            wire.put(b"Hi", &mut out);
            assert_eq!(out, bytes, "{wire:?}");
        }
        let mut out = Vec::new();
        Wire::Text.put(&[b'x'; 300], &mut out);
        assert_eq!(out[..4], [0x81, 0xfe, 1, 44]);
        assert_eq!(out.len(), 4 + 4 + 300);
    }

    #[test]
    fn answers() {
        let long = [&[0x81, 126, 0, 200][..], &[b'x'; 200]].concat();
        let longer = [&[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &[b'x'; 65536]].concat();
        for (wire, bytes, answer, taken) in [
            (Wire::Raw, b"Hi\0more".as_slice(), b"Hi".as_slice(), 3),
            (Wire::Irc, b"Hi\r\nmore", b"Hi", 4),
            (Wire::Text, b"\x81\x02Himore", b"Hi", 4),
            (Wire::Binary, b"\x82\x03Hi\0more", b"Hi", 5),
            (Wire::Text, &long, &[b'x'; 200], 204),
            (Wire::Text, &longer, &[b'x'; 65536], 65546),
        ] {
            let found = wire.find(bytes).unwrap();
            assert_eq!(found, Found::Answer(answer, taken), "{wire:?}");
            for end in 0..taken {
                assert_eq!(wire.find(&bytes[..end]).unwrap(), Found::Partial);
            }
        }
        assert_eq!(Wire::Text.find(b"\x89\0").unwrap(), Found::Ping(2));
        let close = Wire::Binary.find(b"\x88\x02\x03\xe8");
        assert_eq!(close.unwrap(), Found::Close(4));
        for (wire, bytes) in [
            (Wire::Text, b"\x82\x01x".as_slice()),
            (Wire::Binary, b"\x82\x01x"),
            (Wire::Binary, b"\x8a\x02\x03\xe8"),
        ] {
            wire.find(bytes).unwrap_err();
        }
    }
}
