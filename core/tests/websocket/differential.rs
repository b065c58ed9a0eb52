//! The codec and tungstenite's server read random frames, whole and broken, in the same way.

use std::collections::BTreeMap;

use crate::agreement::{End, LIMIT, agree, ours, theirs};
use crate::frames::{
    BINARY, BINARY_BEGINS, CLOSE, LAST, MORE, PING, PONG, Random, TEXT, TEXT_BEGINS, masked,
};

const ROUNDS: u64 = 20_000;

#[test]
fn both_read_the_same() {
    let mut seen = BTreeMap::<String, u32>::new();
    for seed in 0..ROUNDS {
        let mut random = Random(seed);
        let stream = stream(&mut random);
        let (ours, our_end) = ours(&stream, &mut || random.within(1..40));
        let (theirs, their_end) = theirs(&stream, &mut || random.within(1..200));
        let same = agree(&ours, &our_end, &theirs, &their_end);
        assert!(
            same,
            "seed {seed}: {}\n ours: {ours:?}, {our_end:?}\n theirs: {theirs:?}, {their_end:?}",
            stream.escape_ascii()
        );
        let kind = match our_end {
            End::Open => String::from("Open"),
            End::Closed(_) => String::from("Closed"),
            End::Broken(violation) => format!("{violation:?}"),
        };
        *seen.entry(kind).or_default() += 1;
    }
    eprintln!("{ROUNDS} streams: {seen:?}");
    // Every rule must be broken many times.
    assert_eq!(seen.len(), 15);
    assert!(seen.values().all(|times| *times > 10));
}

/// Some messages, half of them broken; then pings, so that a frame is noticed that only one of the two took.
fn stream(random: &mut Random) -> Vec<u8> {
    let mut frames = Vec::new();
    for _ in 0..random.within(1..6) {
        some_frames(random, &mut frames);
    }
    if random.one_in(2) {
        let which = random.within(0..frames.len());
        break_frame(random, &mut frames[which]);
    }
    let mut bytes = frames.concat();
    if random.one_in(4) {
        for _ in 0..random.within(1..4) {
            let at = random.within(0..bytes.len());
            bytes[at] ^= 1 << random.within(0..8);
        }
    }
    if random.one_in(8) {
        bytes.truncate(random.within(0..bytes.len()));
    }
    bytes.extend(masked(PING, b"probe", random.key()).repeat(40));
    bytes
}

/// A message in several frames with control frames between them, or a frame of another kind.
fn some_frames(random: &mut Random, frames: &mut Vec<Vec<u8>>) {
    let mut put = |random: &mut Random, first: u8, payload: &[u8]| {
        frames.push(masked(first, payload, random.key()));
    };
    let (whole, begins, payload) = match random.within(0..12) {
        0..6 => (TEXT, TEXT_BEGINS, text(random)),
        6..10 => (BINARY, BINARY_BEGINS, bytes(random)),
        10 => return other_frame(random, &mut put),
        _ => return any_frame(random, &mut put),
    };
    let mut rest = &payload[..];
    let mut first = begins;
    while random.one_in(2) {
        let (now, later) = rest.split_at(random.within(0..rest.len() + 1));
        put(random, first, now);
        (rest, first) = (later, MORE);
        if random.one_in(3) {
            let first = random.one_of(&[PING, PONG]);
            put(random, first, b"between");
        }
    }
    let last = if first == begins { whole } else { LAST };
    put(random, last, rest);
}

fn other_frame(random: &mut Random, put: &mut impl FnMut(&mut Random, u8, &[u8])) {
    let code = random.one_of(&[
        0, 999, 1000, 1001, 1004, 1005, 1011, 1012, 1013, 1014, 1015, 1016,
    ]);
    let code: u16 = random.one_of(&[code, 2999, 3000, 4999, 5000]);
    let reason: &[u8] = random.one_of(&[b"", b"reason", "größer".as_bytes(), b"\xc3", b"\xff"]);
    match random.within(0..6) {
        0 => put(random, CLOSE, b""),
        1 => put(random, CLOSE, b"x"),
        2 | 3 => put(random, CLOSE, &[&code.to_be_bytes(), reason].concat()),
        4 => put(random, PING, reason),
        _ => put(random, PONG, reason),
    }
}

/// A frame whose first byte may be anything.
fn any_frame(random: &mut Random, put: &mut impl FnMut(&mut Random, u8, &[u8])) {
    let first = random.next() as u8;
    let payload = bytes(random);
    put(random, first, &payload);
}

fn text(random: &mut Random) -> Vec<u8> {
    let words = ["", "a", "plain ", "ß", "€uro", "😀", "\u{10ffff}", "\0"];
    let words = (0..random.within(0..8)).map(|_| random.one_of(&words));
    let mut text = words.collect::<String>().into_bytes();
    if random.one_in(300) {
        text.resize(LIMIT + random.within(0..3), b'x');
    }
    if random.one_in(10) {
        let wrong: &[u8] = random.one_of(&[b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98"]);
        let at = random.within(0..text.len() + 1);
        text.splice(at..at, wrong.iter().copied());
    }
    text
}

fn bytes(random: &mut Random) -> Vec<u8> {
    let length = random.one_of(&[0, 1, 3, 4, 5, 7, 124, 125, 126, 127, 300]);
    (0..length).map(|_| random.next() as u8).collect()
}

/// Breaks the head of a frame; the payload stays as it is.
fn break_frame(random: &mut Random, frame: &mut Vec<u8>) {
    let bits = frame[1] & 0x7f;
    match random.within(0..5) {
        0 => frame[0] ^= random.one_of(&[0x10, 0x20, 0x40, 0x80]),
        1 => frame[0] = frame[0] & 0xf0 | random.within(0..16) as u8,
        2 => frame[1] &= 0x7f,
        3 if bits < 126 => {
            // The same length in three bytes or nine.
            let zeros = random.one_of(&[1, 7]);
            frame[1] = if zeros == 1 { 0xfe } else { 0xff };
            frame.splice(2..2, [vec![0; zeros], vec![bits]].concat());
        }
        _ => frame[1] ^= random.one_of(&[1, 2, 4, 64]),
    }
}
