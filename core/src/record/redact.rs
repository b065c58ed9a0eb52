//! What a recording keeps of text: the class of each character, and of a command a known word and
//! the first argument where that names a member.
//!
//! Every class stands for all characters that lead the core to the same decisions and to answers of
//! the same length, so that a replay of what is left decides the same.

use alloc::vec::Vec;

use super::pages;
use crate::chat::command::{self, Args, Keeps};
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

/// Appends bytes of commands that are not carried out.
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

/// Appends what a recording keeps of a command, whose terminator is not part of it.
pub(super) fn command(bytes: &[u8], habits: Habits, key: Key, out: &mut Vec<u8>) {
    if let Text::Plain(text) = typed::read(bytes, habits) {
        return words(text, key, out);
    }
    let typed = Typed::new(bytes, habits);
    if let (Some(page), Some(_)) = (habits.page, typed.paged()) {
        return out.extend(pages::content(&typed, key, page));
    }
    let (left, places) = typed.left();
    let mut kept = Vec::new();
    match core::str::from_utf8(left) {
        Ok(text) => words(text, key, &mut kept),
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
}

/// Appends the classes of a command's characters, and the words of it that stay.
fn words(text: &str, key: Key, out: &mut Vec<u8>) {
    let start = out.len();
    classes(text.as_bytes(), out);
    for kept in kept_words(text) {
        let at = place(text, kept);
        out[start + at..][..kept.len()].copy_from_slice(kept.as_bytes());
    }
    if let Some(wrong) = wrong_key(text, key)
        && let Some(first) = wrong.chars().next()
    {
        let at = start + place(text, wrong);
        mark(first).encode_utf8(&mut out[at..]);
    }
}

/// Whether a command gives the wrong key of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    RightOrNone,
    Wrong,
}

/// The key in a command, if it is wrong.
pub(super) fn wrong_key(text: &str, key: Key) -> Option<&str> {
    match key {
        Key::RightOrNone => None,
        Key::Wrong => Some(command::parse(text::trim(text))?.key()?.1),
    }
}

/// Stands for a character in a wrong key, of as many bytes. No class is of it, so that the key stays wrong.
fn mark(c: char) -> char {
    match c.len_utf8() {
        1 => MARK_OF_WRONG_KEY.into(),
        2 => '\u{e8}',
        3 => '\u{20ad}',
        _ => '\u{1f601}',
    }
}

pub(super) const MARK_OF_WRONG_KEY: u8 = b'-';

/// The words of a command that stay.
pub(super) fn kept_words(text: &str) -> Vec<&str> {
    let trimmed = text::trim(text);
    let word = trimmed.split(' ').next().unwrap_or_default();
    let mut kept = Vec::new();
    match command::parse(trimmed) {
        // A client that leaves out the id sends the password in its place.
        Some(call) if call.usage().is_some() => kept.push(word),
        Some(call) => {
            kept.push(word);
            let Args { word, text } = call.args;
            match call.command.keeps {
                Keeps::NoArgument => {}
                // A client that leaves out the room sends a text or a key in its place.
                Keeps::Room | Keeps::RoomNotKey | Keeps::RoomAndMember
                    if !word.starts_with('#') => {}
                Keeps::FirstArgument | Keeps::Room | Keeps::RoomNotKey => kept.push(name(word)),
                Keeps::RoomAndMember => {
                    kept.extend([name(word), name(call.args.further().word)]);
                }
                Keeps::RoomAndOptions => {
                    kept.push(name(word));
                    kept.extend(text.split(' ').map(|option| {
                        let name = option.find('=').map(|at| &option[..=at]);
                        name.unwrap_or(option)
                    }));
                }
            }
        }
        // The first line of a request. Of a version that is not served, its digits say nothing.
        None => match (http::other_method(trimmed), trimmed.rfind("HTTP/")) {
            (Some(Status::MethodNotAllowed), Some(at)) => kept.push(&trimmed[at..]),
            (Some(_), Some(at)) => kept.push(&trimmed[at..at + 5]),
            (_, _) => {}
        },
    }
    kept
}

/// The argument up to its first white space, which no name has: a text or a key may follow a tab.
fn name(argument: &str) -> &str {
    let is_space = |c: char| c.is_ascii_whitespace() || c == '\x0b';
    argument.split(is_space).next().unwrap_or_default()
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
        // A value may hold these, and a name may not.
        b'(' | b')' | b'@' | b';' | b'\\' | b'[' | b']' | b'=' | b'{' | b'}' => b'(',
        0x21..=0x7e => b'.',
        0x80.. => 0xe9,
    }
}
