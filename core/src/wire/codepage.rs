//! Code pages: how a command that is not UTF-8 is read, if the operator has set one.

use alloc::string::String;
use core::error::Error;
use core::fmt;

use encoding_rs::{
    DecoderResult, Encoding, ISO_2022_JP, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, X_USER_DEFINED,
};
use zeroize::Zeroizing;

/// A legacy encoding of the [WHATWG Encoding Standard](https://encoding.spec.whatwg.org/), in which ASCII
/// stands for itself and no NUL, LF or CR is part of another character.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CodePage(&'static Encoding);

/// Why a name is not that of a [`CodePage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCodePage {
    /// The Encoding Standard has no such name.
    Unknown,
    /// UTF-8 is always read.
    Utf8,
    /// The ends of commands in this encoding could not be recognised.
    Unfit,
}

impl CodePage {
    /// The code page with this name or label of the standard, like `windows-1250`, `latin2` or `shift_jis`, in any
    /// letter case.
    pub fn named(name: &str) -> Result<Self, NoCodePage> {
        let encoding = Encoding::for_label(name.as_bytes()).ok_or(NoCodePage::Unknown)?;
        // Letters with a NUL in them, an encoding that replaces all text, one that is no text, one with states.
        let unfit = [UTF_16BE, UTF_16LE, REPLACEMENT, X_USER_DEFINED, ISO_2022_JP];
        if encoding == UTF_8 {
            Err(NoCodePage::Utf8)
        } else if unfit.contains(&encoding) {
            Err(NoCodePage::Unfit)
        } else {
            Ok(Self(encoding))
        }
    }

    /// Its name in the standard.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The text of these bytes, with U+FFFD for invalid ones. It allocates once, so that no part of a password is
    /// left in memory.
    pub(crate) fn decode(self, bytes: &[u8]) -> Zeroizing<String> {
        let mut decoder = self.0.new_decoder_without_bom_handling();
        let most = decoder.max_utf8_buffer_length(bytes.len());
        let most = most
            .unwrap_or(usize::MAX)
            .min(bytes.len().saturating_mul(6) + 16);
        let mut text = Zeroizing::new(String::with_capacity(most));
        let _ = decoder.decode_to_string(bytes, &mut text, true);
        text
    }

    /// The length in bytes of the first character of `bytes`, or of the invalid bytes there.
    pub(crate) fn first(self, bytes: &[u8]) -> usize {
        let longest = if self.0.is_single_byte() { 0 } else { 4 };
        let is_one = |length: &usize| {
            bytes.get(..*length).is_some_and(|first| {
                let decoded = self
                    .0
                    .decode_without_bom_handling_and_without_replacement(first);
                decoded.is_some()
            })
        };
        let length = (1..=longest).find(is_one);
        let length = length.or_else(|| (longest > 0).then(|| self.malformed(bytes)));
        length.unwrap_or(1).min(bytes.len())
    }

    /// How many of the first bytes are decoded to a single U+FFFD.
    fn malformed(self, bytes: &[u8]) -> usize {
        let mut decoder = self.0.new_decoder_without_bom_handling();
        let begins = &bytes[..bytes.len().min(4)];
        match decoder.decode_to_utf8_without_replacement(begins, &mut [0; 32], true) {
            (DecoderResult::Malformed(length, _), ..) => usize::from(length),
            (DecoderResult::InputEmpty | DecoderResult::OutputFull, ..) => 1,
        }
    }
}

impl fmt::Debug for CodePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodePage({})", self.name())
    }
}

impl fmt::Display for NoCodePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => {
                "it must be a name of the WHATWG Encoding Standard, like windows-1250, latin2 or shift_jis"
            }
            Self::Utf8 => "UTF-8 is read without this setting",
            Self::Unfit => {
                "it must not be UTF-16, ISO-2022-JP, x-user-defined or an encoding that the WHATWG Encoding \
                 Standard replaces"
            }
        })
    }
}

impl Error for NoCodePage {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, found) in [
            ("windows-1250", Ok("windows-1250")),
            ("CP1250", Ok("windows-1250")),
            (" latin2 ", Ok("ISO-8859-2")),
            ("Shift_JIS", Ok("Shift_JIS")),
            ("cp852", Err(NoCodePage::Unknown)),
            ("", Err(NoCodePage::Unknown)),
            ("utf8", Err(NoCodePage::Utf8)),
            ("UTF-16", Err(NoCodePage::Unfit)),
            ("utf-16be", Err(NoCodePage::Unfit)),
            ("iso-2022-jp", Err(NoCodePage::Unfit)),
            ("iso-2022-kr", Err(NoCodePage::Unfit)),
            ("x-user-defined", Err(NoCodePage::Unfit)),
        ] {
            assert_eq!(CodePage::named(name).map(CodePage::name), found, "{name}");
        }
    }

    #[test]
    fn characters() {
        for (name, bytes, text, lengths) in [
            ("windows-1250", &b"a\xf5\x80"[..], "aő€", &[1, 1, 1][..]),
            ("windows-1253", b"\xaa", "\u{fffd}", &[1]),
            ("shift_jis", b"a\x82\xa0\xb1", "aあｱ", &[1, 2, 1]),
            ("euc-jp", b"\x8f\xb0\xa1", "丂", &[3]),
            ("gb18030", b"\x81\x30\x81\x30\xc4\xe3", "\u{80}你", &[4, 2]),
            ("big5", b"\x88\x62", "\u{ca}\u{304}", &[2]),
            ("shift_jis", b"\x82", "\u{fffd}", &[1]),
            (
                "shift_jis",
                b"\xf3\xffa\x82\x7f",
                "\u{fffd}a\u{fffd}\x7f",
                &[2, 1, 1, 1],
            ),
        ] {
            let page = CodePage::named(name).unwrap();
            assert_eq!(*page.decode(bytes), text, "{name}");
            let mut rest = bytes;
            for length in lengths {
                assert_eq!(page.first(rest), *length, "{name} {}", rest.escape_ascii());
                rest = &rest[*length..];
            }
            assert!(rest.is_empty() && page.first(rest) == 0);
        }
    }

    #[test]
    fn text_is_decoded_without_moving() {
        let bytes: alloc::vec::Vec<u8> = (0x80..=0xff).cycle().take(8192).collect();
        for name in [
            "windows-1252",
            "koi8-r",
            "shift_jis",
            "gb18030",
            "big5",
            "euc-kr",
        ] {
            let page = CodePage::named(name).unwrap();
            let text = page.decode(&bytes);
            let most = page
                .0
                .new_decoder()
                .max_utf8_buffer_length(bytes.len())
                .unwrap();
            assert!(text.len() <= most && text.capacity() < most + 64, "{name}");
        }
    }
}
