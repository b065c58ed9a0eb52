//! Text as XML: escaped, and in ASCII.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt::Write as _;

/// Escapes text for an attribute value so that every XML parser reads back the same text.
///
/// quick-xml escapes the five characters of markup. In addition, white space that attribute normalization would
/// turn into spaces (XML 1.0 section 3.3.3) becomes a character reference, and characters that section 2.2
/// forbids become U+FFFD.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| MAY_NEED_ESCAPE[usize::from(byte)]) {
        escape(text)
    } else {
        Cow::Borrowed(text)
    }
}

#[cold]
fn escape(text: &str) -> Cow<'_, str> {
    let marked_up = quick_xml::escape::escape(text);
    if !marked_up.chars().any(|c| replacement(c).is_some()) {
        return marked_up;
    }
    let mut out = String::with_capacity(marked_up.len() + 16);
    for c in marked_up.chars() {
        match replacement(c) {
            Some(instead) => out.push_str(instead),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The same XML in ASCII, with a character reference for every other character.
pub(crate) fn in_ascii(xml: &str) -> String {
    let mut out = String::with_capacity(2 * xml.len());
    for c in xml.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "&#{};", u32::from(c));
        }
    }
    out
}

/// Bytes that may need an escape: for nearly every text, one pass over its bytes shows that there are none. 0xef
/// begins the two forbidden characters in UTF-8, and others.
static MAY_NEED_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(
            byte as u8,
            ..0x20 | b'&' | b'<' | b'>' | b'"' | b'\'' | 0xef
        );
        byte += 1;
    }
    table
};

/// The replacement for a character that an XML parser would change or reject.
fn replacement(c: char) -> Option<&'static str> {
    match c {
        '\t' => Some("&#9;"),
        '\n' => Some("&#10;"),
        '\r' => Some("&#13;"),
        '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => Some("\u{fffd}"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let cases = [
            ("plain", "plain"),
            ("& < > \" '", "&amp; &lt; &gt; &quot; &apos;"),
            ("a\tb\nc\rd", "a&#9;b&#10;c&#13;d"),
            ("&#9;", "&amp;#9;"),
            (
                "\0\x01\x0b\x1f\u{fffe}\u{ffff}",
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
            (
                "\x7f\u{85}\u{2028}\u{1fffe}árvíz 🦀",
                "\x7f\u{85}\u{2028}\u{1fffe}árvíz 🦀",
            ),
            ("\u{f000}\u{ffff}", "\u{f000}\u{fffd}"),
        ];
        for (text, xml) in cases {
            assert_eq!(escaped(text), xml, "{text:?}");
        }
        assert!(
            matches!(escaped("plain"), Cow::Borrowed(_)),
            "what needs no escape is not copied"
        );
    }
}
