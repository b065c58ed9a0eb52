use super::*;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Feeds `pieces` with a limit of 4 and writes down what comes out.
fn run(pieces: &[&[u8]], telnet: Telnet) -> Vec<String> {
    let rules = Rules {
        limit: 4,
        telnet,
        page: None,
    };
    let (mut framer, mut kept, mut seen) = (Framer::default(), Vec::new(), Vec::new());
    let mut take = |framer: &mut Framer, frame: Frame<'_>| match frame {
        Frame::Command(text, n) => {
            if !text.is_empty() {
                framer.has_begun();
            }
            seen.push(text.escape_ascii().to_string());
            n
        }
        Frame::TooLong(n) => {
            framer.has_begun();
            seen.push("too long".to_string());
            n
        }
        Frame::Skip(n) | Frame::Noise(n) => n,
        Frame::Partial => 0,
    };
    for piece in pieces {
        kept.extend_from_slice(piece);
        loop {
            let frame = framer.next(&kept, rules);
            let n = take(&mut framer, frame);
            if n == 0 {
                break;
            }
            kept.drain(..n);
        }
        assert!(
            kept.len() <= 6,
            "keeps no more than a command and half a terminator or sequence"
        );
    }
    if !kept.is_empty() {
        let frame = framer.finish(&kept, 4);
        take(&mut framer, frame);
    }
    seen
}

fn check(cases: &[(&[u8], &[&str])], telnet: Telnet) {
    for (input, commands) in cases {
        let text = input.escape_ascii();
        assert_eq!(run(&[input], telnet), *commands, "whole: {text}");
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(run(&bytes, telnet), *commands, "bytewise: {text}");
        for cut in 0..input.len() {
            let (a, b) = input.split_at(cut);
            assert_eq!(run(&[a, b], telnet), *commands, "cut at {cut}: {text}");
        }
    }
}

#[test]
fn terminators() {
    let cases: [(&[u8], &[&str]); 20] = [
        (b"", &[]),
        (b"a\0b\0", &["a", "b"]),
        (b"a\nb\r\nc", &["a", "b", "c"]),
        (b"a\0b\nc\0", &["a", "b\\nc"]),
        (b"a\nb\0c\n", &["a", "b", "c\\n"]),
        (b"a\n\0b\n\0", &["a", "", "b\\n"]),
        (b"a\0\nb\0\n", &["a", "\\nb", "\\n"]),
        (b"\na\0b\n", &["", "a", "b\\n"]),
        (b"\r\na\0", &["", "a"]),
        (b"\0\0a\0", &["", "", "a"]),
        (b"a\rb\0", &["a\\rb"]),
        (b"abcd\0", &["abcd"]),
        (b"abcde\0f\0", &["too long", "f"]),
        (b"abcd\r\nefgh\r\n", &["abcd", "efgh"]),
        (b"abcd\r\0", &["too long"]),
        (b"abcdefgh\0ij\n\0", &["too long", "ij\\n"]),
        (b"abcdefgh\nij\0\n", &["too long", "ij", "\\n"]),
        (b"abcde", &["too long"]),
        (b"abcd\r", &["too long"]),
        (b"x\nabcd\rz\n", &["x", "too long"]),
    ];
    for telnet in [Telnet::Everywhere, Telnet::Before, Telnet::Nowhere] {
        check(&cases, telnet);
    }
}

#[test]
fn a_byte_order_mark_is_dropped_once_before_the_first_command() {
    let cases: [(&[u8], &[&str]); 7] = [
        (b"\xef\xbb\xbfabcd\0", &["abcd"]),
        (b"\n\0\xef\xbb\xbfabcd\0", &["", "", "abcd"]),
        (b"\xef\xbb\xbf\n\xef\xbb\xbf\n", &["", "\\xef\\xbb\\xbf"]),
        (b"a\0\xef\xbb\xbf\0", &["a", "\\xef\\xbb\\xbf"]),
        (b"\xef\xbb\0", &["\\xef\\xbb"]),
        (b"\xef\xbb", &["\\xef\\xbb"]),
        (b"\xef\xbb\xbf", &[]),
    ];
    for telnet in [Telnet::Everywhere, Telnet::Before, Telnet::Nowhere] {
        check(&cases, telnet);
    }
}

#[test]
fn telnet_ends_no_command() {
    let cases: [(&[u8], &[&str]); 17] = [
        (b"\xff\xfb\x1f\xff\xfd\x03ab\r\n", &["ab"]),
        (b"\xff\xfb\0\xff\xfd\nab\n", &["ab"]),
        (b"\xff\xfa\x1f\0P\0\x18\xff\xf0ab\n", &["ab"]),
        (b"\xff\xf1\xef\xbb\xbf\xff\xf1abcd\n", &["abcd"]),
        (b"ab\n\xff\xf1cd\n", &["ab", "cd"]),
        (b"a\xff\xf1\n", &["a\\xff\\xf1"]),
        (b"a\xff\xfb\n\n", &["a\\xff\\xfb\\n"]),
        (b"\xff\xfa1234567890\xff\xf0ab\n", &["ab"]),
        (b"a\xff\xfa\0\n67\n\xff\xf0b\nc\n", &["too long", "c"]),
        (b"abcde\xff\xfb\nx\nc\n", &["too long", "c"]),
        (b"a\xff\0b\0", &["a\\xff", "b"]),
        (b"\xff\0b\0", &["\\xff", "b"]),
        (b"a\xff\xff\0b\0", &["a\\xff\\xff", "b"]),
        (b"a\xff", &["a\\xff"]),
        (b"a\xff\xfb", &["a\\xff\\xfb"]),
        (b"\xff\xfa\xff", &[]),
        (b"abcdef\xff", &["too long"]),
    ];
    check(&cases, Telnet::Everywhere);
}

#[test]
fn in_a_code_page_telnet_is_looked_for_before_the_first_command() {
    let cases: [(&[u8], &[&str]); 6] = [
        (b"\xff\xfb\0\xff\xfa\0\xff\xf0ab\0", &["ab"]),
        (b"\n\xff\xfb\0ab\n", &["", "ab"]),
        (b"a\xff\xfb\0b\0", &["a\\xff\\xfb", "b"]),
        (b"a\0\xff\xfb\0b\0", &["a", "\\xff\\xfb", "b"]),
        (b"\xffa\0", &["\\xffa"]),
        (b"\xff", &["\\xff"]),
    ];
    check(&cases, Telnet::Before);
    let cases: [(&[u8], &[&str]); 1] = [(b"\xff\xfb\0ab\0", &["\\xff\\xfb", "ab"])];
    check(&cases, Telnet::Nowhere);
}
