//! The codec beside tungstenite's server: random frames, whole and broken, mean the same to both.
//!
//! Where the two differ on purpose:
//!
//! - A length that is not in its shortest form is an error here (RFC 6455 section 5.2), for a control
//!   frame as for any other; tungstenite takes it.
//! - tungstenite reads a frame when all of it is there, and a head when all of that is; here what is
//!   wrong is told by the first byte that is. Its error may still be to come where ours is told.
//! - Code 1014, which the registry has, may stand in a close here, not there.
//! - A code that nobody may send is an error here; tungstenite calls it a close with 1002.
//! - The limit here is on text alone; a binary message is a stream.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use flashgate_core::websocket::{Decoded, Decoder, Kind, Violation};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::frames::{
    BINARY, BINARY_BEGINS, CLOSE, LAST, MORE, PING, PONG, Random, TEXT, TEXT_BEGINS, masked,
};

const ROUNDS: u64 = 20_000;
const LIMIT: usize = 1 << 16;

#[derive(Debug, PartialEq)]
enum Event {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
}

/// How a stream ended for a reader.
#[derive(Debug)]
enum End<E> {
    /// There may be more to come.
    Open,
    Closed(Option<u16>),
    Broken(E),
}

#[test]
fn both_read_the_same() {
    let mut seen = BTreeMap::<String, u32>::new();
    for seed in 0..ROUNDS {
        let mut random = Random(seed);
        let stream = stream(&mut random);
        let (ours, our_end) = ours(&stream, &mut random);
        let (theirs, their_end) = theirs(&stream, &mut random);
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
    // Every rule is broken, and not a few times.
    assert_eq!(seen.len(), 15);
    assert!(seen.values().all(|times| *times > 10));
}

/// Whether the two differ at most in what they may differ in.
fn agree(
    ours: &[Event],
    our_end: &End<Violation>,
    theirs: &[Event],
    their_end: &End<Error>,
) -> bool {
    match (our_end, their_end) {
        // Shortest forms are nothing to tungstenite.
        (End::Broken(Violation::Length | Violation::LongControl), _) => theirs.starts_with(ours),
        (End::Broken(Violation::BadCloseCode), End::Closed(code)) => {
            ours == theirs && *code == Some(1002)
        }
        (End::Closed(Some(1014)), End::Closed(code)) => ours == theirs && *code == Some(1002),
        (End::Closed(our_code), End::Closed(their_code)) => {
            ours == theirs && our_code == their_code
        }
        (End::Open, End::Open) => ours == theirs,
        (End::Broken(_), End::Open) => ours == theirs,
        (End::Broken(violation), End::Broken(error)) => ours == theirs && alike(*violation, error),
        // A binary frame over its limit, which is none of ours.
        (_, End::Broken(Error::Capacity(_))) => ours.starts_with(theirs),
        (End::Open | End::Broken(_) | End::Closed(_), _) => false,
    }
}

/// Whether two errors may be about the same bytes. A frame that breaks several rules breaks
/// another one first for each of them; bad text is what both look at last, but for a close code
/// before its bad reason.
fn alike(violation: Violation, error: &Error) -> bool {
    let bad_text = [Violation::BadText, Violation::BadCloseReason].contains(&violation);
    let long_text = violation == Violation::LongText;
    if matches!(error, Error::Utf8(_)) {
        return bad_text || violation == Violation::BadCloseCode;
    }
    !bad_text && (!long_text || matches!(error, Error::Capacity(_)))
}

fn ours(stream: &[u8], random: &mut Random) -> (Vec<Event>, End<Violation>) {
    let mut decoder = Decoder::default();
    let (mut events, mut message) = (Vec::new(), Vec::new());
    let (mut at, mut end) = (0, 0);
    loop {
        match decoder.decode(&stream[at..end], &mut message, LIMIT) {
            Ok(Decoded::Partial) if end == stream.len() => return (events, End::Open),
            Ok(Decoded::Partial) => end = (end + random.within(1..40)).min(stream.len()),
            Ok(Decoded::Data { used, kind, end }) => {
                at += used;
                if end {
                    let message = std::mem::take(&mut message);
                    events.push(match kind {
                        Kind::Text => Event::Text(message),
                        Kind::Binary => Event::Binary(message),
                    });
                }
            }
            Ok(Decoded::Ping(used, payload)) => {
                at += used;
                events.push(Event::Ping(payload.as_bytes().to_vec()));
            }
            Ok(Decoded::Pong(used)) => {
                at += used;
                events.push(Event::Pong);
            }
            Ok(Decoded::Close(_, code)) => {
                return (events, End::Closed(code.map(|code| code.get())));
            }
            Err(violation) => return (events, End::Broken(violation)),
        }
    }
}

fn theirs(stream: &[u8], random: &mut Random) -> (Vec<Event>, End<Error>) {
    let config = WebSocketConfig::default()
        .read_buffer_size(512)
        .max_message_size(Some(LIMIT))
        .max_frame_size(Some(LIMIT));
    let pipe = Pipe(stream, random);
    let mut socket = WebSocket::from_raw_socket(pipe, Role::Server, Some(config));
    let mut events = Vec::new();
    loop {
        events.push(match socket.read() {
            Ok(Message::Text(text)) => Event::Text(text.as_bytes().to_vec()),
            Ok(Message::Binary(bytes)) => Event::Binary(bytes.to_vec()),
            Ok(Message::Ping(payload)) => Event::Ping(payload.to_vec()),
            Ok(Message::Pong(_)) => Event::Pong,
            Ok(Message::Close(frame)) => {
                let code = frame.map(|frame| u16::from(frame.code));
                return (events, End::Closed(code));
            }
            Ok(Message::Frame(_)) => unreachable!("frames are not read one by one"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return (events, End::Open);
            }
            Err(error) => return (events, End::Broken(error)),
        });
    }
}

/// A connection that brings bytes in pieces, then none for now, and takes everything.
struct Pipe<'a>(&'a [u8], &'a mut Random);

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let piece = self.1.within(1..200).min(buffer.len()).min(self.0.len());
        let (now, later) = self.0.split_at(piece);
        buffer[..piece].copy_from_slice(now);
        self.0 = later;
        Ok(piece)
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Some messages, half of the time with something broken in them; then pings, so that a frame that
/// one of the two took and the other did not is seen.
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

/// A message in some frames with others between them, or a frame of another kind.
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

/// Its first byte may be anything.
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

/// Breaks what must be right before the payload; the payload stays what it is.
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
