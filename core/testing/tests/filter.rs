//! A connection behind a filter: its backlog counts in plain memory, the gateway's filter writes last, and the peer's
//! end record ends the stream.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use flashgate_core::record::{Recorder, Secrets, Wanted};
use flashgate_core::replay::{Ended, Recording, Until};
use flashgate_core::{
    Accepted, Action, Cause, Chunk, Chunks, CloseReason, Config, ConnId, Filter, FilterEvent, Flow,
    Gateway, Input, ListenerId, MakeFilter, Millis, Now, Role, TlsVersion, What,
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
        user: None,
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
    for (then, reason) in [
        (&b"\0"[..], CloseReason::EndOfStream),
        (b"\xff", CloseReason::Tls),
    ] {
        let (written, actions) = play(b"PING 1\0", then);
        assert!(written.ends_with(b"\0"), "{written:?}");
        assert_eq!(closed(&actions), Some(reason), "{then:?}");
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
        Self::on(Role::Gateway, filter)
    }

    fn on(role: Role, filter: MakeFilter) -> Self {
        let mut config = Config {
            listeners: vec![role],
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
        let id = gateway
            .accept(
                now,
                Accepted {
                    listener,
                    peer,
                    user: None,
                },
            )
            .unwrap();
        Self {
            gateway,
            id,
            recorded,
            queue: Chunks::default(),
            actions: Vec::new(),
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.handle_at(0, input);
    }

    fn handle_at(&mut self, seconds: u64, input: Input<'_>) {
        let now = Now {
            mono: Millis::from_secs(seconds),
            ..Now::default()
        };
        self.gateway.handle(now, input);
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

    fn event(&mut self) -> Option<FilterEvent> {
        None
    }
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

/// Its handshake takes three bytes behind the mark of TLS: two that say nothing, and one that chooses the version, or is
/// wrong. What follows is plain.
#[derive(Debug, Default)]
struct Handshaking {
    taken: usize,
    event: Option<FilterEvent>,
}

impl Handshaking {
    fn make() -> MakeFilter {
        MakeFilter::new(|| Box::<Self>::default())
    }
}

impl Filter for Handshaking {
    fn receive(&mut self, wire: &[u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Flow {
        for byte in wire {
            self.taken += 1;
            self.event = match (self.taken, byte) {
                (0..5, _) => continue,
                (5, 2) => Some(FilterEvent::Established(Some(TlsVersion::V1_2))),
                (5, 3) => Some(FilterEvent::Established(Some(TlsVersion::V1_3))),
                (5, _) => Some(FilterEvent::Broken("no such version".into())),
                _ => {
                    plain.push(*byte);
                    continue;
                }
            };
        }
        match self.event {
            Some(FilterEvent::Broken(_)) => Flow::Ended,
            Some(FilterEvent::Established(_)) | None => Flow::Open,
        }
    }

    fn send(&mut self, plain: &[u8], wire: &mut Vec<u8>) {
        wire.extend(plain);
    }

    fn close(&mut self, _: &mut Vec<u8>) {}

    fn event(&mut self) -> Option<FilterEvent> {
        self.event.take()
    }
}

fn notes(actions: &[Action]) -> Vec<String> {
    let note = |action: &Action| {
        if let Action::Note(note) = action {
            return Some(note.what.to_string());
        }
        None
    };
    actions.iter().filter_map(note).collect()
}

#[test]
fn a_client_may_be_silent_after_the_handshake_and_not_during_it() {
    // During it, as long as for a request from its first byte.
    for wire in [&b"\x16\x03"[..], b"\x16\x03\0\0"] {
        let mut behind = Behind::new(Handshaking::make());
        for byte in wire {
            behind.handle(Input::Bytes(behind.id, &[*byte]));
        }
        behind.handle_at(9, Input::Timeout);
        assert!(!ends(&behind.actions), "{wire:?}");
        behind.handle_at(10, Input::Timeout);
        assert!(ends(&behind.actions), "{wire:?}");
        assert_eq!(
            notes(&behind.actions),
            ["TLS REFUSED handshake \"not finished\""]
        );
    }
    // After it, as long as until the login.
    let mut behind = Behind::new(Handshaking::make());
    behind.handle(Input::Bytes(behind.id, b"\x16\x03\0\0\x03"));
    behind.handle_at(599, Input::Timeout);
    assert!(!ends(&behind.actions));
    behind.handle_at(599, Input::Bytes(behind.id, b"PING 1\0"));
    assert_eq!(notes(&behind.actions), ["CONNECTED (1/4096)", "TLS 1.3"]);
    assert_eq!(behind.queue.parts().flatten().count(), 18);
    // The first plain byte begins a request's time anew.
    let mut behind = Behind::new(Handshaking::make());
    behind.handle(Input::Bytes(behind.id, b"\x16\x03\0\0\x02"));
    behind.handle_at(100, Input::Bytes(behind.id, b"G"));
    behind.handle_at(109, Input::Timeout);
    assert_eq!(notes(&behind.actions), [""; 0]);
    behind.handle_at(110, Input::Timeout);
    assert_eq!(notes(&behind.actions), ["CONNECTED (1/4096)", "TLS 1.2"]);
}

#[test]
fn a_handshake_that_comes_to_nothing_is_counted_and_logged() {
    let refused = |why: &str| [format!("TLS REFUSED handshake \"{why}\"")];
    let mut behind = Behind::new(Handshaking::make());
    behind.handle(Input::Bytes(behind.id, b"\x16\x03\0\0\x09"));
    assert!(ends(&behind.actions));
    assert_eq!(notes(&behind.actions), refused("no such version"));
    assert_eq!(behind.recorded("broken"), [" 0.0 no\\ssuch\\sversion"]);
    behind.handle(Input::Gone(behind.id, Cause::Closed));
    assert_eq!(behind.gateway.counters().tls_failed, 1);

    for end in [Input::Eof as fn(ConnId) -> Input<'static>, |id| {
        Input::Gone(id, Cause::Reset)
    }] {
        let mut behind = Behind::new(Handshaking::make());
        behind.handle(Input::Bytes(behind.id, b"\x16\x03\0"));
        behind.handle(end(behind.id));
        assert_eq!(notes(&behind.actions), refused("not finished"));
        assert_eq!(behind.gateway.counters().tls_failed, 1);
    }

    let mut behind = Behind::new(Handshaking::make());
    behind.handle(Input::Bytes(behind.id, b"\x16\x03\0\0\x03"));
    behind.handle(Input::Gone(behind.id, Cause::Reset));
    let counters = behind.gateway.counters();
    assert_eq!(
        (counters.tls13, counters.tls12, counters.tls_failed),
        (1, 0, 0)
    );
    assert_eq!(behind.recorded("established"), [" 0.0 1.3"]);
}

#[test]
fn a_listener_with_a_filter_takes_tls_around_what_it_serves() {
    let hello = b"\x16\x03\0\0\x03";
    for (role, request, answer) in [
        (Role::Policy, &b"<policy-file-request/>\0"[..], "<?xml "),
        (
            Role::Metrics,
            b"GET /metrics HTTP/1.0\r\n\r\n",
            "HTTP/1.1 200 OK",
        ),
    ] {
        let mut behind = Behind::on(role, Handshaking::make());
        behind.handle(Input::Bytes(behind.id, hello));
        behind.handle(Input::Bytes(behind.id, request));
        let written: Vec<u8> = behind.queue.parts().flatten().copied().collect();
        let text = String::from_utf8_lossy(&written);
        assert!(text.starts_with(answer), "{text}");
        // And not again around that.
        let mut behind = Behind::on(role, Handshaking::make());
        behind.handle(Input::Bytes(behind.id, hello));
        behind.handle(Input::Bytes(behind.id, hello));
        assert!(ends(&behind.actions) && behind.queue.is_empty());
    }
}

/// A crowd comes back at once. Each of its handshakes gets its turn, and the log of a gateway that chats meanwhile is
/// what a replay decides.
#[test]
fn only_some_handshakes_begin_at_a_time() {
    let begun = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&begun);
    let make = MakeFilter::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Box::<Handshaking>::default()
    });
    let mut behind = Behind::new(make);
    let listener = ListenerId(0);
    let crowd: Vec<ConnId> = (1..=40)
        .map(|n| {
            let peer = SocketAddr::from(([192, 0, 2, n], 1));
            let origin = Accepted {
                listener,
                peer: peer.into(),
                user: None,
            };
            behind.gateway.accept(Now::default(), origin).unwrap()
        })
        .collect();
    // The rest of a handshake, and a command, may come while it waits.
    for id in &crowd {
        behind.handle(Input::Bytes(*id, b"\x16\x03\0"));
        behind.handle(Input::Bytes(*id, b"\0\x03PING 1\0"));
    }
    assert_eq!(begun.load(Ordering::Relaxed), 8);
    // A client without TLS is served as ever.
    behind.handle(Input::Bytes(behind.id, b"PING 2\0"));
    assert_eq!(behind.queue.len(), 9);
    // One that waits ends its side, before it could have finished a handshake, and one is gone.
    behind.handle(Input::Eof(crowd[20]));
    behind.handle(Input::Gone(crowd[21], Cause::Reset));
    assert_eq!(begun.load(Ordering::Relaxed), 9);
    for turn in 1..=6 {
        let due = behind.gateway.poll_timeout().unwrap();
        assert_eq!(due == Millis(0), turn <= 4, "{due:?}");
        behind.handle(Input::Timeout);
        assert_eq!(begun.load(Ordering::Relaxed), (9 + 8 * turn).min(39));
    }
    assert_eq!(behind.queue.len(), 39);
    drop(behind.gateway);
    let recorded = behind.recorded.lock().unwrap().clone();
    let recording = Recording::new(recorded.as_bytes(), 0).unwrap();
    let replayed = recording.replay(&Until::End);
    assert!(
        matches!(replayed.ended, Ended::Whole(_)),
        "{:?}",
        replayed.ended
    );
}
