//! Bytes as they are written in transcripts and shown in error messages.

use std::ops::Range;

use super::frames::{self, Frames};

/// Reads `PING x\0` as the bytes it stands for.
///
/// `\0 \n \r \t \\` are as in most languages, `\xHH` is any byte, `\s` is a space that an editor would strip from the
/// end of a line, `{MSG bob hi\0*100}` is a repetition, and `{text hi}` is a frame.
pub(super) fn unescape(text: &str, frames: Frames) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = match c {
            '\\' => one_escape(&rest[1..], &mut out)?,
            '{' => braces(rest, frames, &mut out)?,
            c => literal(rest, c, &mut out),
        }
    }
    Ok(out)
}

/// Reads a frame or a repetition; anything else in braces is text (JSON, for one).
fn braces<'a>(rest: &'a str, frames: Frames, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let Some((inside, after)) = group(rest) else {
        if frames.begins(&rest[1..]) {
            return Err("a frame without its end (write \\x7b for a brace)".to_owned());
        }
        return Ok(literal(rest, '{', out));
    };
    if let Some(frame) = frames.read(inside)? {
        out.extend(frame);
        return Ok(after);
    }
    if let Some((body, times)) = repetition(inside) {
        out.extend(unescape(body, frames)?.repeat(times));
        return Ok(after);
    }
    Ok(literal(rest, '{', out))
}

/// Splits `{inside}after`; braces inside come in pairs.
fn group(rest: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&rest[1..at], &rest[at + 1..]));
        }
    }
    None
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

/// Splits `body*times`.
fn repetition(inside: &str) -> Option<(&str, usize)> {
    let (body, times) = inside.rsplit_once('*')?;
    let times = times.parse().ok().filter(|_| !body.is_empty())?;
    Some((body, times))
}

/// Writes a part of a stream so that [`unescape`] reads it back. `frames` are all frames of the stream; those in the
/// part are written as frames. Runs of one character become repetitions.
pub(super) fn show(stream: &[u8], part: Range<usize>, frames: &[Range<usize>]) -> String {
    let written = |special: &[char]| {
        let mut out = String::new();
        let mut at = part.start;
        let inside = |f: &&Range<usize>| f.start >= part.start && f.end <= part.end;
        for frame in frames.iter().filter(inside) {
            out.push_str(&escape_runs(&stream[at..frame.start], special));
            out.push_str(&frames::write(&stream[frame.clone()]));
            at = frame.end;
        }
        out.push_str(&escape_runs(&stream[at..part.end], special));
        if let Some(start) = out.strip_suffix(' ') {
            out = format!("{start}\\s");
        }
        out
    };
    // A brace stays a brace where it cannot be misread.
    let text = written(&[]);
    match unescape(&text, Frames::Plain) {
        Ok(bytes) if bytes == stream[part.clone()] => text,
        Ok(_) | Err(_) => written(&['{']),
    }
}

/// Writes the payload of a frame, in which a brace must be escaped.
pub(super) fn escape_payload(payload: &[u8]) -> String {
    escape_runs(payload, &['{', '}'])
}

fn escape_runs(bytes: &[u8], special: &[char]) -> String {
    let mut out = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let run = run(&bytes[at..]);
        if run_starts(bytes, at) {
            let body = escape_plain(&bytes[at..=at], &['{', '}']);
            out.push_str(&format!("{{{body}*{run}}}"));
            at += run;
            continue;
        }
        let end = (at..bytes.len())
            .find(|&i| run_starts(bytes, i))
            .unwrap_or(bytes.len());
        out.push_str(&escape_plain(&bytes[at..end], special));
        at = end;
    }
    out
}

fn run(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&b| b == bytes[0]).count()
}

fn run_starts(bytes: &[u8], at: usize) -> bool {
    bytes[at].is_ascii() && bytes.len() - at >= RUN && run(&bytes[at..]) >= RUN
}

fn escape_plain(bytes: &[u8], special: &[char]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\0' => out.push_str("\\0"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\\' => out.push_str("\\\\"),
                c if special.contains(&c) => out.push_str(&format!("\\x{:02x}", c as u32)),
                // No-break spaces, joiners and similar characters would be invisible in a file.
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

/// Describes the first difference between what was expected and what came, with the bytes around it. `told` precedes
/// both in the stream.
pub(super) fn difference(told: &[u8], expected: &[u8], got: &[u8]) -> String {
    let common = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let place = if expected.len().max(got.len()) <= SHOWN {
        String::new()
    } else {
        format!("\n  they differ from byte {common} on")
    };
    let [expected, got] = [expected, got].map(|bytes| window(told, bytes, common));
    format!("\n  expected: {expected}\n  got:      {got}{place}")
}

fn window(told: &[u8], bytes: &[u8], around: usize) -> String {
    if bytes.is_empty() {
        return "(nothing)".to_owned();
    }
    let stream = [told, bytes].concat();
    let frames = frames::whole(&stream);
    let told = told.len();
    if bytes.len() <= SHOWN {
        return show(&stream, told..stream.len(), &frames);
    }
    let around = told + around;
    let start = around.saturating_sub(SHOWN / 4).max(told);
    // Shows a whole frame rather than its last bytes, if it is not too long.
    let cut = frames.iter().find(|frame| frame.contains(&start));
    let cut = cut.map(|frame| frame.start);
    let start = cut
        .filter(|&cut| cut >= told && around - cut <= SHOWN / 2)
        .unwrap_or(start);
    let end = (start + SHOWN).min(stream.len());
    let start = start.min(end);
    let (before, after) = (start - told, stream.len() - end);
    let shown = show(&stream, start..end, &frames);
    format!("({before} bytes) {shown} ({after} bytes)")
}

/// The length of a run that is written as a repetition.
const RUN: usize = 32;

/// How many bytes of a difference are shown.
const SHOWN: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::frames::UPGRADED;
    use std::string::ToString;
    use std::vec;

    fn escape(bytes: &[u8]) -> String {
        show(bytes, 0..bytes.len(), &[])
    }

    #[test]
    fn what_is_written_is_read_back() {
        let cases: &[(&str, &[u8])] = &[
            ("PING a\\0", b"PING a\0"),
            ("\\r\\n\\t\\\\\\s", b"\r\n\t\\ "),
            ("\\xff\\x0b", b"\xff\x0b"),
            ("{\"a\":1}", b"{\"a\":1}"),
            ("{}", b"{}"),
            ("\\x7ba*3}", b"{a*3}"),
            ("\\x7b\\xff*3}", b"{\xff*3}"),
            ("\\x7btext a}", b"{text a}"),
            ("\\x7btext a", b"{text a"),
            (
                "\\x7b{b*40}*2}",
                b"{bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb*2}",
            ),
            ("{\\x7b*40}", b"{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{"),
            ("Árvíz", "Árvíz".as_bytes()),
        ];
        for (text, bytes) in cases {
            assert_eq!(unescape(text, Frames::None).unwrap(), *bytes, "{text}");
            assert_eq!(escape(bytes), *text);
        }
    }

    #[test]
    fn repetitions() {
        let unescape = |text| unescape(text, Frames::None);
        assert_eq!(unescape("{ab\\0*3}c").unwrap(), b"ab\0ab\0ab\0c");
        assert_eq!(unescape("x{a*0}y").unwrap(), b"xy");
        assert_eq!(escape(&vec![b'x'; 8192]), "{x*8192}");
        let mixed = ["a".to_string(), "b".repeat(40), "cc".to_string()].concat();
        assert_eq!(escape(mixed.as_bytes()), "a{b*40}cc");
        assert_eq!(escape(&[0; 40]), "{\\0*40}");
    }

    #[test]
    fn frames_are_shown_as_frames_behind_an_upgrade() {
        let frames = b"\x82\x03ab\0\x88\x02\x03\xe8";
        let cases: [(&[u8], &[u8], &str); 4] = [
            (UPGRADED, frames, "{binary ab\\0}{close 1000}"),
            (UPGRADED, &frames[..8], "{binary ab\\0}\\x88\\x02\\x03"),
            (b"", frames, "\\x82\\x03ab\\0\\x88\\x02\\x03\\xe8"),
            (
                &[UPGRADED, &frames[..3]].concat(),
                &frames[3..],
                "b\\0{close 1000}",
            ),
        ];
        for (told, got, shown) in cases {
            let told = difference(told, b"", got);
            assert_eq!(
                told,
                format!("\n  expected: (nothing)\n  got:      {shown}")
            );
        }
    }

    #[test]
    fn long_streams_are_shown_around_the_difference() {
        let some = unescape(&"{binary <pong/>\\0}".repeat(100), Frames::Plain).unwrap();
        let mut other = some.clone();
        other[50 * 10 + 3] = b'x';
        let told = difference(UPGRADED, &some, &other);
        let right = "\n  expected: (350 bytes) {binary <pong/>\\0}{binary ";
        assert!(told.starts_with(right), "{told}");
        assert!(told.contains("{binary <xong/>"), "{told}");
        assert!(told.ends_with("they differ from byte 503 on"), "{told}");
    }

    #[test]
    fn mistakes_are_errors() {
        for text in ["\\", "\\q", "\\x", "\\x1", "\\xgg", "\\é"] {
            assert!(unescape(text, Frames::None).is_err(), "{text}");
        }
    }
}
