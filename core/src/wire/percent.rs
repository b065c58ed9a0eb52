//! Paths in requests and in `Location` (RFC 3986).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Decodes a path once (RFC 3986 section 2.1). `None` if it cannot name a file: an escape is malformed or stands
/// for a NUL or for a slash inside a name, or the text is not UTF-8.
pub(crate) fn decoded(path: &str) -> Option<String> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (&[high, low], after) = rest.split_first_chunk()?;
        rest = after;
        let byte = hex(high)? << 4 | hex(low)?;
        if byte == 0 || byte == b'/' {
            return None;
        }
        out.push(byte);
    }
    String::from_utf8(out).ok()
}

fn hex(digit: u8) -> Option<u8> {
    // A hexadecimal digit is less than 16.
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

/// A path for a `Location`. All but plain characters are escaped, since browsers read a backslash as a slash, and
/// two slashes at the start as a host.
pub(crate) fn encoded(path: &str) -> String {
    escaped(path, |b| {
        b.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=:@".contains(&b)
    })
}

/// A client's query, made safe for a header.
pub(crate) fn query(query: &str) -> String {
    escaped(query, |b| b.is_ascii_graphic())
}

fn escaped(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;

    #[test]
    fn paths_are_decoded_once() {
        for (path, text) in [
            ("/a b", Some("/a b")),
            ("/a%20b%2Bc+d", Some("/a b+c+d")),
            ("/%c3%A9\u{e9}", Some("/\u{e9}\u{e9}")),
            ("/%2561", Some("/%61")),
            ("/%2e%2E", Some("/..")),
            ("", Some("")),
            ("/%00", None),
            ("/a%2fb", None),
            ("/%", None),
            ("/%2", None),
            ("/%+2", None),
            ("/%g0", None),
            ("/%c3", None),
            ("/%c3%28", None),
        ] {
            assert_eq!(decoded(path), text.map(str::to_owned), "{path}");
        }
    }

    #[test]
    fn what_a_header_gets() {
        assert_eq!(
            encoded("/a b/\u{e9}~'%?#\\\"\r\n"),
            "/a%20b/%C3%A9~'%25%3F%23%5C%22%0D%0A"
        );
        assert_eq!(
            query("a=b%20&c=\u{e9}\"\\\r\n"),
            "a=b%20&c=%C3%A9\"\\%0D%0A"
        );
    }
}
