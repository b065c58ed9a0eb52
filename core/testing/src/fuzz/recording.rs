//! Recordings: read from any bytes, and made from any conversation.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use flashgate_core::record::{Recorder, Secrets, Wanted};
use flashgate_core::replay::{Ended, NotARecording, Recording, Until};
use flashgate_core::{
    Accepted, Action, Answer, Cause, Config, Denial, Gateway, Input, ListenerId, Member, MemberId,
    Millis, Now, Origins, UnixSeconds,
};

/// A file of any bytes is read, played and turned into a transcript without a panic, in memory that its size bounds.
/// Any conversation, in any pieces, can be recorded and played again with the same decisions, with secrets and
/// without.
pub fn recording(data: &[u8]) {
    if data.starts_with(b"flashgate-recording") {
        return read(data);
    }
    let Some((&how, session)) = data.split_first() else {
        return;
    };
    for secrets in [Secrets::Redacted, Secrets::Kept] {
        let text = record(how, session, secrets);
        let replayed = match Recording::new(text.as_bytes(), ROOM) {
            Ok(recording) => recording.replay(&Until::End),
            Err(error) => panic!("{error}: {text}"),
        };
        let whole = Ended::Whole("stop".to_string());
        assert_eq!(replayed.ended, whole, "line {}: {text}", replayed.line);
    }
}

fn read(data: &[u8]) {
    let recording = match Recording::new(data, ROOM) {
        Ok(recording) => recording,
        Err(NotARecording::Something | NotARecording::Version) => return,
    };
    let replayed = recording.replay(&Until::End);
    let again = recording.replay(&Until::Line(replayed.line));
    assert_eq!(
        again.decisions, replayed.decisions,
        "it is the same each time"
    );
    assert!(recording.lines(Some("0"), &Until::End).count() <= data.len());
    assert!(recording.transcript("x", &Until::End).len() <= 64 * 1024 + 4096 * data.len());
}

/// Plays a session on two connections, in pieces of some size, and records it.
fn record(how: u8, session: &[u8], secrets: Secrets) -> String {
    let text = Arc::new(Mutex::new(String::new()));
    let tape = Arc::clone(&text);
    let sink = move |lines: &str| {
        if let Ok(mut tape) = tape.lock() {
            tape.push_str(lines);
        }
        Wanted::More
    };
    let mut world = World {
        now: Now {
            mono: Millis(0),
            utc: UnixSeconds(1_184_064_842),
            offset: 0,
        },
        gateway: Gateway::new(Arc::default(), Now::default()),
        asked: 0,
    };
    let recorder = Recorder::new(secrets, Box::new(sink));
    world.gateway = Gateway::observed(Arc::new(config(how)), world.now, Some(Box::new(recorder)));
    let origin = Accepted {
        listener: ListenerId(0),
        peer: SocketAddr::from(([127, 0, 0, 1], 1)).into(),
        user: None,
    };
    let size = match how >> 4 {
        0 => usize::MAX,
        size => usize::from(size),
    };
    for half in [session, &session[session.len() / 2..]] {
        let Ok(id) = world.gateway.accept(world.now, origin) else {
            break;
        };
        for piece in half.chunks(size.min(half.len().max(1))) {
            world.feed(Input::Bytes(id, piece));
            world.feed(Input::Backlog(id, usize::from(how)));
            world.feed(Input::Backlog(id, 0));
        }
        match how & 3 {
            0 => world.feed(Input::Eof(id)),
            1 => world.feed(Input::Gone(id, Cause::Reset)),
            2 => world.feed(Input::Timeout),
            _ => {}
        }
    }
    drop(world);
    let text = text.lock().map(|text| text.clone());
    text.unwrap_or_default()
}

fn config(how: u8) -> Config {
    let mut config = Config::default();
    config.limits.command = 40;
    config.limits.head = 400;
    config.limits.rate = NonZeroU32::new(u32::from(how & 4));
    config.limits.failure_delay = Millis(10);
    if how & 8 != 0 {
        config.origins = Origins::Only([String::from("https://a")].into());
    }
    config
}

struct World {
    now: Now,
    gateway: Gateway,
    asked: u64,
}

impl World {
    fn feed(&mut self, input: Input<'_>) {
        self.now.mono = self.now.mono + Millis(300);
        let mut next = Some(input);
        while let Some(input) = next.take() {
            self.gateway.handle(self.now, input);
            while let Some(action) = self.gateway.poll() {
                if let Action::Lookup(ticket, _) = action {
                    self.asked += 1;
                    let answer = match self.asked % 3 {
                        0 => Answer::Denied(Denial::WrongPassword, None),
                        n => Answer::Member(Member {
                            id: MemberId(n as i64),
                            nick: Arc::from(["al", "bob"][n as usize - 1]),
                            name: Arc::from("A & Bö"),
                        }),
                    };
                    next = Some(Input::Answer(ticket, answer));
                }
            }
        }
    }
}

/// How many bytes the files of a site may have.
const ROOM: usize = 64 * 1024;
