//! A connection behind a filter: its backlog counts in plain memory, the gateway's filter writes last, and the peer's
//! end record ends the stream.

use std::sync::{Arc, Mutex};

use flashgate_core::record::{Recorder, Secrets, Wanted};
use flashgate_core::{
    Accepted, Action, Cause, Chunk, Chunks, CloseReason, Config, ConnId, Filter, Flow, Gateway,
    Input, ListenerId, MakeFilter, Millis, Now, What,
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

/// A gateway with this filter, one connection, and what the gateway's observer has recorded.
struct Behind {
    gateway: Gateway,
    id: ConnId,
    recorded: Arc<Mutex<String>>,
    queue: Chunks,
    actions: Vec<Action>,
}

impl Behind {
    fn new(filter: MakeFilter) -> Self {
        let mut config = Config {
            filters: vec![Some(filter)],
            ..Config::default()
        };
        config.limits.rate = None;
        let recorded = Arc::<Mutex<String>>::default();
        let tape = Arc::clone(&recorded);
        let sink = move |lines: &str| {
            tape.lock().unwrap().push_str(lines);
            Wanted::More
        };
        let recorder = Recorder::new(Secrets::Redacted, Box::new(sink));
        let now = Now::default();
        let mut gateway = Gateway::observed(Arc::new(config), now, Some(Box::new(recorder)));
        let peer = "192.0.2.1:1".parse().unwrap();
        let listener = ListenerId(0);
        let id = gateway.accept(now, Accepted { listener, peer }).unwrap();
        Self {
            gateway,
            id,
            recorded,
            queue: Chunks::default(),
            actions: Vec::new(),
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.gateway.handle(Now::default(), input);
        while let Some(action) = self.gateway.poll() {
            if let Action::Write(_, chunk) = action {
                self.queue.push(chunk);
            } else {
                self.actions.push(action);
            }
        }
        self.gateway.assert_consistent();
    }

    fn reads(&mut self, bytes: usize) {
        self.queue.advance(bytes);
        self.handle(Input::Backlog(self.id, self.queue.left()));
    }

    /// The arguments of the recorded lines of this kind.
    fn recorded(&self, kind: &str) -> Vec<String> {
        let text = self.recorded.lock().unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix(kind));
        lines.map(str::to_owned).collect()
    }
}

#[test]
fn what_waits_counts_in_plain_memory_until_the_end() {
    let mut behind = Behind::new(FakeFilter::make());
    let mut wire = Vec::new();
    FakeFilter::default().send(b"PING 1\0QUIT\0", &mut wire);
    behind.handle(Input::Bytes(behind.id, &wire));
    let plain = Chunk::from(&b"<pong value=\"1\"/>\0"[..]);
    // The filter's beginning, a record of the answer, and the end record, which counts nothing.
    behind.reads(0);
    behind.reads(2);
    behind.reads(1 + 5);
    behind.reads(plain.len() - 5);
    behind.reads(1);
    let whole = plain.memory();
    let left = [whole, whole, whole - 5, 0, 0].map(|left| format!(" 0.0 {left}"));
    assert_eq!(behind.recorded("backlog"), left);
}

#[test]
fn the_end_of_a_side_is_taken_once() {
    for then in [&b"\0"[..], b""] {
        let mut behind = Behind::new(FakeFilter::make());
        let mut wire = Vec::new();
        FakeFilter::default().send(b"PING 1\0", &mut wire);
        wire.extend(then);
        behind.handle(Input::Bytes(behind.id, &wire));
        // Behind its end, it may say nothing more.
        behind.handle(Input::Bytes(behind.id, b"\x07"));
        behind.handle(Input::Eof(behind.id));
        assert_eq!(behind.recorded("eof"), [" 0.0"], "{then:?}");
        assert_eq!(closed(&behind.actions), Some(CloseReason::EndOfStream));
    }
}

/// Sends for each byte that it gets a thousand of its own.
#[derive(Debug)]
struct Talkative;

impl Filter for Talkative {
    fn receive(&mut self, wire: &[u8], _: &mut Vec<u8>, back: &mut Vec<u8>) -> Flow {
        back.resize(1000 * wire.len(), b'x');
        Flow::Open
    }

    fn send(&mut self, plain: &[u8], wire: &mut Vec<u8>) {
        wire.extend(plain);
    }

    fn close(&mut self, _: &mut Vec<u8>) {}
}

#[test]
fn a_filter_does_not_fill_memory_for_a_peer_that_does_not_read() {
    let make = || MakeFilter::new(|| Box::new(Talkative));
    let limit = Config::default().limits.own_backlog;
    let mut behind = Behind::new(make());
    for _ in 0..1000 {
        behind.handle(Input::Bytes(behind.id, b"\x16\x03"));
    }
    assert!(ends(&behind.actions));
    assert!((limit..limit + 4000).contains(&behind.queue.left()));
    assert_eq!(behind.recorded("eof"), [" 0.0"]);

    let mut behind = Behind::new(make());
    for _ in 0..1000 {
        behind.handle(Input::Bytes(behind.id, b"\x16\x03"));
        let written = behind.queue.parts().map(<[u8]>::len).sum();
        behind.reads(written);
    }
    assert!(!ends(&behind.actions), "this one reads");
}
