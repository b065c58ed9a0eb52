//! Text from outside, made safe for a log or a terminal.

use std::fmt;

use icu_properties::props::{
    BinaryProperty as _, DefaultIgnorableCodePoint, NoncharacterCodePoint, VariationSelector,
};

/// Text in double quotes with JSON's escapes.
///
/// More than JSON asks for is escaped: whatever could move a terminal's cursor, end a line in some
/// viewer (U+0085, U+2028) or turn the order of the characters around (bidirectional controls).
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        escape(f, self.0, "\"\\")?;
        f.write_str("\"")
    }
}

/// Text as it is, but for what would upset a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(f, self.0, "")
    }
}

/// Whether a character shows nothing: a control character, an invisible or blank one, or a code point that is
/// not a character. White space does not count, except for ends of lines and paragraphs.
pub fn is_unseen(c: char) -> bool {
    // Most are, and in no table.
    !matches!(c, ' '..='~')
        && (c.is_control()
            || DefaultIgnorableCodePoint::for_char(c)
            || NoncharacterCodePoint::for_char(c)
            || BLANK.contains(&c))
}

/// Whether an unseen character shapes those beside it, as some scripts and emoji need it: a joiner, or a
/// selector of a variant.
pub fn shapes_others(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}') || VariationSelector::for_char(c)
}

/// Writes `text`, with a backslash before characters of `special`.
fn escape(f: &mut fmt::Formatter<'_>, text: &str, special: &str) -> fmt::Result {
    use fmt::Write as _;

    for c in text.chars() {
        match c {
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if is_unseen(c) => {
                // JSON knows UTF-16 units only.
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(f, "\\u{unit:04x}")?;
                }
            }
            c => {
                if special.contains(c) {
                    f.write_char('\\')?;
                }
                f.write_char(c)?;
            }
        }
    }
    Ok(())
}

/// Characters without anything to see that Unicode does not call ignorable: separators of lines and
/// paragraphs, a blank Braille pattern, marks around annotations, stand-ins for objects, and fillers.
const BLANK: [char; 9] = [
    '\u{2028}',
    '\u{2029}',
    '\u{2800}',
    '\u{fff9}',
    '\u{fffa}',
    '\u{fffb}',
    '\u{fffc}',
    '\u{16fe4}',
    '\u{1d159}',
];

/// The beginning of a text, for a message.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        let cases = [
            ("alice", "\"alice\""),
            ("", "\"\""),
            ("Árvíz \u{1f600}", "\"Árvíz \u{1f600}\""),
            ("a\"b\\c/", "\"a\\\"b\\\\c/\""),
            ("a\nb\rc\td", "\"a\\nb\\rc\\td\""),
            ("\0\u{1b}[2J\u{7f}", "\"\\u0000\\u001b[2J\\u007f\""),
            ("\u{85}\u{9b}", "\"\\u0085\\u009b\""),
            ("\u{2028}\u{2029}\u{202e}", "\"\\u2028\\u2029\\u202e\""),
            ("\u{feff}\u{e0041}", "\"\\ufeff\\udb40\\udc41\""),
        ];
        for (text, expected) in cases {
            assert_eq!(Quoted(text).to_string(), expected);
            let back: String = serde_json::from_str(expected).unwrap();
            assert_eq!(back, text);
        }
        assert_eq!(Plain("a\"\\\u{1b}b").to_string(), "a\"\\\\u001bb");
    }

    #[test]
    fn nothing_unseen_and_nothing_that_turns_text_around_is_shown_as_it_is() {
        use icu_properties::props::BidiControl;

        for c in '\0'..=char::MAX {
            let is_ignored = DefaultIgnorableCodePoint::for_char(c) || BidiControl::for_char(c);
            let is_none = NoncharacterCodePoint::for_char(c);
            if is_ignored || is_none || c.is_control() {
                assert!(is_unseen(c), "{c:?}");
            }
            assert!(!shapes_others(c) || is_unseen(c), "{c:?}");
            if is_unseen(c) {
                assert!(!Quoted(&c.to_string()).to_string().contains(c), "{c:?}");
            }
        }
        // Known without a table.
        let known = "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180b}\u{200b}\u{202e}\u{2066}\u{2800}\
                     \u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fdd0}\u{fffe}\u{1d159}\u{1d173}\u{e0020}\u{e0100}\u{10ffff}";
        assert_eq!(
            known.chars().filter(|c| !is_unseen(*c)).collect::<String>(),
            ""
        );
        let seen = " aÁжا日👩\u{301}\u{a0}\u{3000}\u{fffd}\u{e000}";
        assert_eq!(
            seen.chars().filter(|c| is_unseen(*c)).collect::<String>(),
            ""
        );
    }
}
