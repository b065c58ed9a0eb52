//! Sends every character in a command. A strict XML parser must read the same character in the answer, or U+FFFD if
//! XML 1.0 does not allow it.

use std::sync::Arc;

use flashgate_core::{
    Accepted, Action, Config, ConnId, Gateway, Input, ListenerId, Millis, Now, UnixSeconds,
};

#[test]
fn every_character_survives_an_xml_parser() {
    let mut config = Config::default();
    config.limits.rate = None;
    let now = Now {
        mono: Millis(0),
        utc: UnixSeconds(0),
        offset: 0,
    };
    let mut gateway = Gateway::new(Arc::new(config), now);
    let origin = Accepted {
        listener: ListenerId(0),
        peer: "192.0.2.1:4242".parse().expect("an address"),
        user: None,
    };
    let conn = gateway.accept(now, origin).expect("there is room");

    // The first terminator is a NUL, so that LF is a character like others.
    gateway.handle(now, Input::Bytes(conn, b"\0"));
    let all: Vec<char> = (char::MIN..=char::MAX)
        .filter(|c| !"\0 ".contains(*c))
        .collect();
    for some in all.chunks(500) {
        // White space around a token is dropped, so the character is put between two letters.
        let token: String = ["x", &String::from_iter(some), "x"].concat();
        let command = format!("PING {token}\0");
        let answer = answer(&mut gateway, now, conn, command.as_bytes());
        let document = roxmltree::Document::parse(&answer).unwrap_or_else(|error| {
            panic!("{error}: {:?} in {answer}", some.first());
        });
        let expected: String = token
            .chars()
            .map(|c| if allowed(c) { c } else { '\u{fffd}' })
            .collect();
        let value = document.root_element().attribute("value");
        assert_eq!(value, Some(expected.as_str()), "from {:?}", some.first());
    }
}

/// The one answer to a command, without its NUL.
fn answer(gateway: &mut Gateway, now: Now, conn: ConnId, command: &[u8]) -> String {
    gateway.handle(now, Input::Bytes(conn, command));
    let mut bytes = Vec::new();
    while let Some(action) = gateway.poll() {
        if let Action::Write(_, chunk) = action {
            bytes.extend(chunk.to_vec());
        }
    }
    gateway.handle(now, Input::Backlog(conn, 0));
    assert_eq!(bytes.pop(), Some(0), "an answer ends with a NUL");
    String::from_utf8(bytes).expect("an answer is UTF-8")
}

/// XML 1.0, section 2.2, `Char`.
fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}
