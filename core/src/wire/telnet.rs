//! Telnet sequences inside a command (RFC 854, RFC 855): `plink -telnet` and others negotiate before they send a
//! line. Each sequence begins with IAC, 0xFF, which never occurs in UTF-8.

use alloc::vec::Vec;

use memchr::memchr;

/// Interpret as command: the first byte of every sequence.
pub(crate) const IAC: u8 = 0xff;

/// The byte after IAC that ends a subnegotiation.
pub(crate) const SE: u8 = 240;

const SB: u8 = 250;
const WILL: u8 = 251;
const DONT: u8 = 254;

/// What begins with an IAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// More bytes are needed.
    Partial,
    /// No telnet sequence: IAC and the bytes after it are content.
    None,
    /// A sequence of this many bytes.
    Whole(usize),
    /// The two bytes that begin a subnegotiation, which lasts until IAC SE and may hold NUL and LF.
    Subnegotiation,
}

/// Reads the sequence at the start of `bytes`, which begin with IAC.
pub(crate) fn sequence(bytes: &[u8]) -> Sequence {
    match bytes {
        [_] | [_, WILL..=DONT] => Sequence::Partial,
        [_, SB, ..] => Sequence::Subnegotiation,
        [_, WILL..=DONT, _, ..] => Sequence::Whole(3),
        [_, SE..=249, ..] => Sequence::Whole(2),
        // Two IACs stand for one byte of content, which is not UTF-8 either.
        [_, IAC | 0..SE, ..] | [] => Sequence::None,
    }
}

/// A part of a command, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Content(&'a [u8]),
    /// A sequence, which may be a whole subnegotiation or unfinished.
    Telnet(&'a [u8]),
}

/// The parts of a command, in order.
pub(crate) fn pieces(mut bytes: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    core::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let at = next_sequence(bytes);
        let (piece, rest) = if at > 0 {
            let (content, rest) = bytes.split_at(at);
            (Piece::Content(content), rest)
        } else {
            let (telnet, rest) = bytes.split_at(length(bytes));
            (Piece::Telnet(telnet), rest)
        };
        bytes = rest;
        Some(piece)
    })
}

/// The start of the next sequence, or the end of the bytes.
fn next_sequence(bytes: &[u8]) -> usize {
    let mut from = 0;
    while let Some(at) = memchr(IAC, &bytes[from..]) {
        match sequence(&bytes[from + at..]) {
            Sequence::Whole(_) | Sequence::Subnegotiation => return from + at,
            // A second IAC is content like the first.
            Sequence::None => from += at + 1 + usize::from(bytes[from + at + 1] == IAC),
            Sequence::Partial => return bytes.len(),
        }
    }
    bytes.len()
}

/// The length of the sequence that begins here; for a subnegotiation, up to its end.
fn length(bytes: &[u8]) -> usize {
    let Sequence::Whole(length) = sequence(bytes) else {
        return subnegotiation(bytes);
    };
    length
}

fn subnegotiation(bytes: &[u8]) -> usize {
    let mut from = 2;
    while let Some(at) = memchr(IAC, &bytes[from..]) {
        match bytes.get(from + at + 1) {
            Some(&SE) => return from + at + 2,
            Some(_) => from += at + 2,
            None => break,
        }
    }
    bytes.len()
}

/// What a recording keeps of a [`Piece::Telnet`], or of the part of one in a
/// [`Frame::Noise`](super::framing::Frame::Noise): as many bytes, with the same effect.
pub(crate) fn redacted(bytes: &[u8], out: &mut Vec<u8>) {
    let (kept, rest) = match bytes {
        [IAC, second, ..] if *second >= SE => bytes.split_at(2),
        [IAC, _, ..] => (&[IAC, IAC][..], &bytes[2..]),
        _ => bytes.split_at(0),
    };
    out.extend_from_slice(kept);
    let end = rest.ends_with(&[IAC, SE]) && kept.get(1) == Some(&SB);
    let inner = rest.len() - if end { 2 } else { 0 };
    out.extend(rest[..inner].iter().map(|_| b'x'));
    out.extend_from_slice(&rest[inner..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(bytes: &[u8]) -> Vec<u8> {
        let content = pieces(bytes).filter_map(|piece| match piece {
            Piece::Content(content) => Some(content),
            Piece::Telnet(_) => None,
        });
        content.flatten().copied().collect()
    }

    #[test]
    fn sequences_are_dropped_and_all_else_is_content() {
        let cases: [(&[u8], &[u8]); 13] = [
            (b"LIST", b"LIST"),
            (b"\xff\xfb\x1fLI\xff\xf1ST\xff\xfd\0", b"LIST"),
            (b"a\xff\xfa\x1f\0P\0\x18\xff\xf0b", b"ab"),
            (b"a\xff\xfa\xff\xff\xff\xf0b", b"ab"),
            (b"a\xff\xfa\xff\xf1\xff\xf0b", b"ab"),
            (b"a\xff\xfa\x1f\0P", b"a"),
            (b"a\xff\xfa\xff", b"a"),
            (b"a\xff\xff\xf1b", b"a\xff\xff\xf1b"),
            (b"a\xff", b"a\xff"),
            (b"a\xff\xfb", b"a\xff\xfb"),
            (b"a\xffb", b"a\xffb"),
            (b"a\xff\xefb\xff\xf0c", b"a\xff\xefbc"),
            (b"", b""),
        ];
        for (bytes, expected) in cases {
            assert_eq!(content(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_recording_keeps_no_word_of_them() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"\xff\xfb\x1f", b"\xff\xfbx"),
            (b"\xff\xf1", b"\xff\xf1"),
            (b"\xff\xfaUSER\0bob\xff\xf0", b"\xff\xfaxxxxxxxx\xff\xf0"),
            (b"\xff\xfaUSER", b"\xff\xfaxxxx"),
            (b"bob", b"xxx"),
            (b"\xffb", b"\xff\xff"),
            (b"\xff\xf0", b"\xff\xf0"),
        ];
        for (bytes, expected) in cases {
            let mut out = Vec::new();
            redacted(bytes, &mut out);
            assert_eq!(out, expected, "{}", bytes.escape_ascii());
        }
    }
}
