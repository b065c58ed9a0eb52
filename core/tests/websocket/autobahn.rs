//! The cases of the Autobahn test suite for servers, categories 1 to 7 and 10, as tables.
//!
//! The numbers are the suite's own. Where the suite accepts a lenient answer as well, only the strict one passes here.
//! Each case is sent in one piece, byte by byte, cut in two at every position if it is short, and in random pieces. The
//! answers must be the same.
//!
//! `UPDATE=1 cargo test -p flashgate-core --test websocket` makes fuzz seeds from the cases.

mod closing;
mod framing;
mod utf8;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

use crate::echo::Echo;
use crate::frames::{BINARY, CLOSE, PING, PONG, Random, TEXT, masked, unmasked};

/// A case: what the client sends, and the answers.
struct Case {
    number: String,
    sends: Vec<Step>,
    gets: Vec<Answer>,
}

enum Step {
    /// A frame: its first byte and its payload.
    Frame(u8, Vec<u8>),
    /// A frame that comes in pieces, with a wait before each of these places in its payload.
    Halting(u8, Vec<u8>, [usize; 2]),
    /// The client waits for answers before it goes on.
    Wait,
}

#[derive(Debug, PartialEq)]
enum Answer {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    /// The client has waited, and the connection is still open.
    StillOpen,
    /// A close frame, and the end of the connection.
    Close(Option<u16>),
}

fn case(number: impl Into<String>, sends: Vec<Step>, gets: Vec<Answer>) -> Case {
    Case {
        number: number.into(),
        sends,
        gets,
    }
}

fn frame(first: u8, payload: impl AsRef<[u8]>) -> Step {
    Step::Frame(first, payload.as_ref().to_vec())
}

/// A close with a code and a reason.
fn close(code: u16, reason: &[u8]) -> Step {
    frame(CLOSE, [&code.to_be_bytes(), reason].concat())
}

/// The client's normal end after it has got its answers.
fn bye() -> Step {
    close(1000, b"")
}

fn text(payload: impl AsRef<[u8]>) -> Answer {
    Answer::Text(payload.as_ref().to_vec())
}

fn binary(payload: impl AsRef<[u8]>) -> Answer {
    Answer::Binary(payload.as_ref().to_vec())
}

fn pong(payload: impl AsRef<[u8]>) -> Answer {
    Answer::Pong(payload.as_ref().to_vec())
}

const CLOSED: Answer = Answer::Close(Some(1000));
const PROTOCOL_ERROR: Answer = Answer::Close(Some(1002));
const INVALID_DATA: Answer = Answer::Close(Some(1007));

#[test]
fn every_case_however_it_is_cut() {
    let cases = [framing::cases(), utf8::cases(), closing::cases()];
    let cases: Vec<Case> = cases.into_iter().flatten().collect();
    if env::var_os("UPDATE").is_some() {
        write_seeds(&cases);
    }
    let mut counts = BTreeMap::new();
    let mut numbers = BTreeSet::new();
    for case in &cases {
        let category: u8 = case.number.split('.').next().unwrap().parse().unwrap();
        *counts.entry(category).or_insert(0) += 1;
        assert!(numbers.insert(&case.number), "{} twice", case.number);
        check(case);
    }
    eprintln!("{} cases; by category: {counts:?}", cases.len());
    // As many as the suite has.
    let expected = [
        (1, 16),
        (2, 11),
        (3, 7),
        (4, 10),
        (5, 20),
        (6, 145),
        (7, 37),
    ];
    assert_eq!(counts, expected.into_iter().chain([(10, 1)]).collect());
}

fn check(case: &Case) {
    let play = |how: &str, seed: u64, piece: &mut dyn FnMut(&mut Random) -> usize| {
        let answers = play(&case.sends, seed, piece);
        assert!(
            answers == case.gets,
            "case {}, {how}, seed {seed}: {} instead of {}",
            case.number,
            brief(&answers),
            brief(&case.gets)
        );
    };
    play("in one piece", 0, &mut |_| usize::MAX);
    play("byte by byte", 1, &mut |_| 1);
    for seed in 2..8 {
        play("in small pieces", seed, &mut |random| random.within(1..12));
        play("in pieces", seed, &mut |random| random.within(1..3000));
    }
    let length = segments(&case.sends, &mut Random(0)).concat().len();
    for place in (1..length).take_while(|_| length < 300) {
        let mut pieces = [place, usize::MAX].into_iter();
        play(&format!("cut at {place}"), 8, &mut |_| {
            pieces.next().unwrap_or(usize::MAX)
        });
    }
}

/// Sends a case to an echo server and collects the answers.
fn play(sends: &[Step], seed: u64, piece: &mut dyn FnMut(&mut Random) -> usize) -> Vec<Answer> {
    let mut random = Random(seed);
    let (mut echo, mut closed, mut answers) = (Echo::default(), false, Vec::new());
    for (number, segment) in segments(sends, &mut random).iter().enumerate() {
        if number > 0 && !closed {
            answers.push(Answer::StillOpen);
        }
        let (mut rest, mut out) = (&segment[..], Vec::new());
        while !rest.is_empty() {
            let (now, later) = rest.split_at(piece(&mut random).min(rest.len()));
            closed = echo.take(now, &mut out);
            rest = later;
        }
        answers.extend(read(&out));
    }
    let mut out = Vec::new();
    assert!(echo.take(&masked(PING, b"there?", [1, 2, 3, 4]), &mut out) && out.is_empty());
    answers
}

/// The bytes between two waits.
fn segments(sends: &[Step], random: &mut Random) -> Vec<Vec<u8>> {
    let mut done = Vec::new();
    let mut segment = Vec::new();
    for step in sends {
        match step {
            Step::Frame(first, payload) => segment.extend(masked(*first, payload, random.key())),
            Step::Halting(first, payload, places) => {
                let bytes = masked(*first, payload, random.key());
                let head = bytes.len() - payload.len();
                let [one, two] = places.map(|place| head + place);
                segment.extend(&bytes[..one]);
                done.push(std::mem::take(&mut segment));
                done.push(bytes[one..two].to_vec());
                segment.extend(&bytes[two..]);
            }
            Step::Wait => done.push(std::mem::take(&mut segment)),
        }
    }
    done.push(segment);
    done
}

fn read(out: &[u8]) -> Vec<Answer> {
    let frames = unmasked(out).into_iter();
    let answers = frames.map(|(first, payload)| match first {
        TEXT => Answer::Text(payload),
        BINARY => Answer::Binary(payload),
        PONG => Answer::Pong(payload),
        CLOSE if payload.is_empty() => Answer::Close(None),
        CLOSE => Answer::Close(Some(u16::from_be_bytes(payload.try_into().unwrap()))),
        _ => panic!("a frame that begins with {first:#x}"),
    });
    answers.collect()
}

/// A seed for each case that is short and not too similar to the case before.
fn write_seeds(cases: &[Case]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/websocket");
    fs::create_dir_all(&folder).unwrap();
    for (number, case) in cases.iter().enumerate() {
        let stream = segments(&case.sends, &mut Random(number as u64)).concat();
        let group = case.number.rsplit_once('.').unwrap().0;
        let similar = group.starts_with("6.") && case.number != format!("{group}.1");
        if stream.len() <= 600 && !similar {
            // The fuzzer varies first how the stream is cut.
            let seed = [b"\x03", &stream[..]].concat();
            fs::write(folder.join(format!("autobahn-{}", case.number)), seed).unwrap();
        }
    }
}

/// Some cases have 64 KiB or more of the same character.
fn brief(answers: &[Answer]) -> String {
    let mut brief = format!("{answers:?}");
    brief.truncate(400);
    brief
}
