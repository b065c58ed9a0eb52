//! Bytes as a person writes them, and as an error message shows them.

use std::borrow::ToOwned;
use std::format;
use std::string::String;
use std::vec::Vec;

/// Reads `PING x\0` as the bytes it stands for.
///
/// `\0 \n \r \t \\` are what they are in most languages, `\xHH` is any byte, `\s` a space that an
/// editor would strip from the end of a line, and `{MSG bob hi\0*100}` a hundred of the same.
pub(super) fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '\\' => rest = one_escape(&rest[1..], &mut out)?,
            '{' => match repetition(rest) {
                Some((body, times, after)) => {
                    out.extend(unescape(body)?.repeat(times));
                    rest = after;
                }
                None => rest = literal(rest, c, &mut out),
            },
            c => rest = literal(rest, c, &mut out),
        }
    }
    Ok(out)
}

fn literal<'a>(rest: &'a str, c: char, out: &mut Vec<u8>) -> &'a str {
    let (this, after) = rest.split_at(c.len_utf8());
    out.extend_from_slice(this.as_bytes());
    after
}

fn one_escape<'a>(rest: &'a str, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let wrong = || format!("unknown escape \\{}", rest.chars().next().unwrap_or(' '));
    let (byte, len) = match rest.as_bytes().first() {
        Some(b'0') => (0, 1),
        Some(b'n') => (b'\n', 1),
        Some(b'r') => (b'\r', 1),
        Some(b't') => (b'\t', 1),
        Some(b's') => (b' ', 1),
        Some(b'\\') => (b'\\', 1),
        Some(b'x') => {
            let hex = rest.get(1..3).ok_or_else(wrong)?;
            let byte = u8::from_str_radix(hex, 16);
            (byte.map_err(|_| format!("\\x{hex} is not a byte"))?, 3)
        }
        Some(_) | None => return Err(wrong()),
    };
    out.push(byte);
    Ok(&rest[len..])
}

/// Takes `{body*times}` apart; anything else in braces is text (JSON, for one).
fn repetition(rest: &str) -> Option<(&str, usize, &str)> {
    let (inside, after) = rest.strip_prefix('{')?.split_once('}')?;
    let (body, times) = inside.rsplit_once('*')?;
    let plain = !body.is_empty() && !body.contains('{');
    let times = times.parse().ok().filter(|_| plain)?;
    Some((body, times, after))
}

/// Writes bytes so that [`unescape`] reads them back. Runs of one character become a repetition.
pub(super) fn escape(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let run = run(&bytes[at..]);
        if run >= RUN {
            let body = escape_plain(&bytes[at..=at]);
            out.push_str(&format!("{{{body}*{run}}}"));
            at += run;
            continue;
        }
        let end = (at..bytes.len())
            .find(|&i| run_starts(bytes, i))
            .unwrap_or(bytes.len());
        out.push_str(&escape_plain(&bytes[at..end]));
        at = end;
    }
    if let Some(start) = out.strip_suffix(' ') {
        out = format!("{start}\\s");
    }
    out
}

fn run(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&b| b == bytes[0]).count()
}

fn run_starts(bytes: &[u8], at: usize) -> bool {
    bytes[at].is_ascii() && bytes.len() - at >= RUN && run(&bytes[at..]) >= RUN
}

fn escape_plain(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for (at, c) in chunk.valid().char_indices() {
            match c {
                '\0' => out.push_str("\\0"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\\' => out.push_str("\\\\"),
                '{' if repetition(&chunk.valid()[at..]).is_some() => out.push_str("\\x7b"),
                // No-break spaces, joiners and the like would be invisible in a file.
                c if c.is_control() || (c.is_whitespace() && c != ' ') || invisible(c) => {
                    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                        out.push_str(&format!("\\x{byte:02x}"));
                    }
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

fn invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

/// What differs between two byte strings, with what is around the first difference.
pub(super) fn difference(expected: &[u8], got: &[u8]) -> String {
    let common = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let place = if expected.len().max(got.len()) <= SHOWN {
        String::new()
    } else {
        format!("\n  they differ from byte {common} on")
    };
    format!(
        "\n  expected: {}\n  got:      {}{place}",
        window(expected, common),
        window(got, common)
    )
}

fn window(bytes: &[u8], around: usize) -> String {
    if bytes.is_empty() {
        return "(nothing)".to_owned();
    }
    if bytes.len() <= SHOWN {
        return escape(bytes);
    }
    let start = around.saturating_sub(SHOWN / 4);
    let end = (start + SHOWN).min(bytes.len());
    let start = start.min(end);
    let (before, after) = (start, bytes.len() - end);
    format!(
        "({before} bytes) {} ({after} bytes)",
        escape(&bytes[start..end])
    )
}

/// A run this long is written as a repetition.
const RUN: usize = 32;

/// Bytes of a mismatch that are shown.
const SHOWN: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec;

    #[test]
    fn what_is_written_is_read_back() {
        let cases: &[(&str, &[u8])] = &[
            ("PING a\\0", b"PING a\0"),
            ("\\r\\n\\t\\\\\\s", b"\r\n\t\\ "),
            ("\\xff\\x0b", b"\xff\x0b"),
            ("{\"a\":1}", b"{\"a\":1}"),
            ("{}", b"{}"),
            ("\\x7ba*3}", b"{a*3}"),
            ("Árvíz", "Árvíz".as_bytes()),
        ];
        for (text, bytes) in cases {
            assert_eq!(unescape(text).unwrap(), *bytes, "{text}");
            assert_eq!(escape(bytes), *text);
        }
    }

    #[test]
    fn repetitions() {
        assert_eq!(unescape("{ab\\0*3}c").unwrap(), b"ab\0ab\0ab\0c");
        assert_eq!(unescape("x{a*0}y").unwrap(), b"xy");
        assert_eq!(escape(&vec![b'x'; 8192]), "{x*8192}");
        let mixed = ["a".to_string(), "b".repeat(40), "cc".to_string()].concat();
        assert_eq!(escape(mixed.as_bytes()), "a{b*40}cc");
        assert_eq!(escape(&[0; 40]), "{\\0*40}");
    }

    #[test]
    fn mistakes_are_told() {
        for text in ["\\", "\\q", "\\x", "\\x1", "\\xgg", "\\é"] {
            assert!(unescape(text).is_err(), "{text}");
        }
    }
}
