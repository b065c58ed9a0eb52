//! The encoding of texts, which old sites have mixed up in a few well-known ways.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use encoding_rs::{ISO_8859_2, WINDOWS_1252};

/// The encoding of texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8, and nothing else.
    #[default]
    Utf8,
    /// What MySQL calls latin1: Windows' code page 1252.
    Latin1,
    /// What MySQL calls latin2: ISO 8859-2.
    Latin2,
    /// UTF-8 that was taken for latin1 and encoded again. Texts for which this does not hold stay unchanged.
    DoubleUtf8,
    /// Each text by itself: UTF-8, or else latin1.
    Auto,
}

impl Charset {
    /// The encoding that MySQL's `SET NAMES` names, if it is one of these.
    pub(super) fn of_mysql(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "utf8" | "utf8mb3" | "utf8mb4" => Some(Self::Utf8),
            "latin1" => Some(Self::Latin1),
            "latin2" => Some(Self::Latin2),
            _ => None,
        }
    }

    /// Decodes bytes, or says what is wrong with them.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, String> {
        let utf8 = std::str::from_utf8(bytes);
        match (self, utf8) {
            (Self::Utf8 | Self::Auto, Ok(text)) => Ok(Cow::Borrowed(text)),
            (Self::DoubleUtf8, Ok(text)) => Ok(undoubled(text)),
            (Self::Utf8 | Self::DoubleUtf8, Err(_)) => Err(NOT_UTF8.to_owned()),
            (Self::Latin1, _) | (Self::Auto, Err(_)) => {
                Ok(WINDOWS_1252.decode_without_bom_handling(bytes).0)
            }
            (Self::Latin2, _) => Ok(ISO_8859_2.decode_without_bom_handling(bytes).0),
        }
    }

    /// The bytes that a site has hashed, or hashes with. They must not be changed.
    pub(super) fn exact(self, bytes: &[u8]) -> Result<&str, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| NOT_UTF8.to_owned())?;
        if self == Self::Utf8 || text.is_ascii() {
            Ok(text)
        } else {
            Err("is not plain ASCII, and would change with the texts".to_owned())
        }
    }
}

/// The text as stored in the site's database: the inverse of reading it.
#[cfg(feature = "mysql")]
pub(crate) fn doubled(charset: Charset, text: &str) -> String {
    match charset {
        Charset::DoubleUtf8 => WINDOWS_1252
            .decode_without_bom_handling(text.as_bytes())
            .0
            .into_owned(),
        Charset::Utf8 | Charset::Latin1 | Charset::Latin2 | Charset::Auto => text.to_owned(),
    }
}

/// Undoes one encoding too many, if there was one.
fn undoubled(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let (bytes, _, unmappable) = WINDOWS_1252.encode(text);
    match String::from_utf8(bytes.into_owned()) {
        Ok(once) if !unmappable => Cow::Owned(once),
        Ok(_) | Err(_) => Cow::Borrowed(text),
    }
}

impl FromStr for Charset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = CHARSETS.iter().find(|(name, _)| *name == text);
        found.map(|(_, charset)| *charset).ok_or_else(|| {
            let names = CHARSETS.map(|(name, _)| name).join(", ");
            format!("it is none of {names}")
        })
    }
}

impl fmt::Display for Charset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = CHARSETS.iter().find(|(_, charset)| charset == self);
        f.write_str(found.expect("each charset has a name").0)
    }
}

const CHARSETS: [(&str, Charset); 5] = [
    ("utf8", Charset::Utf8),
    ("latin1", Charset::Latin1),
    ("latin2", Charset::Latin2),
    ("double-utf8", Charset::DoubleUtf8),
    ("auto", Charset::Auto),
];

const NOT_UTF8: &str =
    "is not valid UTF-8; save the file as UTF-8, or say what it is with --charset";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let doubled = "Ã\u{81}rvÃ\u{ad}z tÅ±rÅ‘ â‚¬";
        let cases = [
            (Charset::Utf8, "Árvíz €".as_bytes(), Ok("Árvíz €")),
            (Charset::Utf8, b"\xc1rv\xedz", Err(())),
            (
                Charset::Latin1,
                b"\xc1rv\xedz \x80 \x93x\x94",
                Ok("Árvíz € “x”"),
            ),
            // MySQL's latin1 defines every byte.
            (
                Charset::Latin1,
                b"\x81\x8d\x8f\x90\x9d",
                Ok("\u{81}\u{8d}\u{8f}\u{90}\u{9d}"),
            ),
            (Charset::Latin2, b"\xe1rv\xedzt\xfbr\xf5", Ok("árvíztűrő")),
            (Charset::DoubleUtf8, doubled.as_bytes(), Ok("Árvíz tűrő €")),
            // Not encoded twice, or not completely: unchanged.
            (
                Charset::DoubleUtf8,
                "Árvíz tűrő €".as_bytes(),
                Ok("Árvíz tűrő €"),
            ),
            (Charset::DoubleUtf8, "日本".as_bytes(), Ok("日本")),
            (Charset::DoubleUtf8, b"plain", Ok("plain")),
            (Charset::DoubleUtf8, b"\xff", Err(())),
            (Charset::Auto, "tűrő".as_bytes(), Ok("tűrő")),
            (Charset::Auto, b"\xc1rv\xedz", Ok("Árvíz")),
        ];
        for (charset, bytes, text) in cases {
            let decoded = charset.decode(bytes);
            assert_eq!(
                decoded.as_deref().map_err(|_| ()),
                text,
                "{charset} {bytes:?}"
            );
        }
    }

    #[test]
    fn salts_do_not_change() {
        assert_eq!(Charset::Utf8.exact("é".as_bytes()), Ok("é"));
        assert_eq!(Charset::Latin1.exact(b"s4lt"), Ok("s4lt"));
        assert!(Charset::Latin1.exact("é".as_bytes()).is_err());
        assert!(Charset::Latin1.exact(b"\xe9").is_err());
    }

    #[test]
    fn names() {
        for (name, charset) in CHARSETS {
            assert_eq!(name.parse(), Ok(charset));
            assert_eq!(charset.to_string(), name);
        }
        assert!("utf-16".parse::<Charset>().is_err());
        for (name, charset) in [
            ("utf8mb4", Some(Charset::Utf8)),
            ("LATIN1", Some(Charset::Latin1)),
            ("latin2", Some(Charset::Latin2)),
            ("cp1250", None),
        ] {
            assert_eq!(Charset::of_mysql(name), charset);
        }
    }
}
