//! What a client's bytes say. Most are UTF-8 and are read where they lie; the others are put together
//! from what old programs send: telnet sequences, and characters that were typed and erased.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::command;
use crate::wire::framing::{Framer, Rules, Telnet};
use crate::wire::telnet::{self, Piece};

/// What a command's bytes may hold besides text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Habits {
    /// The command is a line, in which BS and DEL erase the character before them.
    pub(crate) line: bool,
    /// Telnet sequences are dropped.
    pub(crate) telnet: bool,
}

/// The text of a command.
#[derive(Debug)]
pub(crate) enum Text<'a> {
    /// As it came.
    Plain(&'a str),
    /// Put together.
    Made(Typed),
    NotUtf8,
}

/// A command, byte by byte, and what is left of it.
#[derive(Debug, Default)]
pub(crate) struct Typed {
    /// The bytes without telnet sequences.
    content: Zeroizing<Vec<u8>>,
    /// Where those of them stand that were not erased, in order.
    left: Vec<usize>,
    /// Those.
    text: Zeroizing<Vec<u8>>,
}

/// Reads a command.
pub(crate) fn read(bytes: &[u8], habits: Habits) -> Text<'_> {
    let erases = habits.line && memchr::memchr2(BS, DEL, bytes).is_some();
    match core::str::from_utf8(bytes) {
        Ok(text) if !erases => Text::Plain(text),
        Ok(_) | Err(_) => put_together(bytes, habits),
    }
}

#[cold]
fn put_together(bytes: &[u8], habits: Habits) -> Text<'static> {
    let typed = Typed::new(bytes, habits);
    match core::str::from_utf8(&typed.text) {
        Ok(_) => Text::Made(typed),
        Err(_) => Text::NotUtf8,
    }
}

impl Text<'_> {
    /// The text, if the command is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Made(typed) => core::str::from_utf8(&typed.text).ok(),
            Self::NotUtf8 => None,
        }
    }

    /// Whether it is nothing but white space.
    pub(crate) fn is_blank(&self) -> bool {
        self.as_str()
            .is_some_and(|text| command::is_blank(text.as_bytes()))
    }
}

impl Habits {
    /// Those of the command that `framer` has just found.
    pub(crate) fn of(framer: &Framer, rules: Rules) -> Self {
        Self {
            line: framer.is_line(),
            telnet: rules.telnet == Telnet::Everywhere,
        }
    }
}

impl Typed {
    pub(crate) fn new(bytes: &[u8], habits: Habits) -> Self {
        let mut typed = Self::default();
        typed.content.reserve_exact(bytes.len());
        typed.text.reserve_exact(bytes.len());
        for piece in pieces(bytes, habits) {
            match piece {
                Piece::Content(content) => typed.content.extend_from_slice(content),
                Piece::Telnet(_) => {}
            }
        }
        for nth in 0..typed.content.len() {
            match typed.content[nth] {
                BS | DEL if habits.line => typed.erase(),
                byte => {
                    typed.text.push(byte);
                    typed.left.push(nth);
                }
            }
        }
        typed
    }

    /// The bytes of the command without telnet sequences, erased ones among them.
    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    /// What was not erased: each byte, and where it stands in the content.
    pub(crate) fn left(&self) -> (&[u8], &[usize]) {
        (&self.text, &self.left)
    }

    /// Erases the last character: what is not UTF-8 byte by byte.
    fn erase(&mut self) {
        let before = self.text.len().saturating_sub(4);
        let last = (before..self.text.len()).find(|start| {
            let end = core::str::from_utf8(&self.text[*start..]);
            end.is_ok_and(|text| text.chars().count() == 1)
        });
        let length = last.unwrap_or(self.text.len().saturating_sub(1));
        self.text.truncate(length);
        self.left.truncate(length);
    }
}

/// The parts of a command; one where telnet is not looked for.
pub(crate) fn pieces(bytes: &[u8], habits: Habits) -> impl Iterator<Item = Piece<'_>> {
    let (plain, rest) = bytes.split_at(if habits.telnet { 0 } else { bytes.len() });
    let plain = (!plain.is_empty()).then_some(Piece::Content(plain));
    plain.into_iter().chain(telnet::pieces(rest))
}

const BS: u8 = 0x08;
const DEL: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    fn text(bytes: &[u8], line: bool, telnet: bool) -> Option<String> {
        let habits = Habits { line, telnet };
        read(bytes, habits).as_str().map(ToString::to_string)
    }

    #[test]
    fn what_is_erased() {
        let cases: [(&[u8], Option<&str>); 12] = [
            (b"LISR\x08T", Some("LIST")),
            (b"LISR\x7fT", Some("LIST")),
            (b"\x08\x7fLIST", Some("LIST")),
            (b"x\x08", Some("")),
            ("é\x08🦀\x08e".as_bytes(), Some("e")),
            (b"a\xff\x08b", Some("ab")),
            (b"a\xe2\x82\x08\x08b", Some("ab")),
            (b"a\xe2\x82\x08b", None),
            ("é\x08\u{301}".as_bytes(), Some("\u{301}")),
            (b"\xc3\xa9\x80\x08", Some("é")),
            (b"\xff", None),
            (b"a\x08\x08\x08b", Some("b")),
        ];
        for (bytes, expected) in cases {
            let got = text(bytes, true, false);
            assert_eq!(got.as_deref(), expected, "{}", bytes.escape_ascii());
        }
        assert_eq!(text(b"a\x08", false, false).as_deref(), Some("a\x08"));
    }

    #[test]
    fn telnet_is_dropped_where_it_may_be() {
        let bytes = b"LI\xff\xf1SR\xff\xfa\x08\xff\xf0\x08T";
        assert_eq!(text(bytes, true, true).as_deref(), Some("LIST"));
        assert_eq!(text(bytes, false, true).as_deref(), Some("LISR\x08T"));
        assert_eq!(text(bytes, true, false), None);
        assert_eq!(text(b"LIST\xff\xff", true, true), None);
    }
}
