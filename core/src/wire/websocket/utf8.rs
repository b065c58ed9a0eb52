//! Checks UTF-8 as it arrives, in any pieces (RFC 6455 section 8.1): a message that is wrong in its first frame is
//! refused before the other frames arrive.

/// The state of a text after the bytes so far: its last character may be unfinished.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Utf8 {
    begun: [u8; 4],
    len: u8,
}

impl Utf8 {
    /// Checks more of the text. Returns whether all of it can be UTF-8.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> bool {
        while self.len > 0 {
            let Some((next, rest)) = bytes.split_first() else {
                return true;
            };
            bytes = rest;
            let len = usize::from(self.len);
            self.begun[len] = *next;
            match core::str::from_utf8(&self.begun[..=len]) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => self.len += 1,
            }
        }
        let Err(error) = core::str::from_utf8(bytes) else {
            return true;
        };
        if error.error_len().is_some() {
            return false;
        }
        // At most three bytes are the beginning of a character.
        let begun = &bytes[error.valid_up_to()..];
        self.begun[..begun.len()].copy_from_slice(begun);
        self.len = begun.len() as u8;
        true
    }

    /// Whether the text may end here.
    pub(super) fn is_whole(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_the_standard_library_at_every_cut() {
        let texts: [&[u8]; 16] = [
            b"",
            b"plain",
            "κόσμε".as_bytes(),
            "a€😀\u{10ffff}\0".as_bytes(),
            b"\xf4\x90\x80\x80",
            b"\xed\xa0\x80",
            b"\xc0\xaf",
            b"\xe0\x80\xaf",
            b"\xf8\x88\x80\x80\x80",
            b"\x80",
            b"\xff",
            b"ok\xce",
            b"\xce\xba\xe1\xbd",
            b"\xf0\x9f\x98",
            b"\xf0\x9f\x98a",
            b"\xe2\x82\xac\xe2\x28\xa1",
        ];
        for text in texts {
            let good = core::str::from_utf8(text).is_ok();
            for a in 0..=text.len() {
                for b in a..=text.len() {
                    let mut utf8 = Utf8::default();
                    let taken = [&text[..a], &text[a..b], &text[b..]]
                        .into_iter()
                        .all(|piece| utf8.take(piece));
                    assert_eq!(
                        taken && utf8.is_whole(),
                        good,
                        "{} cut at {a} and {b}",
                        text.escape_ascii()
                    );
                    // A caller that goes on after the refusal gets no sense, but no panic.
                    utf8.take(text);
                }
            }
        }
    }

    #[test]
    fn a_wrong_byte_is_told_at_once() {
        let cases: [(&[u8], usize); 5] = [
            (b"ab\xff", 2),
            (b"\xf4\x90", 1),
            (b"\xed\xa0", 1),
            (b"\xce\xce", 1),
            (b"\xe0\x80", 1),
        ];
        for (text, wrong) in cases {
            let mut utf8 = Utf8::default();
            let first = text.iter().position(|byte| !utf8.take(&[*byte]));
            assert_eq!(first, Some(wrong), "{}", text.escape_ascii());
        }
    }
}
