//! What a recording keeps of text: the class of each character, and of a command a known word and, of
//! IDENTIFY and MSG, whom it names.
//!
//! Every class stands for all characters that lead the core to the same decisions and to answers of
//! the same length, so that a replay of what is left does what was done.

use alloc::vec::Vec;

use super::pages;
use crate::chat::command::{self, Fault, Keeps};
use crate::text;
use crate::wire::framing::MARK;
use crate::wire::http::{self, Status};
use crate::wire::telnet::{self, Piece};
use crate::wire::typed::{self, Habits, Text, Typed};

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
        // These erase a character in a line.
        '\x08' | '\x7f' => c,
        '\x01'..='\x1f' => '\x01',
        '!'..='~' => '.',
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
        // With it telnet's sequences begin. Nothing else may become one.
        Some(0xff) => b"\xff",
        Some(_) => b"\xc0",
        None => b"",
    };
    &begun[..bytes.len().min(begun.len())]
}

/// Appends bytes of which telnet sequences are dropped where `habits` say so.
pub(super) fn stream(bytes: &[u8], habits: Habits, out: &mut Vec<u8>) {
    for piece in typed::pieces(bytes, habits) {
        match piece {
            Piece::Content(content) => classes(content, out),
            Piece::Telnet(sequence) => telnet::redacted(sequence, out),
        }
    }
}

/// Appends what stands around commands: a byte order mark, or a part of telnet's.
pub(super) fn noise(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes == MARK {
        out.extend_from_slice(MARK);
    } else {
        telnet::redacted(bytes, out);
    }
}

/// Appends what a recording keeps of a command, whose terminator is not part of it. Says whether it is
/// more than white space.
pub(super) fn command(bytes: &[u8], habits: Habits, out: &mut Vec<u8>) -> bool {
    if let Text::Plain(text) = typed::read(bytes, habits) {
        words(text, out);
        return !text::is_blank(bytes);
    }
    let typed = Typed::new(bytes, habits);
    if let (Some(page), Some(text)) = (habits.page, typed.paged()) {
        out.extend(pages::content(&typed, page));
        return !text::is_blank(text.as_bytes());
    }
    let (left, places) = typed.left();
    let mut kept = Vec::new();
    match core::str::from_utf8(left) {
        Ok(text) => words(text, &mut kept),
        Err(_) => classes(left, &mut kept),
    }
    let mut content = Vec::new();
    classes(typed.content(), &mut content);
    for (byte, at) in kept.into_iter().zip(places) {
        content[*at] = byte;
    }
    let mut content = content.into_iter();
    for piece in typed::pieces(bytes, habits) {
        match piece {
            Piece::Content(bytes) => out.extend(content.by_ref().take(bytes.len())),
            Piece::Telnet(sequence) => telnet::redacted(sequence, out),
        }
    }
    !text::is_blank(left)
}

/// Appends the classes of a command's characters, and the words of it that stay.
fn words(text: &str, out: &mut Vec<u8>) {
    let start = out.len();
    classes(text.as_bytes(), out);
    for kept in kept_words(text) {
        let at = place(text, kept);
        out[start + at..][..kept.len()].copy_from_slice(kept.as_bytes());
    }
}

/// The words of a command that stay.
pub(super) fn kept_words(text: &str) -> [&str; 2] {
    let trimmed = text::trim(text);
    let word = trimmed.split(' ').next().unwrap_or_default();
    match command::parse(trimmed) {
        Ok(call) => match call.command.keeps {
            Keeps::FirstArgument => [word, call.args.word],
            Keeps::NoArgument => [word, ""],
        },
        // A client that leaves out the id sends the password in its place.
        Err(Fault::Usage(_)) => [word, ""],
        // The first line of a request. Of a version that is not served, its digits say nothing.
        Err(Fault::Unknown) => match (http::other_method(trimmed), trimmed.rfind("HTTP/")) {
            (Some(Status::MethodNotAllowed), Some(at)) => [&trimmed[at..], ""],
            (Some(_), Some(at)) => [&trimmed[at..at + 5], ""],
            (_, _) => ["", ""],
        },
    }
}

/// Where in `text` its part `part` begins.
pub(super) fn place(text: &str, part: &str) -> usize {
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

    fn of(redact: impl Fn(&[u8], &mut Vec<u8>), bytes: &[u8]) -> Vec<u8> {
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
            (b"-_/!", b"...."),
            (b"\x01\x1f\x07\x08\x7f", b"\x01\x01\x01\x08\x7f"),
            ("\u{85}ő".as_bytes(), "éé".as_bytes()),
            ("\u{ffff}\u{fffe}".as_bytes(), "\u{fffe}\u{fffe}".as_bytes()),
            ("\u{fffd}\u{2028}".as_bytes(), "€€".as_bytes()),
            ("\u{1fffe}🦀".as_bytes(), "😀😀".as_bytes()),
            (b"a\xffb\x80", b"x\xffx\xc0"),
            (b"\xe0\xa4a\xf4\x8f\xbf", b"\xe2\x82x\xf0\x9f\x98"),
            (b"\xc3\xf1\x80\xed\xa0", b"\xc3\xf0\x9f\xe2\xc0"),
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
            ("PROPFIND /secret HTTP/1.1", "xxxxxxxx .xxxxxx HTTP/1.1"),
            ("PRI secret HTTP/21.7", "xxx xxxxxx HTTP/00.0"),
            ("", ""),
        ];
        let plain = |bytes: &[u8], out: &mut Vec<u8>| {
            let habits = Habits {
                line: false,
                telnet: true,
                page: None,
            };
            command(bytes, habits, out);
        };
        for (text, expected) in cases {
            let got = String::from_utf8(of(plain, text.as_bytes())).unwrap();
            assert_eq!(got, expected, "{text:?}");
        }
        assert_eq!(of(plain, b"MSG bob \xff"), b"xxx xxx \xff");
    }

    #[test]
    fn what_stays_of_a_line_that_was_typed() {
        let typed = |bytes: &[u8], out: &mut Vec<u8>| {
            let habits = Habits {
                line: true,
                telnet: true,
                page: None,
            };
            command(bytes, habits, out);
        };
        let cases: [(&[u8], &[u8]); 6] = [
            (
                b"IDENT\xff\xf1IFY 1 sec\xff\xfbsret",
                b"IDENT\xff\xf1IFY 1 xxx\xff\xfbxxxx",
            ),
            (
                b"IDENTYF\x08\x08IFY secret\x08\x08\x7f\x7f\x7f\x7f1 x",
                b"IDENTxx\x08\x08IFY xxxxxx\x08\x08\x7f\x7f\x7f\x7f1 x",
            ),
            (
                b"MSG b\xff\xfaUSER\0eve\xff\xf0oy\x08b hi",
                b"MSG b\xff\xfaxxxxxxxx\xff\xf0ox\x08b xx",
            ),
            (b"IDENTIFY 1 a\xffb", b"xxxxxxxx 0 x\xffx"),
            (b"PING \xe2\x82\x08\x82\xac", b"PING \xe2\x82\x08\x82\xac"),
            (b"\x08x\x7f", b"\x08x\x7f"),
        ];
        for (bytes, expected) in cases {
            let got = of(typed, bytes);
            assert_eq!(got, expected, "{}", got.escape_ascii());
        }
    }
}
