//! Categories 1 to 5 and 10: lengths, pings, reserved bits, opcodes, fragments.

use super::{Answer, CLOSED, Case, PROTOCOL_ERROR, Step, binary, bye, case, frame, pong, text};
use crate::frames::{BINARY, LAST, MORE, PING, PONG, TEXT, TEXT_BEGINS};

pub(super) fn cases() -> Vec<Case> {
    let groups = [lengths(), pings(), reserved(), fragments(), interleaved()];
    groups.into_iter().flatten().collect()
}

/// Categories 1 and 10.
fn lengths() -> Vec<Case> {
    // The suite's last case differs from the one before only in its cuts.
    let lengths = [0, 125, 126, 127, 128, 65_535, 65_536, 65_536];
    let mut cases = Vec::new();
    for (number, length) in (1..).zip(lengths) {
        let (stars, bytes) = ("*".repeat(length), vec![0xfe; length]);
        let sends = vec![frame(TEXT, &stars), bye()];
        cases.push(case(
            format!("1.1.{number}"),
            sends,
            vec![text(stars), CLOSED],
        ));
        let sends = vec![frame(BINARY, &bytes), bye()];
        cases.push(case(
            format!("1.2.{number}"),
            sends,
            vec![binary(bytes), CLOSED],
        ));
    }
    let stars = "*".repeat(65_536);
    let pieces = stars.as_bytes().chunks(1300).enumerate();
    let sends = pieces.map(|(number, piece)| match (number, piece.len()) {
        (0, _) => frame(TEXT_BEGINS, piece),
        (_, 1300) => frame(MORE, piece),
        (_, _) => frame(LAST, piece),
    });
    let sends = sends.chain([bye()]).collect();
    cases.push(case("10.1.1", sends, vec![text(&stars), CLOSED]));
    cases
}

/// Category 2.
fn pings() -> Vec<Case> {
    let odd = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff";
    let full = [0xfe; 125];
    let unasked = || frame(PONG, "unsolicited pong payload");
    let answered = |number: &str, payload: &[u8]| {
        let gets = vec![pong(payload), CLOSED];
        case(number, vec![frame(PING, payload), bye()], gets)
    };
    let ten = |number: &str| {
        let payloads = (0..10).map(|number| format!("payload-{number}"));
        let sends = payloads.clone().map(|payload| frame(PING, payload));
        let gets = payloads.map(pong).chain([CLOSED]);
        case(number, sends.chain([bye()]).collect(), gets.collect())
    };
    vec![
        answered("2.1", b""),
        answered("2.2", b"Hello, world!"),
        answered("2.3", odd),
        answered("2.4", &full),
        case("2.5", vec![frame(PING, [0xfe; 126])], vec![PROTOCOL_ERROR]),
        answered("2.6", &full), // cut into bytes
        case("2.7", vec![frame(PONG, ""), bye()], vec![CLOSED]),
        case("2.8", vec![unasked(), bye()], vec![CLOSED]),
        case(
            "2.9",
            vec![unasked(), frame(PING, "ping payload"), bye()],
            vec![pong("ping payload"), CLOSED],
        ),
        ten("2.10"),
        ten("2.11"), // cut into bytes
    ]
}

/// Categories 3 and 4.
fn reserved() -> Vec<Case> {
    const HELLO: &str = "Hello, world!";
    let alone = |number: &str, first: u8, payload: &[u8]| {
        case(number, vec![frame(first, payload)], vec![PROTOCOL_ERROR])
    };
    // The message before it is echoed, and the ping after it is not answered.
    let between = |number: &str, first: u8, payload: &str| {
        let sends = vec![frame(TEXT, HELLO), frame(first, payload), frame(PING, "")];
        case(number, sends, vec![text(HELLO), PROTOCOL_ERROR])
    };
    vec![
        alone("3.1", 0x91, HELLO.as_bytes()),
        between("3.2", 0xa1, HELLO),
        between("3.3", 0xb1, HELLO),
        between("3.4", 0xc1, HELLO),
        alone("3.5", 0xd2, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
        alone("3.6", 0xe2, HELLO.as_bytes()),
        alone("3.7", 0xf8, b""),
        alone("4.1.1", 0x83, b""),
        alone("4.1.2", 0x84, b"reserved opcode payload"),
        between("4.1.3", 0x85, ""),
        between("4.1.4", 0x86, HELLO),
        between("4.1.5", 0x87, HELLO),
        alone("4.2.1", 0x8b, b""),
        alone("4.2.2", 0x8c, b"reserved opcode payload"),
        between("4.2.3", 0x8d, ""),
        between("4.2.4", 0x8e, HELLO),
        between("4.2.5", 0x8f, HELLO),
    ]
}

/// Category 5, without frames between the fragments.
fn fragments() -> Vec<Case> {
    let broken = |number: &str, frames: &[(u8, &str)]| {
        let sends = frames.iter().map(|(first, payload)| frame(*first, payload));
        case(number, sends.collect(), vec![PROTOCOL_ERROR])
    };
    let two = |number: &str| {
        let sends = vec![
            frame(TEXT_BEGINS, "fragment1"),
            frame(LAST, "fragment2"),
            bye(),
        ];
        case(number, sends, vec![text("fragment1fragment2"), CLOSED])
    };
    let after_nothing = [(LAST, "non-continuation payload"), (TEXT, "Hello, world!")];
    let begun_by_nothing = [(MORE, "non-continuation payload"), (TEXT, "Hello, world!")];
    let thrice = |first: u8| {
        let once = [
            (first, "fragment1"),
            (TEXT_BEGINS, "fragment2"),
            (LAST, "fragment3"),
        ];
        [once, once].concat()
    };
    vec![
        broken("5.1", &[(0x09, "fragment1"), (LAST, "fragment2")]),
        broken("5.2", &[(0x0a, "fragment1"), (LAST, "fragment2")]),
        // Each three of these cases differ only in their cuts.
        two("5.3"),
        two("5.4"),
        two("5.5"),
        broken("5.9", &after_nothing),
        broken("5.10", &after_nothing),
        broken("5.11", &after_nothing),
        broken("5.12", &begun_by_nothing),
        broken("5.13", &begun_by_nothing),
        broken("5.14", &begun_by_nothing),
        case(
            "5.15",
            vec![
                frame(TEXT_BEGINS, "fragment1"),
                frame(LAST, "fragment2"),
                frame(MORE, "fragment3"),
                frame(TEXT, "fragment4"),
            ],
            vec![text("fragment1fragment2"), PROTOCOL_ERROR],
        ),
        broken("5.16", &thrice(MORE)),
        broken("5.17", &thrice(LAST)),
        broken("5.18", &[(TEXT_BEGINS, "fragment1"), (TEXT, "fragment2")]),
    ]
}

/// Category 5: pings between the fragments.
fn interleaved() -> Vec<Case> {
    let one = |number: &str| {
        let sends = vec![
            frame(TEXT_BEGINS, "fragment1"),
            frame(PING, "ping payload"),
            frame(LAST, "fragment2"),
            bye(),
        ];
        let gets = vec![pong("ping payload"), text("fragment1fragment2"), CLOSED];
        case(number, sends, gets)
    };
    let many = |number: &str| {
        let sends = vec![
            frame(TEXT_BEGINS, "fragment1"),
            frame(MORE, "fragment2"),
            frame(PING, "pongme 1!"),
            Step::Wait,
            frame(MORE, "fragment3"),
            frame(MORE, "fragment4"),
            frame(PING, "pongme 2!"),
            frame(LAST, "fragment5"),
            bye(),
        ];
        let gets = vec![
            pong("pongme 1!"),
            Answer::StillOpen,
            pong("pongme 2!"),
            text("fragment1fragment2fragment3fragment4fragment5"),
            CLOSED,
        ];
        case(number, sends, gets)
    };
    vec![
        one("5.6"),
        one("5.7"),
        one("5.8"),
        many("5.19"),
        many("5.20"),
    ]
}
