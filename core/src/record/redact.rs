//! What a recording keeps of text: the class of each character, and of a command a known word and, of
//! IDENTIFY and MSG, whom it names.
//!
//! Every class stands for all characters that lead the core to the same decisions and to answers of
//! the same length, so that a replay of what is left does what was done.

use alloc::vec::Vec;

use crate::command::{self, Command};

/// Appends `bytes` with each character replaced by the one that stands for its class.
pub(super) fn classes(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            out.extend_from_slice(class(c).encode_utf8(&mut [0; 4]).as_bytes());
        }
        out.extend_from_slice(not_utf8(chunk.invalid()));
    }
}

fn class(c: char) -> char {
    match c {
        '0'..='9' => '0',
        'a'..='z' | 'A'..='Z' => 'x',
        // White space and terminators separate, and are escaped, each in its own way; so is markup.
        '\0' | '\t' | '\n' | '\x0b' | '\x0c' | '\r' | ' ' | '&' | '<' | '>' | '"' | '\'' => c,
        '\x01'..='\x1f' => '\x01',
        '!'..='\x7f' => '.',
        // The only ones of three bytes that XML forbids.
        '\u{fffe}' | '\u{ffff}' => '\u{fffe}',
        _ => match c.len_utf8() {
            2 => '\u{e9}',
            3 => '\u{20ac}',
            _ => '\u{1f600}',
        },
    }
}

/// Stands for bytes that are no UTF-8, wrong at the same place: a character that was begun and not
/// ended, or a byte that begins none.
fn not_utf8(bytes: &[u8]) -> &'static [u8] {
    let begun: &[u8] = match bytes.first() {
        Some(0xc2..=0xdf) => b"\xc3",
        Some(0xe0..=0xef) => b"\xe2\x82",
        Some(0xf0..=0xf4) => b"\xf0\x9f\x98",
        Some(_) => b"\xff",
        None => b"",
    };
    &begun[..bytes.len().min(begun.len())]
}

/// Appends what a recording keeps of a command, whose terminator is not part of it.
pub(super) fn command(bytes: &[u8], out: &mut Vec<u8>) {
    let Ok(text) = core::str::from_utf8(bytes) else {
        return classes(bytes, out);
    };
    let start = out.len();
    classes(bytes, out);
    let trimmed = command::trim(text);
    let word = trimmed.split(' ').next().unwrap_or_default();
    let kept = match command::parse(trimmed) {
        Ok(Command::Identify { id: first, .. } | Command::Msg { nick: first, .. }) => [word, first],
        Ok(Command::List | Command::Ping { .. } | Command::Quit) => [word, ""],
        // Who forgets the id says the password in its place.
        Err(fault) if fault.0.starts_with("Usage") => [word, ""],
        Err(_) => ["", ""],
    };
    for kept in kept {
        let at = place(text, kept);
        out[start + at..][..kept.len()].copy_from_slice(kept.as_bytes());
    }
}

/// Where in `text` its part `part` begins.
fn place(text: &str, part: &str) -> usize {
    if part.is_empty() {
        return 0;
    }
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// A byte of an HTTP head, with the class it has there.
pub(super) fn of_head(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => b'0',
        b'a'..=b'z' | b'A'..=b'Z' => b'x',
        b'\0' | b'\t' | b'\n' | b'\r' | b' ' | b':' | b',' | b'/' | b'?' => byte,
        b'&' | b'<' | b'>' | b'"' | b'\'' => byte,
        0x01..=0x1f | 0x7f => 0x01,
        // What no name may hold, and a value may.
        b'(' | b')' | b'@' | b';' | b'\\' | b'[' | b']' | b'=' | b'{' | b'}' => b'(',
        0x21..=0x7e => b'.',
        0x80.. => 0xe9,
    }
}

/// Appends text of a request's target.
pub(super) fn target(text: &str, out: &mut Vec<u8>) {
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => out.push(of_head(byte)),
            Ok(_) | Err(_) => {
                out.extend_from_slice(class(c).encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}

/// A number that is the same for two answers whenever they differ only in what a recording leaves
/// out: of each character its class alone goes in, and letters, digits and signs are one.
pub(super) fn shape(parts: [&[u8]; 2]) -> u64 {
    let mut class = Vec::new();
    let mut hash = Fnv::default();
    for part in parts {
        class.clear();
        classes(beginning(part), &mut class);
        for byte in &class {
            hash.add(match byte {
                b'0' | b'.' => b'x',
                other => *other,
            });
        }
    }
    hash.0
}

/// A number for bytes as they are.
pub(super) fn hash(parts: [&[u8]; 2]) -> u64 {
    let mut hash = Fnv::default();
    for byte in parts.into_iter().flat_map(beginning) {
        hash.add(*byte);
    }
    hash.0
}

/// A file of the site may have any size, and is not looked through at each request for it.
fn beginning(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(64 * 1024)]
}

/// FNV-1a, 64 bits. It tells answers apart that nobody crafts to be taken for each other.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn of(redact: fn(&[u8], &mut Vec<u8>), bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        redact(bytes, &mut out);
        assert_eq!(out.len(), bytes.len(), "{}", bytes.escape_ascii());
        out
    }

    #[test]
    fn every_class() {
        let cases: [(&[u8], &[u8]); 12] = [
            (b"aZ09", b"xx00"),
            (b" \t\r\n\x0b\x0c\0", b" \t\r\n\x0b\x0c\0"),
            (b"&<>\"'", b"&<>\"'"),
            (b"-_/!\x7f", b"....."),
            (b"\x01\x1f\x07", b"\x01\x01\x01"),
            ("\u{85}ő".as_bytes(), "éé".as_bytes()),
            ("\u{ffff}\u{fffe}".as_bytes(), "\u{fffe}\u{fffe}".as_bytes()),
            ("\u{fffd}\u{2028}".as_bytes(), "€€".as_bytes()),
            ("\u{1fffe}🦀".as_bytes(), "😀😀".as_bytes()),
            (b"a\xffb\x80", b"x\xffx\xff"),
            (b"\xe0\xa4a\xf4\x8f\xbf", b"\xe2\x82x\xf0\x9f\x98"),
            (b"\xc3\xf1\x80\xed\xa0", b"\xc3\xf0\x9f\xe2\xff"),
        ];
        for (bytes, expected) in cases {
            let got = of(classes, bytes);
            assert_eq!(got, expected, "{}", bytes.escape_ascii());
            assert_eq!(of(classes, &got), got, "a class stands for itself");
            assert_eq!(shape([bytes, b""]), shape([&got, b""]));
        }
    }

    #[test]
    fn hashes_stay_the_same_in_every_version() {
        // FNV's own test vectors.
        assert_eq!(hash([b"", b""]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash([b"foo", b"bar"]), 0x8594_4171_f739_67e8);
        assert_eq!(shape([b"f0-", b"\tr"]), hash([b"xxx", b"\tx"]));
        let long = [b'a'; 64 * 1024 + 1];
        assert_eq!(hash([&long, b""]), hash([&long[1..], b""]));
        assert_ne!(hash([&long[2..], b""]), hash([&long[1..], b""]));
    }

    #[test]
    fn what_stays_of_a_command() {
        let cases = [
            ("IDENTIFY 1 secret1", "IDENTIFY 1 xxxxxx0"),
            (
                " /identify  bob  two words \r",
                " /identify  bob  xxx xxxxx \r",
            ),
            (
                "IDENTIFY 1 ticket:1.1.17.0af9",
                "IDENTIFY 1 xxxxxx.0.0.00.0xx0",
            ),
            ("IDENTIFY secret1", "IDENTIFY xxxxxx0"),
            ("IDENTIFY\t1 secret1", "xxxxxxxx\t0 xxxxxx0"),
            ("IDENTFY 1 secret1", "xxxxxxx 0 xxxxxx0"),
            ("IDENTIFYsecret 1", "xxxxxxxxxxxxxx 0"),
            ("MSG bob a & <b>", "MSG bob x & <x>"),
            ("MSG bob", "MSG xxx"),
            ("msg Gödel x-1", "msg Gödel x.0"),
            ("PING token", "PING xxxxx"),
            ("LIST secret", "LIST xxxxxx"),
            ("QUIT é😀", "QUIT é😀"),
            ("secret1", "xxxxxx0"),
            ("", ""),
        ];
        for (text, expected) in cases {
            let got = String::from_utf8(of(command, text.as_bytes())).unwrap();
            assert_eq!(got, expected, "{text:?}");
        }
        assert_eq!(of(command, b"MSG bob \xff"), b"xxx xxx \xff");
    }
}
