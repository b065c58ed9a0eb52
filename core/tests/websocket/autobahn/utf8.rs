//! Category 6: text that is UTF-8, and text that is not.

use super::Answer::StillOpen;
use super::{CLOSED, Case, INVALID_DATA, Step, bye, case, frame, text};
use crate::frames::{LAST, MORE, TEXT, TEXT_BEGINS};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(fragments());
    cases.extend(fail_fast());
    for (group, texts) in (5..).zip(texts()) {
        for (number, (is, payload)) in (1..).zip(texts) {
            let sends = vec![frame(TEXT, &payload), bye()];
            let gets = match is {
                Is::Utf8 => vec![text(payload), CLOSED],
                Is::Not => vec![INVALID_DATA],
            };
            cases.push(case(format!("6.{group}.{number}"), sends, gets));
        }
    }
    cases
}

const KOSME: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";

/// 6.1 to 6.3.
fn fragments() -> Vec<Case> {
    const HELLO: &str = "Hello-µ@ßöäüàá-UTF-8!!";
    let surrogate = [KOSME, b"\xed\xa0\x80edited"].concat();
    let good = |number: &str, parts: &[&[u8]]| {
        let sends = in_frames(parts).into_iter().chain([bye()]);
        case(number, sends.collect(), vec![text(parts.concat()), CLOSED])
    };
    let (one, two) = HELLO.split_at("Hello-µ@ßöä".len());
    let bytes = |text: &'static [u8]| text.chunks(1).collect::<Vec<_>>();
    vec![
        good("6.1.1", &[b""]),
        good("6.1.2", &[b"", b"", b""]),
        good("6.1.3", &[b"", b"middle frame payload", b""]),
        good("6.2.1", &[HELLO.as_bytes()]),
        good("6.2.2", &[one.as_bytes(), two.as_bytes()]),
        good("6.2.3", &bytes(HELLO.as_bytes())),
        good("6.2.4", &bytes(KOSME)),
        case("6.3.1", in_frames(&[&surrogate]), vec![INVALID_DATA]),
        case(
            "6.3.2",
            in_frames(&surrogate.chunks(1).collect::<Vec<_>>()),
            vec![INVALID_DATA],
        ),
    ]
}

/// 6.4: text that can no longer become UTF-8 is refused before the rest comes. The suite calls waiting for the rest
/// non-strict.
fn fail_fast() -> Vec<Case> {
    let too_high = [KOSME, b"\xf4\x90\x80\x80edited"].concat();
    let cut = |places: [usize; 2]| {
        let [one, two] = places;
        [&too_high[..one], &too_high[one..two], &too_high[two..]]
    };
    let frames = |number: &str, places: [usize; 2]| {
        let parts = in_frames(&cut(places)).into_iter();
        let sends = parts.flat_map(|part| [part, Step::Wait]).collect();
        case(number, sends, vec![StillOpen, INVALID_DATA])
    };
    let chops = |number: &str, places: [usize; 2]| {
        let sends = vec![Step::Halting(TEXT, too_high.clone(), places)];
        case(number, sends, vec![StillOpen, INVALID_DATA])
    };
    vec![
        frames("6.4.1", [11, 15]),
        frames("6.4.2", [12, 13]),
        chops("6.4.3", [11, 15]),
        chops("6.4.4", [12, 13]),
    ]
}

/// A text message with a frame for each part.
fn in_frames(parts: &[&[u8]]) -> Vec<Step> {
    let last = parts.len() - 1;
    let parts = parts.iter().enumerate();
    let frames = parts.map(|(number, part)| match number {
        0 if last == 0 => frame(TEXT, part),
        0 => frame(TEXT_BEGINS, part),
        _ if number == last => frame(LAST, part),
        _ => frame(MORE, part),
    });
    frames.collect()
}

#[derive(Clone, Copy)]
enum Is {
    Utf8,
    Not,
}

/// 6.5 to 6.23, in this order; most are from Markus Kuhn's UTF-8 decoder stress test.
fn texts() -> Vec<Vec<(Is, Vec<u8>)>> {
    let hello = |character: &str| format!("hello{character}world").into_bytes();
    let whole = ["$", "¢", "€", "\u{24b62}"].map(hello);
    // A prefix is valid where a character ends.
    let prefixes = (1..=KOSME.len()).map(|end| {
        let is = match end {
            2 | 5 | 7 | 9 | 11 => Is::Utf8,
            _ => Is::Not,
        };
        (is, KOSME[..end].to_vec())
    });
    let first = ["\0", "\u{80}", "\u{800}", "\u{10000}"];
    let last = ["\u{7f}", "\u{7ff}", "\u{ffff}", "\u{10ffff}"];
    let edges = ["\u{d7ff}", "\u{e000}", "\u{fffd}", "\u{10ffff}"];
    let not_characters = [0xffff]
        .into_iter()
        .chain((0x1_ffff..=0x10_ffff).step_by(0x1_0000));
    let not_characters = not_characters.flat_map(|last| [last - 1, last]).map(encode);
    let specials = (0xfff9..=0xffff).map(encode);
    vec![
        good(whole.iter().map(Vec::as_slice).chain([KOSME])),
        prefixes.collect(),
        good(first),
        bad([&b"\xf8\x88\x80\x80\x80"[..], b"\xfc\x84\x80\x80\x80\x80"]),
        good(last),
        bad([
            &b"\xf7\xbf\xbf\xbf"[..],
            b"\xfb\xbf\xbf\xbf\xbf",
            b"\xfd\xbf\xbf\xbf\xbf\xbf",
        ]),
        [good(edges), bad([b"\xf4\x90\x80\x80"])].concat(),
        bad(lonely_ends()),
        bad(lonely_starts()),
        bad(unfinished()),
        bad([unfinished().concat()]),
        bad([&b"\xfe"[..], b"\xff", b"\xfe\xfe\xff\xff"]),
        bad([
            &b"\xc0\xaf"[..],
            b"\xe0\x80\xaf",
            b"\xf0\x80\x80\xaf",
            b"\xf8\x80\x80\x80\xaf",
            b"\xfc\x80\x80\x80\x80\xaf",
        ]),
        bad([
            &b"\xc1\xbf"[..],
            b"\xe0\x9f\xbf",
            b"\xf0\x8f\xbf\xbf",
            b"\xf8\x87\xbf\xbf\xbf",
            b"\xfc\x83\xbf\xbf\xbf\xbf",
        ]),
        bad([
            &b"\xc0\x80"[..],
            b"\xe0\x80\x80",
            b"\xf0\x80\x80\x80",
            b"\xf8\x80\x80\x80\x80",
            b"\xfc\x80\x80\x80\x80\x80",
        ]),
        bad([0xd800, 0xdb7f, 0xdb80, 0xdbff, 0xdc00, 0xdf80, 0xdfff].map(surrogate)),
        bad([0xd800, 0xdb7f, 0xdb80, 0xdbff]
            .into_iter()
            .flat_map(|high| {
                [0xdc00, 0xdfff].map(|low| [surrogate(high), surrogate(low)].concat())
            })),
        good(not_characters),
        good(specials),
    ]
}

fn good(texts: impl IntoIterator<Item: AsRef<[u8]>>) -> Vec<(Is, Vec<u8>)> {
    let texts = texts.into_iter();
    texts
        .map(|text| (Is::Utf8, text.as_ref().to_vec()))
        .collect()
}

fn bad(texts: impl IntoIterator<Item: AsRef<[u8]>>) -> Vec<(Is, Vec<u8>)> {
    let texts = texts.into_iter();
    texts
        .map(|text| (Is::Not, text.as_ref().to_vec()))
        .collect()
}

fn encode(character: u32) -> String {
    char::from_u32(character).unwrap().to_string()
}

/// Half a UTF-16 pair, as UTF-8 would have it if it were a character.
fn surrogate(half: u16) -> Vec<u8> {
    let bits = |shift: u16, mask: u16| (half >> shift & mask) as u8;
    vec![
        0xe0 | bits(12, 0xf),
        0x80 | bits(6, 0x3f),
        0x80 | bits(0, 0x3f),
    ]
}

/// Continuation bytes without a first byte: one to six of them, and nearly all that exist.
fn lonely_ends() -> Vec<Vec<u8>> {
    let pair = b"\x80\xbf".iter().copied().cycle();
    let some = (1..=6).map(|length| pair.clone().take(length).collect());
    let mut all = vec![vec![0x80], vec![0xbf]];
    all.extend(some.skip(1));
    all.push((0x80..0xbf).collect());
    all
}

/// First bytes of characters of two to six bytes, each followed by a space.
fn lonely_starts() -> Vec<Vec<u8>> {
    let ranges = [0xc0..0xdf, 0xe0..0xef, 0xf0..0xf7, 0xf8..0xfb, 0xfc..0xfd];
    let spaced = ranges.map(|range| range.flat_map(|first| [first, b' ']).collect());
    spaced.to_vec()
}

/// The lowest and the highest of each length, without the last byte.
fn unfinished() -> Vec<Vec<u8>> {
    let lowest = [0xc0, 0xe0, 0xf0, 0xf8, 0xfc].map(|first| (first, 0x80));
    let highest = [0xdf, 0xef, 0xf7, 0xfb, 0xfd].map(|first| (first, 0xbf));
    let rows = [lowest, highest].into_iter().flat_map(|row| (1..).zip(row));
    let texts = rows.map(|(length, (first, next))| {
        let mut text = vec![next; length];
        text[0] = first;
        text
    });
    texts.collect()
}
