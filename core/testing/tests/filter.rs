//! The ends of connections behind a filter: the gateway's filter writes last, and the peer's end record ends the stream.

use std::sync::Arc;

use flashgate_core::{
    Accepted, Action, Cause, CloseReason, Config, Filter, Gateway, Input, ListenerId, Millis, Now,
    What,
};
use flashgate_testing::filter::FakeFilter;

/// What the gateway wrote and what else it did with the connection, after these plain bytes and then these
/// wire bytes of the client.
fn play(plain: &[u8], then: &[u8]) -> (Vec<u8>, Vec<Action>) {
    let now = Now {
        mono: Millis(1),
        ..Now::default()
    };
    let config = Config {
        filters: vec![Some(FakeFilter::make())],
        ..Config::default()
    };
    let mut gateway = Gateway::new(Arc::new(config), now);
    let origin = Accepted {
        listener: ListenerId(0),
        peer: "192.0.2.1:1".parse().unwrap(),
    };
    let id = gateway.accept(now, origin).unwrap();
    let mut wire = Vec::new();
    FakeFilter::default().send(plain, &mut wire);
    let (mut written, mut others) = (Vec::new(), Vec::new());
    for input in [
        Input::Bytes(id, &wire),
        Input::Bytes(id, then),
        Input::Gone(id, Cause::Closed),
    ] {
        gateway.handle(now, input);
        while let Some(action) = gateway.poll() {
            if let Action::Write(to, chunk) = &action {
                assert_eq!(*to, id);
                written.extend(chunk.to_vec());
            } else {
                others.push(action);
            }
        }
        gateway.assert_consistent();
    }
    (written, others)
}

fn closed(actions: &[Action]) -> Option<CloseReason> {
    actions.iter().find_map(|action| {
        if let Action::Note(note) = action
            && let What::Closed { reason } = note.what
        {
            return Some(reason);
        }
        None
    })
}

fn ends(actions: &[Action]) -> bool {
    let is_end = |action: &Action| matches!(action, Action::Finish(_) | Action::Close(_));
    actions.iter().any(is_end)
}

#[test]
fn the_filter_writes_last() {
    let (written, actions) = play(b"PING 1\0QUIT\0", b"");
    let mut expected = Vec::new();
    let mut filter = FakeFilter::default();
    filter.send(b"<pong value=\"1\"/>\0", &mut expected);
    filter.close(&mut expected);
    assert_eq!(written, expected);
    assert_eq!(closed(&actions), Some(CloseReason::Quit));
    assert!(ends(&actions));
}

#[test]
fn the_peers_end_record_ends_the_connection() {
    for then in [&b"\0"[..], b"\xff"] {
        let (written, actions) = play(b"PING 1\0", then);
        assert!(written.ends_with(b"\0"), "{written:?}");
        assert_eq!(closed(&actions), Some(CloseReason::EndOfStream), "{then:?}");
        assert!(ends(&actions));
    }
    let (_, actions) = play(b"PING 1\0", b"");
    assert_eq!(closed(&actions), Some(CloseReason::Reset));
    assert!(!ends(&actions));
}
