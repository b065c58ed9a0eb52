//! Which bytes of a file a request asks for (RFC 9110 section 14).

/// What a `Range` field selects of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// All of it: the field is malformed, of another unit, or asks for several ranges at once.
    Whole,
    /// These bytes, at least one.
    Part { from: usize, length: usize },
    /// None of its bytes.
    Nothing,
}

impl Range {
    /// Reads the field of a request for a file of `size` bytes.
    pub(crate) fn read(field: &[u8], size: usize) -> Self {
        let Some((first, last)) = single(field) else {
            return Self::Whole;
        };
        let (from, end) = match (first, last) {
            // There are no bytes to say the range of.
            _ if size == 0 => return Self::Whole,
            (Some(first), Some(last)) if last < first => return Self::Whole,
            (Some(first), Some(last)) => (first, last.saturating_add(1).min(size)),
            (Some(first), None) => (first, size),
            (None, Some(suffix)) => (size.saturating_sub(suffix), size),
            (None, None) => return Self::Whole,
        };
        match end.checked_sub(from) {
            Some(length @ 1..) => Self::Part { from, length },
            Some(0) | None => Self::Nothing,
        }
    }
}

/// The numbers before and after the dash of `bytes=0-99`, each of which may be missing.
fn single(field: &[u8]) -> Option<(Option<usize>, Option<usize>)> {
    let (unit, range) = str::from_utf8(field).ok()?.split_once('=')?;
    let (first, last) = range.trim_matches([' ', '\t']).split_once('-')?;
    let numbers = (number(first)?, number(last)?);
    unit.eq_ignore_ascii_case("bytes").then_some(numbers)
}

/// A number that may be missing. One that is too large is behind the end of every file.
fn number(digits: &str) -> Option<Option<usize>> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| (!digits.is_empty()).then(|| digits.parse().unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        use Range::{Nothing, Part, Whole};
        let part = |from, length| Part { from, length };
        for (field, size, selection) in [
            ("bytes=0-1", 10, part(0, 2)),
            ("bytes=0-", 10, part(0, 10)),
            ("Bytes= 3-3 ", 10, part(3, 1)),
            ("bytes=9-99", 10, part(9, 1)),
            ("bytes=9-99999999999999999999999", 10, part(9, 1)),
            ("bytes=-3", 10, part(7, 3)),
            ("bytes=-99", 10, part(0, 10)),
            ("bytes=-99999999999999999999999", 10, part(0, 10)),
            ("bytes=10-", 10, Nothing),
            ("bytes=10-20", 10, Nothing),
            ("bytes=99999999999999999999999-", 10, Nothing),
            ("bytes=-0", 10, Nothing),
            ("bytes=0-0", 0, Whole),
            ("bytes=-1", 0, Whole),
            ("bytes=2-1", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=", 10, Whole),
            ("bytes", 10, Whole),
            ("", 10, Whole),
            ("bytes=0-1,3-4", 10, Whole),
            ("bytes=0-1-2", 10, Whole),
            ("bytes=+1-2", 10, Whole),
            ("bytes=0x1-2", 10, Whole),
            ("bytes =0-1", 10, Whole),
            ("lines=0-1", 10, Whole),
        ] {
            assert_eq!(
                Range::read(field.as_bytes(), size),
                selection,
                "{field} of {size}"
            );
        }
        assert_eq!(Range::read(b"bytes=\xff-1", 10), Whole);
    }
}
