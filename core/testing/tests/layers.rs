//! The layers of an opening: the header of a proxy, then a filter, then what the client speaks, each at most once.

use std::sync::Arc;

use flashgate_core::{Accepted, Action, Config, Filter, Gateway, Input, ListenerId, Now};
use flashgate_testing::filter::FakeFilter;

const HEADER: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.8 4242 80\r\n";

/// What a client gets in plain bytes, and the notes about it, when its wire bytes come in pieces of this size.
fn play(wire: &[u8], piece: usize) -> (Vec<u8>, Vec<String>) {
    let mut config = Config {
        filters: vec![Some(FakeFilter::make())],
        ..Config::default()
    };
    config.set("proxy-protocol", "127.0.0.1").unwrap();
    config.set("trust-proxy", "127.0.0.1").unwrap();
    let now = Now::default();
    let mut gateway = Gateway::new(Arc::new(config), now);
    let origin = Accepted {
        listener: ListenerId(0),
        peer: "127.0.0.1:1".parse().unwrap(),
        user: None,
    };
    let id = gateway.accept(now, origin).unwrap();
    let (mut client, mut plain, mut notes) = (FakeFilter::default(), Vec::new(), Vec::new());
    for bytes in wire.chunks(piece) {
        gateway.handle(now, Input::Bytes(id, bytes));
        while let Some(action) = gateway.poll() {
            if let Action::Write(_, chunk) = &action {
                client.receive(&chunk.to_vec(), &mut plain, &mut Vec::new());
            } else if let Action::Note(note) = &action {
                notes.push(note.to_string());
            } else if action != Action::Finish(id) {
                assert_eq!(action, Action::Close(id));
                notes.push("closed".to_owned());
            }
        }
        gateway.assert_consistent();
    }
    (plain, notes)
}

#[test]
fn a_header_a_filter_and_a_command() {
    let mut wire = HEADER.to_vec();
    FakeFilter::default().send(b"PING x\0", &mut wire);
    for piece in [1, 7, wire.len()] {
        let (plain, notes) = play(&wire, piece);
        assert_eq!(
            plain.escape_ascii().to_string(),
            "<pong value=\\\"x\\\"/>\\x00"
        );
        assert_eq!(notes, ["CONNECTED (1/4096) 192.0.2.7:4242"]);
    }
}

#[test]
fn a_header_comes_before_the_filter_or_never() {
    let mut wire = HEADER.to_vec();
    let inside = [HEADER, b"PING x\0"].concat();
    FakeFilter::default().send(&inside, &mut wire);
    let (plain, notes) = play(&wire, wire.len());
    let text = plain.escape_ascii().to_string();
    assert!(
        text.starts_with("<error value=\\\"Unknown command.\\\"/>"),
        "{text}"
    );
    assert_eq!(notes, ["CONNECTED (1/4096) 192.0.2.7:4242"]);

    let mut wire = Vec::new();
    FakeFilter::default().send(&inside, &mut wire);
    let (plain, notes) = play(&wire, wire.len());
    assert!(plain.is_empty());
    let refused = "CLOSED no PROXY header: is the proxy told to send one? 127.0.0.1:1";
    assert_eq!(notes, [refused, "closed"]);
}

#[test]
fn a_header_outside_of_the_filter_has_the_last_word_on_the_head_inside() {
    let head = b"GET /server-status HTTP/1.0\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n";
    for (before, peer) in [
        (HEADER, "192.0.2.7:4242"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1:1"),
    ] {
        let mut wire = before.to_vec();
        FakeFilter::default().send(head, &mut wire);
        for piece in [1, 7, wire.len()] {
            let (_, notes) = play(&wire, piece);
            assert_eq!(notes, [format!("STATUS REQUEST {peer}")]);
        }
    }
}
