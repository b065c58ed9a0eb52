//! The codec's tables: heads, rules with their codes and the byte that tells them, limits.

use alloc::vec;
use std::format;
use std::string::String;

use super::*;

const NO_LIMIT: usize = usize::MAX;

/// A frame as a client sends it, with a key of zeros that leaves the payload readable.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() <= MAX_CONTROL);
    let head = [first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    [&head[..], payload].concat()
}

/// Reads all of a stream, as far as it is good.
fn read(stream: &[u8], max_text: usize) -> Result<Vec<Decoded>, Violation> {
    let (mut decoder, mut out, mut rest) = (Decoder::default(), Vec::new(), stream);
    let mut seen = Vec::new();
    loop {
        let decoded = decoder.decode(rest, &mut out, max_text)?;
        let used = match decoded {
            Decoded::Partial => return Ok(seen),
            Decoded::Data { used, .. } => used,
            Decoded::Ping(used, _) | Decoded::Pong(used) | Decoded::Close(used, _) => used,
        };
        seen.push(decoded);
        rest = &rest[used..];
    }
}

#[test]
fn heads_of_ours() {
    let cases: [(Opcode, usize, &[u8]); 10] = [
        (Opcode::Text, 0, &[0x81, 0]),
        (Opcode::Binary, 1, &[0x82, 1]),
        (Opcode::Close, 2, &[0x88, 2]),
        (Opcode::Ping, 125, &[0x89, 125]),
        (Opcode::Pong, 125, &[0x8a, 125]),
        (Opcode::Text, 126, &[0x81, 126, 0, 126]),
        (Opcode::Binary, 0x1234, &[0x82, 126, 0x12, 0x34]),
        (Opcode::Text, 65_535, &[0x81, 126, 0xff, 0xff]),
        (Opcode::Text, 65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (
            Opcode::Binary,
            0x1234_5678,
            &[0x82, 127, 0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78],
        ),
    ];
    for (opcode, length, expected) in cases {
        let (bytes, size) = head(opcode, length);
        assert_eq!(&bytes[..size], expected, "{opcode:?} of {length}");
    }
}

#[test]
fn heads_of_theirs() {
    let cases: [(usize, &[u8]); 9] = [
        (0, &[0x80]),
        (1, &[0x81]),
        (125, &[0xfd]),
        (126, &[0xfe, 0, 126]),
        (127, &[0xfe, 0, 127]),
        (0x1234, &[0xfe, 0x12, 0x34]),
        (65_535, &[0xfe, 0xff, 0xff]),
        (65_536, &[0xff, 0, 0, 0, 0, 0, 1, 0, 0]),
        (0x1_2345, &[0xff, 0, 0, 0, 0, 0, 1, 0x23, 0x45]),
    ];
    for (length, bytes) in cases {
        let head = [&[0x82], bytes, b"\x01\x02\x04\x08"].concat();
        for cut in 0..head.len() {
            let cut = Decoder::default().decode(&head[..cut], &mut Vec::new(), 0);
            assert_eq!(cut, Ok(Decoded::Partial), "{length}");
        }
        // One byte more is the next frame's.
        let stream = [&head[..], &vec![0; length + 1]].concat();
        let mut out = Vec::new();
        let decoded = Decoder::default().decode(&stream, &mut out, 0);
        let (used, kind, end) = (head.len() + length, Kind::Binary, true);
        assert_eq!(decoded, Ok(Decoded::Data { used, kind, end }), "{length}");
        assert!(
            out.iter()
                .copied()
                .eq([1, 2, 4, 8].into_iter().cycle().take(length))
        );
    }
}

#[test]
fn the_head_of_a_frame_is_told_at_once() {
    let mut decoder = Decoder::default();
    let (mut out, kind) = (Vec::new(), Kind::Text);
    // As long as a frame can be, three times: more than there are numbers.
    for (first, told) in [(0x01, true), (0x00, true), (0x00, false)] {
        let head = [
            &[first][..],
            b"\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
        ]
        .concat();
        let (used, end) = (head.len(), false);
        let data = Decoded::Data { used, kind, end };
        let expected = told.then_some(data).ok_or(Violation::LongText);
        assert_eq!(decoder.decode(&head, &mut out, NO_LIMIT - 1), expected);
        // As if all of it had come.
        decoder.frame = None;
    }
    assert_eq!(out, b"");
}

#[test]
fn violations() {
    use Violation::*;
    let begun = frame(0x01, b"begun");
    let bad_utf8 = frame(0x81, b"ab\xff");
    let surrogate = [frame(0x01, b"\xed"), frame(0x00, b"\xa0\x80")].concat();
    let half = [frame(0x01, b"\xe2\x82"), frame(0x80, b"")].concat();
    let half_whole = frame(0x81, b"\xe2\x82");
    let nested = [&begun[..], &frame(0x81, b"new")].concat();
    let after = [frame(0x81, b"done"), frame(0x80, b"more")].concat();
    // The bytes, which rule they break, and by how many bytes that is known.
    let cases: [(&[u8], Violation, usize); 26] = [
        (b"\xc1", ReservedBits, 1),
        (b"\xa2", ReservedBits, 1),
        (b"\x99", ReservedBits, 1),
        (b"\x83", ReservedOpcode, 1),
        (b"\x07", ReservedOpcode, 1),
        (b"\x8b", ReservedOpcode, 1),
        (b"\x8f", ReservedOpcode, 1),
        (b"\x08", FragmentedControl, 1),
        (b"\x09", FragmentedControl, 1),
        (b"\x0a", FragmentedControl, 1),
        (b"\x81\x01", Unmasked, 2),
        (b"\x88\x00", Unmasked, 2),
        (b"\x89\xfe", LongControl, 2),
        (b"\x88\xff", LongControl, 2),
        (b"\x81\xfe\x00\x7d", Length, 4),
        (b"\x82\xff\0\0\0\0\0\0\xff\xff", Length, 10),
        (b"\x82\xff\x80\0\0\0\0\0\0\0", Length, 10),
        (b"\x80\x80\0\0\0\0", UnexpectedContinuation, 6),
        (&after, UnexpectedContinuation, 16),
        (&nested, ExpectedContinuation, 17),
        (b"\x88\x81\0\0\0\0\x03", HalfCloseCode, 7),
        (b"\x88\x82\0\0\0\0\x03\xed", BadCloseCode, 8),
        (&bad_utf8, BadText, 9),
        (&surrogate, BadText, 14),
        (&half, BadText, 14),
        (&half_whole, BadText, 8),
    ];
    for (bytes, violation, told) in cases {
        let what = format!("{}", bytes.escape_ascii());
        for cut in 0..told {
            assert!(read(&bytes[..cut], NO_LIMIT).is_ok(), "{what} at {cut}");
        }
        assert_eq!(read(&bytes[..told], NO_LIMIT), Err(violation), "{what}");
        let more = [bytes, b"more"].concat();
        assert_eq!(read(&more, NO_LIMIT), Err(violation), "{what} and more");
    }
    let reason = frame(0x88, b"\x03\xe8\xc3(");
    assert_eq!(read(&reason, NO_LIMIT), Err(BadCloseReason));
}

#[test]
fn what_violations_are_answered_with() {
    use Violation::*;
    let protocol = [
        ReservedBits,
        ReservedOpcode,
        Unmasked,
        Length,
        FragmentedControl,
        LongControl,
        UnexpectedContinuation,
        ExpectedContinuation,
        HalfCloseCode,
        BadCloseCode,
    ];
    for violation in protocol {
        assert_eq!(violation.close_code().get(), 1002, "{violation:?}");
    }
    assert_eq!(BadText.close_code().get(), 1007);
    assert_eq!(BadCloseReason.close_code().get(), 1007);
    assert_eq!(LongText.close_code().get(), 1009);
}

#[test]
fn the_limit_of_text_is_looked_at_first() {
    let (ten, none) = (&frame(0x81, b"0123456789")[..], Vec::<u8>::new());
    assert!(read(ten, 10).is_ok());
    let mut out = Vec::new();
    let refused = Decoder::default().decode(ten, &mut out, 9);
    assert_eq!((refused, &out), (Err(Violation::LongText), &none));
    // The head alone is enough.
    assert_eq!(read(&ten[..6], 9), Err(Violation::LongText));
    let long = b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0";
    assert_eq!(read(long, 1 << 30), Err(Violation::LongText));
    // All fragments of a message count, and those of one alone.
    let two = [frame(0x01, b"012345"), frame(0x80, b"6789")].concat();
    assert!(read(&two.repeat(2), 10).is_ok());
    assert_eq!(read(&two[..18], 9), Err(Violation::LongText));
    assert!(read(&frame(0x82, b"0123456789"), 9).is_ok());
}

#[test]
fn close_codes() {
    let good = |code: u16| {
        let stream = frame(0x88, &code.to_be_bytes());
        let Ok(decoded) = read(&stream, 0) else {
            return false;
        };
        assert_eq!(decoded, [Decoded::Close(8, Some(CloseCode(code)))]);
        true
    };
    let mut ranges = Vec::new();
    for code in 0..=u16::MAX {
        match (good(code), code.checked_sub(1).is_some_and(good)) {
            (true, false) => ranges.push([code, code]),
            (true, true) => ranges.last_mut().unwrap()[1] = code,
            (false, _) => {}
        }
    }
    // What RFC 6455 section 7.4 and the registry have, without those that are never sent.
    assert_eq!(ranges, [[1000, 1003], [1007, 1014], [3000, 4999]]);
    assert_eq!(
        read(&frame(0x88, b""), 0),
        Ok(vec![Decoded::Close(6, None)])
    );
    let (full, reason) = ([&[3, 232], &[b'*'; 123][..]].concat(), "größer");
    assert!(read(&frame(0x88, &full), 0).is_ok());
    assert!(read(&frame(0x88, &[&[3, 232], reason.as_bytes()].concat()), 0).is_ok());
}

#[test]
fn the_key_goes_on_where_the_bytes_were_cut() {
    let payload: Vec<u8> = (0..23).collect();
    let key = [0x11, 0x22, 0x44, 0x88];
    let masked = payload.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b);
    let stream: Vec<u8> = [0x82, 0x80 | 23]
        .into_iter()
        .chain(key)
        .chain(masked)
        .collect();
    for one in 6..=stream.len() {
        for two in one..=stream.len() {
            let (mut decoder, mut out, mut at) = (Decoder::default(), Vec::new(), 0);
            for end in [one, two, stream.len()] {
                match decoder.decode(&stream[at..end], &mut out, 0) {
                    Ok(Decoded::Data { used, .. }) => at += used,
                    other => assert_eq!((other, at), (Ok(Decoded::Partial), end)),
                }
            }
            assert_eq!(out, payload, "cut at {one} and {two}");
        }
    }
}

#[test]
fn control_frames_come_whole_and_between() {
    let mut ping = [0x89, 0xfd, 1, 2, 3, 4].to_vec();
    ping.extend((0..125).map(|at| at ^ (at % 4 + 1)));
    let mut stream = frame(0x01, b"\xe2\x82");
    let head = stream.len();
    stream.extend(&ping);
    for cut in head..stream.len() {
        assert_eq!(read(&stream[..cut], 9).unwrap().len(), 1, "at {cut}");
    }
    let decoded = read(
        &[&stream[..], &frame(0x8a, b"?"), &frame(0x80, b"\xac")].concat(),
        9,
    );
    let [first, Decoded::Ping(131, payload), Decoded::Pong(7), last] = decoded.unwrap()[..] else {
        panic!("another order");
    };
    let data = |used, end| Decoded::Data {
        used,
        kind: Kind::Text,
        end,
    };
    assert_eq!((first, last), (data(8, false), data(7, true)));
    assert!(payload.as_bytes().iter().copied().eq(0..125));
    let payload = Payload::unmasked(b"a\0\xff", [0; 4]);
    assert_eq!(
        format!("{payload:?}"),
        String::from("Payload(\"a\\x00\\xff\")")
    );
}
