//! Recordings of whole conversations: what they leave out, and that they can be played again.

mod kept;
mod made_up;
mod secrets;
mod truncated;

use std::borrow::ToOwned;
use std::boxed::Box;
use std::format;
use std::path::Path;
use std::string::{String, ToString as _};
use std::sync::{Arc, Mutex};
use std::vec::Vec;

use super::*;
use crate::replay::{Ended, NotARecording, Recording, Replayed, Until};

/// A recording on its way.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<String>>);

impl Tape {
    fn recorder(&self, secrets: Secrets) -> Box<dyn Observer> {
        let tape = self.clone();
        Box::new(Recorder::new(
            secrets,
            Box::new(move |lines| {
                assert!(lines.ends_with('\n') && lines.is_ascii(), "{lines:?}");
                tape.0.lock().unwrap().push_str(lines);
                Wanted::More
            }),
        ))
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

fn replay(text: &str) -> Replayed {
    let recording = Recording::new(text.as_bytes(), ROOM).unwrap();
    recording.replay(&Until::End)
}

/// Recordings that were made before the gateway itself said what bytes mean: clients of every kind on one
/// gateway, in small pieces, with secrets and without; and a conversation of a transcript.
#[test]
fn recordings_of_earlier_versions_play_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings");
    for (name, inputs) in [
        ("clients-redacted", 520),
        ("clients-secrets", 520),
        ("mixed-audience", 62),
    ] {
        let text = std::fs::read_to_string(folder.join(name).with_extension("txt")).unwrap();
        let replayed = replay(&text);
        assert_eq!(
            replayed.ended,
            Ended::Whole("stop".to_owned()),
            "{name}: {replayed:?}"
        );
        assert_eq!(
            (replayed.inputs, replayed.line),
            (inputs, text.lines().count() - 1),
            "{name}"
        );
    }
}

const ROOM: usize = 1 << 20;

/// A short conversation with most kinds of lines.
fn sample() -> &'static str {
    include_str!("../../../tests/recordings/mixed-audience.txt")
}

#[test]
fn the_first_difference_is_found() {
    let text = sample();
    let mut planted = 0;
    for (nth, line) in text.lines().enumerate() {
        if !line.starts_with("> ") {
            continue;
        }
        // Another decision; and one that is not there any more.
        for other in ["> write 0.0 7 0000000000000000\n", ""] {
            let lines = text.split_inclusive('\n').enumerate();
            let changed: String = lines
                .map(|(n, line)| if n == nth { other } else { line })
                .collect();
            let ended = replay(&changed).ended;
            let Ended::Different(difference) = &ended else {
                panic!("line {nth}: {ended:?}");
            };
            assert!(difference.line > nth, "{difference:?}");
            if !other.is_empty() {
                assert_eq!(difference.line, nth + 1);
                assert_eq!(difference.replayed.as_deref(), line.strip_prefix("> "));
            }
            planted += 1;
        }
    }
    assert!(planted > 20);
}

#[test]
fn until_and_what_cannot_be_read() {
    let text = sample();
    let recording = Recording::new(text.as_bytes(), ROOM).unwrap();
    let all = recording.replay(&Until::End);
    let some = recording.replay(&Until::Line(all.line - 5));
    assert_eq!((some.line, &some.ended), (all.line - 5, &Ended::Until));
    let none = recording.replay(&Until::Time("2007-07-10 10:54:01".to_owned()));
    assert_eq!((none.inputs, none.ended), (0, Ended::Until));
    let broken = text.replacen("\nopen ", "\nclosed ", 1);
    assert!(matches!(replay(&broken).ended, Ended::Unreadable(_)));
    for (text, error) in [
        ("", NotARecording::Something),
        ("flashgate-recording 2 redacted\n", NotARecording::Version),
        ("flashgate-recording 1 other\n", NotARecording::Version),
        (
            "[2007-07-10 10:54:02] SERVER CREATED\n",
            NotARecording::Something,
        ),
    ] {
        assert_eq!(Recording::new(text.as_bytes(), ROOM).unwrap_err(), error);
    }
    let one: Vec<_> = recording.lines(Some("0"), &Until::End).collect();
    assert!(one.len() < recording.lines(None, &Until::Line(9999)).count());
    assert!(
        one.iter()
            .all(|(_, line)| line.starts_with("at ") || line.contains(" 0."))
    );
}

#[test]
fn a_sink_that_wants_no_more_gets_the_end() {
    let tape = Tape::default();
    let full = tape.clone();
    let sink = move |lines: &str| {
        full.0.lock().unwrap().push_str(lines);
        if full.text().contains("\nin ") {
            Wanted::NoMore
        } else {
            Wanted::More
        }
    };
    let recorder = Recorder::new(Secrets::Redacted, Box::new(sink));
    let mut gateway =
        crate::Gateway::observed(Arc::default(), Now::default(), Some(Box::new(recorder)));
    let origin = Accepted {
        listener: crate::ListenerId(0),
        peer: "192.0.2.1:1".parse().unwrap(),
        user: None,
    };
    let id = gateway.accept(Now::default(), origin).unwrap();
    let mut said = Vec::new();
    for input in [&b"PING x\0LIS"[..], b"T\0"] {
        gateway.handle(Now::default(), Input::Bytes(id, input));
        while let Some(action) = gateway.poll() {
            if let Action::Write(_, chunk) = action {
                said.extend(chunk.slices(0).concat());
            }
        }
    }
    // What the connection held when the recording ended is not lost.
    let said = String::from_utf8(said).unwrap();
    assert_eq!(said, "<pong value=\"x\"/>\0<nicklist></nicklist>\0");
    let text = tape.text();
    assert!(text.ends_with("\ntext 0.0 xxx\nend limit\n"), "{text}");
    assert_eq!(text.matches("\nin ").count(), 1, "{text}");
    assert_eq!(replay(&text).ended, Ended::Whole("limit".to_owned()));
}
