//! Category 7: how connections end.

use super::{Answer, CLOSED, Case, INVALID_DATA, PROTOCOL_ERROR, bye, case, close, frame, text};
use crate::frames::{CLOSE, LAST, PING, TEXT, TEXT_BEGINS};

pub(super) fn cases() -> Vec<Case> {
    let groups = [after_the_end(), payloads(), codes()];
    groups.into_iter().flatten().collect()
}

fn after_the_end() -> Vec<Case> {
    const HELLO: &str = "Hello World!";
    // Longer than one read, so that the close comes while this is being sent.
    let long: String = "BAsd7&jh23".chars().cycle().take(256 << 10).collect();
    vec![
        case(
            "7.1.1",
            vec![frame(TEXT, HELLO), bye()],
            vec![text(HELLO), CLOSED],
        ),
        case("7.1.2", vec![bye(), frame(CLOSE, "")], vec![CLOSED]),
        case("7.1.3", vec![bye(), frame(PING, "")], vec![CLOSED]),
        case("7.1.4", vec![bye(), frame(TEXT, HELLO)], vec![CLOSED]),
        case(
            "7.1.5",
            vec![
                frame(TEXT_BEGINS, "fragment1"),
                bye(),
                frame(LAST, "fragment2"),
            ],
            vec![CLOSED],
        ),
        // The suite leaves this to the server; here every message is answered before the close.
        case(
            "7.1.6",
            vec![
                frame(TEXT, &long),
                frame(TEXT, HELLO),
                bye(),
                frame(PING, ""),
            ],
            vec![text(&long), text(HELLO), CLOSED],
        ),
    ]
}

fn payloads() -> Vec<Case> {
    let no_utf8 =
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64";
    vec![
        case("7.3.1", vec![frame(CLOSE, "")], vec![Answer::Close(None)]),
        case("7.3.2", vec![frame(CLOSE, "a")], vec![PROTOCOL_ERROR]),
        case("7.3.3", vec![close(1000, b"")], vec![CLOSED]),
        case("7.3.4", vec![close(1000, b"Hello World!")], vec![CLOSED]),
        case("7.3.5", vec![close(1000, &[b'*'; 123])], vec![CLOSED]),
        case(
            "7.3.6",
            vec![close(1000, &[b'*'; 124])],
            vec![PROTOCOL_ERROR],
        ),
        // The suite accepts 1002; 1007 is more exact.
        case("7.5.1", vec![close(1000, no_utf8)], vec![INVALID_DATA]),
    ]
}

fn codes() -> Vec<Case> {
    let good = [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ];
    let bad = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
    // The suite leaves these to the server; here they are codes like others.
    let odd = [5000, 65_535];
    let good = (1..).zip(good).map(|(number, code)| {
        let gets = vec![Answer::Close(Some(code))];
        case(format!("7.7.{number}"), vec![close(code, b"")], gets)
    });
    let refused = |group: &str, number: usize, code: u16| {
        let gets = vec![PROTOCOL_ERROR];
        case(format!("{group}.{number}"), vec![close(code, b"")], gets)
    };
    let bad = (1..)
        .zip(bad)
        .map(|(number, code)| refused("7.9", number, code));
    let odd = (1..)
        .zip(odd)
        .map(|(number, code)| refused("7.13", number, code));
    good.chain(bad).chain(odd).collect()
}
