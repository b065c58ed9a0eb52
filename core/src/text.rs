//! White space around commands, which old clients send, and the length of texts.

/// Drops white space around a command or its last argument: Flash text fields end in CR, `nc` in LF.
#[inline]
pub(crate) fn trim(text: &str) -> &str {
    let bytes = text.as_bytes();
    let is_text = |byte: &u8| !is_space(*byte);
    let start = bytes.iter().position(is_text).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(is_text).map_or(start, |at| at + 1);
    &text[start..end]
}

/// Whether a command is nothing but white space; old players send such commands after non-ASCII text.
pub(crate) fn is_blank(command: &[u8]) -> bool {
    command.iter().copied().all(is_space)
}

/// The text up to this many characters.
pub(crate) fn first_chars(text: &str, most: usize) -> &str {
    let end = text.char_indices().nth(most);
    end.map_or(text, |(end, _)| &text[..end])
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'\x0b' | b'\x0c')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space() {
        assert_eq!(trim(" \t\r\n\x0b\x0cMSG a b\r\n"), "MSG a b");
        assert_eq!(trim("\u{a0}x\u{2003}"), "\u{a0}x\u{2003}");
        assert!(is_blank(b"") && is_blank(b" \t\r\n\x0b\x0c") && !is_blank(b" \0"));
    }

    #[test]
    fn the_first_characters() {
        for (text, most, first) in [
            ("", 1, ""),
            ("aé🦀b", 3, "aé🦀"),
            ("aé", 2, "aé"),
            ("a", 0, ""),
        ] {
            assert_eq!(first_chars(text, most), first, "{text} {most}");
        }
    }
}
