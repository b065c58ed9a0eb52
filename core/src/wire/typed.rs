//! The text of a command. Most commands are UTF-8 and are read in place. In others, telnet sequences are dropped
//! and typed characters erased, or they are in a code page.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::text;
use crate::wire::codepage::CodePage;
use crate::wire::framing::{Framer, Rules, Telnet};
use crate::wire::telnet::{self, Piece};

/// What the bytes of a command may hold besides text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// The command is a line, in which BS and DEL erase the character before them.
    pub line: bool,
    /// Telnet sequences are dropped.
    pub telnet: bool,
    /// The code page of commands that are not UTF-8.
    pub page: Option<CodePage>,
}

/// The text of a command.
#[derive(Debug)]
pub(crate) enum Text<'a> {
    /// The bytes as they arrived.
    Plain(&'a str),
    /// Built from them.
    Made(Box<Typed>),
    /// Built from them in a code page.
    Paged(Box<Typed>),
    NotUtf8,
}

/// A command, byte by byte, and the characters of it that were not erased.
#[derive(Debug, Default)]
pub(crate) struct Typed {
    /// The bytes without telnet sequences.
    content: Zeroizing<Vec<u8>>,
    /// The positions of the bytes that were not erased, in order.
    left: Vec<usize>,
    /// These bytes.
    bytes: Zeroizing<Vec<u8>>,
    /// In a code page: the length of each of their characters.
    lengths: Vec<usize>,
    /// Their text, if it is in the code page.
    paged: Option<Zeroizing<String>>,
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
    let typed = Box::new(Typed::new(bytes, habits));
    match (&typed.paged, core::str::from_utf8(&typed.bytes)) {
        (Some(_), _) => Text::Paged(typed),
        (None, Ok(_)) => Text::Made(typed),
        (None, Err(_)) => Text::NotUtf8,
    }
}

impl Text<'_> {
    /// The text, if the command is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Made(typed) | Self::Paged(typed) => match &typed.paged {
                Some(text) => Some(text),
                None => core::str::from_utf8(&typed.bytes).ok(),
            },
            Self::NotUtf8 => None,
        }
    }

    /// Whether it is blank.
    pub(crate) fn is_blank(&self) -> bool {
        self.as_str()
            .is_some_and(|text| text::is_blank(text.as_bytes()))
    }
}

impl Habits {
    /// The habits of the command that `framer` has just found.
    pub(crate) fn of(framer: &Framer, rules: Rules) -> Self {
        Self {
            line: framer.is_line(),
            telnet: rules.telnet == Telnet::Everywhere,
            page: rules.page,
        }
    }
}

impl Typed {
    pub(crate) fn new(bytes: &[u8], habits: Habits) -> Self {
        let mut typed = Self::default();
        typed.content.reserve_exact(bytes.len());
        typed.bytes.reserve_exact(bytes.len());
        for piece in pieces(bytes, habits) {
            match piece {
                Piece::Content(content) => typed.content.extend_from_slice(content),
                Piece::Telnet(_) => {}
            }
        }
        let page = match core::str::from_utf8(&typed.content) {
            Ok(_) => None,
            Err(_) => habits.page,
        };
        let mut nth = 0;
        while let Some(&byte) = typed.content.get(nth) {
            let mut length = 1;
            match byte {
                BS | DEL if habits.line => typed.erase(page),
                _ => {
                    length = page.map_or(1, |page| page.first(&typed.content[nth..]));
                    typed.left.extend(nth..nth + length);
                    typed
                        .bytes
                        .extend_from_slice(&typed.content[nth..nth + length]);
                    if page.is_some() {
                        typed.lengths.push(length);
                    }
                }
            }
            nth += length;
        }
        typed.paged = page.map(|page| page.decode(&typed.bytes));
        typed
    }

    /// The bytes of the command without telnet sequences, with erased bytes.
    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    /// The text of the command in a code page.
    pub(crate) fn paged(&self) -> Option<&str> {
        self.paged.as_deref().map(String::as_str)
    }

    /// Each byte that was not erased, with its position in the content.
    pub(crate) fn left(&self) -> (&[u8], &[usize]) {
        (&self.bytes, &self.left)
    }

    /// Erases the last character; a single byte if it is neither UTF-8 nor in a code page.
    fn erase(&mut self, page: Option<CodePage>) {
        let length = match page {
            Some(_) => self.lengths.pop().unwrap_or(0),
            None => last(&self.bytes),
        };
        let left = self.bytes.len() - length;
        self.bytes.truncate(left);
        self.left.truncate(left);
    }
}

/// The length of the last character in bytes.
fn last(bytes: &[u8]) -> usize {
    let longest = bytes.len().min(4);
    let is_one = |length: &usize| {
        let end = core::str::from_utf8(&bytes[bytes.len() - length..]);
        end.is_ok_and(|text| text.chars().count() == 1)
    };
    (1..=longest).find(is_one).unwrap_or(longest.min(1))
}

/// The parts of a command; a single one where telnet sequences are not recognised.
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
    use alloc::string::ToString;

    fn text(bytes: &[u8], line: bool, telnet: bool) -> Option<String> {
        let habits = Habits {
            line,
            telnet,
            page: None,
        };
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
    fn what_is_read_in_a_code_page() {
        let cases: [(&str, &[u8], &str); 7] = [
            ("windows-1250", b"t\xfbr\xf5", "tűrő"),
            ("windows-1250", "tűrő".as_bytes(), "tűrő"),
            ("windows-1250", b"t\xfbrx\x08\xf5\xff\xf1\x7f\x7f", "tűrő"),
            ("shift_jis", b"\x82\xa0\x83\x5c\x08\xb1\xb2\x7f", "あｱ"),
            ("shift_jis", b"a\x82\x08b", "ab"),
            ("gb18030", b"\x81\x30\x81\x30\x08x", "x"),
            ("windows-1253", b"\xaa", "\u{fffd}"),
        ];
        for (page, bytes, expected) in cases {
            let habits = Habits {
                line: true,
                telnet: false,
                page: CodePage::named(page).ok(),
            };
            let text = read(bytes, habits);
            assert_eq!(text.as_str(), Some(expected), "{}", bytes.escape_ascii());
            let paged = matches!(text, Text::Paged(_));
            assert_eq!(paged, core::str::from_utf8(bytes).is_err());
        }
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
