//! Values, written as TOML.

use super::keys::Takes;
use crate::text::is_unseen;

/// Writes the values of a key.
pub(super) fn toml(takes: Takes, texts: &[&str]) -> String {
    match (takes, texts) {
        (Takes::Nothing, texts) => (texts == ["true"]).to_string(),
        (Takes::One, [text]) if is_number(text) => (*text).to_owned(),
        (Takes::One, texts) => quoted(texts.first().copied().unwrap_or_default()),
        (Takes::Several, texts) => {
            let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
            format!("[{}]", texts.join(", "))
        }
    }
}

/// Whether TOML reads a text as the same number. Leading zeros and large numbers stay in quotes.
fn is_number(text: &str) -> bool {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits
        && text
            .parse::<i64>()
            .is_ok_and(|number| number.to_string() == text)
}

/// A basic string of TOML that moves no terminal.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || is_unseen(c) => quoted += &format!("\\U{:08X}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::super::file::read;
    use super::super::keys::Keys;
    use super::*;

    #[test]
    fn values_are_read_back() {
        let keys = Keys::of_serve();
        for text in [
            "5",
            "05",
            "10m",
            "a\"b\\c",
            "\u{1b}\u{202e}\n\t\0",
            "Árvíz 😀",
            "99999999999999999999",
            "+5",
            "-1",
        ] {
            for (key, takes) in [("site", Takes::One), ("room", Takes::Several)] {
                let line = format!("{key} = {}", toml(takes, &[text]));
                assert!(!line.contains(char::is_control), "{line:?}");
                let given = read("x", line.as_bytes(), &keys)
                    .unwrap_or_else(|fault| panic!("{line} {fault}"));
                assert_eq!(given[key].items[0].text, text, "{line}");
            }
        }
        assert_eq!(toml(Takes::One, &[]), "\"\"");
        assert_eq!(toml(Takes::Several, &[]), "[]");
        assert_eq!(toml(Takes::Several, &["a", "5"]), "[\"a\", \"5\"]");
        assert_eq!(toml(Takes::Nothing, &[]), "false");
        assert_eq!(toml(Takes::Nothing, &["true"]), "true");
    }
}
