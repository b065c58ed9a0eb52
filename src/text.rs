//! Text from outside, made safe for a log or a terminal.

use std::fmt;

use strsim::damerau_levenshtein;

pub use flashgate_core::name::{is_unseen, shapes_others};

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

/// A string of JSON from which nothing gets out, nor out of a `<script>` around it.
pub(crate) fn in_script(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}') || c.is_control() {
            quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            quoted.push(c);
        }
    }
    quoted.push('"');
    quoted
}

/// The known word that is most like this one, if any is.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.trim_start_matches('-').chars().count();
    let distance = |known: &str| match known.strip_prefix(word) {
        Some(_) if letters >= 3 => 1,
        Some(_) | None => damerau_levenshtein(word, known),
    };
    let (distance, known) = known.map(|known| (distance(known), known)).min()?;
    (distance <= (letters / 3).max(1)).then_some(known)
}

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
}
