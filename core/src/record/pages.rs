//! What a recording keeps of a command in a code page: of each character one that stands for all that lead
//! to answers of the same length, in as many bytes.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::redact::{self, Key};
use crate::wire::codepage::CodePage;
use crate::wire::typed::Typed;

/// The bytes of a command with its words kept, and a character for each class of the others.
pub(super) fn content(typed: &Typed, key: Key, page: CodePage) -> Vec<u8> {
    let (mut known, mut out) = (Vec::new(), Vec::with_capacity(typed.content().len()));
    for character in characters(typed.content(), page) {
        stand_in(character, page, &mut known, &mut out);
    }
    let (left, places) = typed.left();
    let text = typed.paged().unwrap_or_default();
    let one_by_one = characters(left, page).map(|character| page.decode(character));
    if one_by_one
        .flat_map(|text| text.chars().collect::<Vec<_>>())
        .ne(text.chars())
    {
        // Its characters are not those that were decoded, so the words cannot be found in it.
        return out;
    }
    let kept = redact::kept_words(text);
    let wrong = redact::wrong_key(text, key);
    let mut marked = false;
    let (mut decoded, mut at) = (0, 0);
    for character in characters(left, page) {
        let is_in = |word: &str| {
            let start = redact::place(text, word);
            (start..start + word.len()).contains(&decoded)
        };
        let places = &places[at..at + character.len()];
        if kept.iter().any(|word| is_in(word)) {
            put(character, places, &mut out);
        } else if !marked && wrong.is_some_and(is_in) {
            let mark = mark(character, page);
            marked = mark.is_some();
            put(&mark.unwrap_or_default(), places, &mut out);
        }
        decoded += page.decode(character).len();
        at += character.len();
    }
    out
}

fn put(character: &[u8], places: &[usize], out: &mut [u8]) {
    for (byte, place) in character.iter().zip(places) {
        out[*place] = *byte;
    }
}

/// Stands for a character in a wrong key: one that stands for no class. `None` if the code page has none.
fn mark(character: &[u8], page: CodePage) -> Option<Vec<u8>> {
    if character.is_ascii() {
        return Some(Vec::from([redact::MARK_OF_WRONG_KEY]));
    }
    let class = Class::of(character, page);
    let mut of_class = all_of(class, page);
    of_class.next()?;
    of_class.next()
}

fn characters(mut bytes: &[u8], page: CodePage) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let (first, rest) = bytes.split_at(page.first(bytes));
        bytes = rest;
        (!first.is_empty()).then_some(first)
    })
}

/// What is the same for all characters of a class: bytes in the code page, in UTF-8, and as a reference.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Class {
    bytes: usize,
    utf8: usize,
    reference: usize,
}

impl Class {
    fn of(character: &[u8], page: CodePage) -> Self {
        let text = page.decode(character);
        Self {
            bytes: character.len(),
            utf8: text.len(),
            reference: crate::xml::in_ascii(&text).len(),
        }
    }
}

/// Appends the character that stands for this one. `known` has those that were looked for before.
fn stand_in(
    character: &[u8],
    page: CodePage,
    known: &mut Vec<(Class, Vec<u8>)>,
    out: &mut Vec<u8>,
) {
    if character.is_ascii() {
        return redact::classes(character, out);
    }
    let class = Class::of(character, page);
    let at = known.iter().position(|(known, _)| *known == class);
    let at = at.unwrap_or_else(|| {
        known.push((class, first_of(class, page)));
        known.len() - 1
    });
    out.extend_from_slice(&known[at].1);
}

/// The first character of a class. One that would take up what follows it is none.
fn first_of(class: Class, page: CodePage) -> Vec<u8> {
    // There is one at least: the character itself, if only by bytes that are none.
    let first = all_of(class, page).next();
    first.unwrap_or_else(|| [0xff].repeat(class.bytes))
}

/// The characters of a class, without those that would take up what follows them.
fn all_of(class: Class, page: CodePage) -> impl Iterator<Item = Vec<u8>> {
    let is_it = move |bytes: &Vec<u8>| {
        let mut followers = [&b"a"[..], b"@", b"0", b"\xa1\xa1"].into_iter();
        page.first(bytes) == bytes.len()
            && Class::of(bytes, page) == class
            && followers.all(|next| {
                let apart = [page.decode(bytes), page.decode(next)];
                let together = page.decode(&[bytes, next].concat());
                **together == *apart.map(|text| String::from(&**text)).concat()
            })
    };
    let (high, digits) = (0x80..=0xff_u8, 0x30..=0x39_u8);
    let all: Box<dyn Iterator<Item = Vec<u8>>> = match class.bytes {
        1 => Box::new(high.map(|a| Vec::from([a]))),
        2 => Box::new(high.flat_map(|a| (0x40..=0xff).map(move |b| Vec::from([a, b])))),
        // EUC-JP alone has such, behind 0x8f.
        3 => Box::new(high.flat_map(|b| (0xa1..=0xfe).map(move |c| Vec::from([0x8f, b, c])))),
        // So has GB 18030, of any character.
        _ => Box::new(
            high.flat_map(move |a| digits.clone().map(move |b| [a, b]))
                .flat_map(|[a, b]| (0x81..=0xfe).map(move |c| Vec::from([a, b, c, 0x30]))),
        ),
    };
    all.filter(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::typed::Habits;

    #[test]
    fn what_stays_of_a_command_in_a_code_page() {
        let cases: [(&str, &[u8], &[u8]); 7] = [
            (
                "windows-1250",
                b"MSG G\xf6del t\xfbr\xf5 a1\x80",
                b"MSG G\xf6del x\x81x\x81 x0\x80",
            ),
            (
                "windows-1250",
                b"IDENTIFY 1 \xfb\xfc!",
                b"IDENTIFY 1 \x81\x81.",
            ),
            ("windows-1250", b"\xfb\xfb secret", b"\x81\x81 xxxxxx"),
            (
                "windows-1250",
                b"MSG b\xf6\x08ob \xe9x\x7f",
                b"MSG b\x81\x08ob \x81x\x7f",
            ),
            (
                "shift_jis",
                b"PING \x82\xa0\x88\x9f\xb1",
                b"PING \x81\x40\x81\x40\xa0",
            ),
            ("shift_jis", b"PING \xff\x82", b"PING \xa0\xa0"),
            ("koi8-r", b"PING \xd0\xd2", b"PING \xa3\xa3"),
        ];
        for (name, bytes, expected) in cases {
            let page = CodePage::named(name).unwrap();
            let habits = Habits {
                line: true,
                telnet: false,
                page: Some(page),
            };
            let got = content(&Typed::new(bytes, habits), Key::RightOrNone, page);
            assert_eq!(got, expected, "{name}: {}", got.escape_ascii());
        }
    }

    #[test]
    fn every_character_has_one_that_stands_for_it() {
        for name in ["windows-1252", "euc-jp", "big5", "gbk", "euc-kr", "gb18030"] {
            let page = CodePage::named(name).unwrap();
            let mut known = Vec::new();
            for bytes in [
                &b"\x8f\xb0\xa1"[..],
                b"\xa4\xa2",
                b"\xa7\xa1",
                b"\x88\x62",
                b"\x81\x30\x81\x30",
                b"\x92\x30\x81\x30",
                b"\xe3\x32\x9a\x35",
                b"\xff",
                b"\xb5",
            ] {
                for character in characters(bytes, page) {
                    let mut out = Vec::new();
                    stand_in(character, page, &mut known, &mut out);
                    let class = |bytes| Class::of(bytes, page);
                    assert!(
                        character.is_ascii() || class(&out) == class(character),
                        "{name}: {}",
                        character.escape_ascii()
                    );
                }
            }
        }
    }
}
