//! Recordings of whole conversations: what they leave out, and that they can be played again.

mod made_up;
mod secrets;

use std::borrow::ToOwned;
use std::boxed::Box;
use std::format;
use std::path::Path;
use std::string::{String, ToString as _};
use std::sync::{Arc, Mutex};
use std::vec::Vec;

use super::*;
use crate::host::Host;
use crate::replay::{Ended, NotARecording, Recording, Replayed, Until};
use crate::testing::transcript::{Against, Bare, Cut, Transcript};

/// A recording on its way.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<String>>);

impl Tape {
    fn recorder(&self, secrets: Secrets) -> Recorder {
        let tape = self.clone();
        Recorder::new(
            secrets,
            Box::new(move |lines| {
                assert!(lines.ends_with('\n') && lines.is_ascii(), "{lines:?}");
                tape.0.lock().unwrap().push_str(lines);
                Wanted::More
            }),
        )
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

fn replay(text: &str) -> Replayed {
    let recording = Recording::new(text.as_bytes(), ROOM).unwrap();
    recording.replay(&Until::End)
}

fn transcripts() -> Vec<(String, Transcript)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().to_string();
        let text = std::fs::read_to_string(path).unwrap();
        (name.clone(), Transcript::parse(&name, &text).unwrap())
    };
    files.iter().map(read).collect()
}

#[test]
fn every_transcript_can_be_played_again() {
    let mut failures = Vec::new();
    for (name, transcript) in transcripts() {
        for scenario in transcript.scenarios() {
            for cut in [Cut::Whole, Cut::Bytes, Cut::Primes, Cut::Seeded(1)] {
                for secrets in [Secrets::Redacted, Secrets::Kept] {
                    let tape = Tape::default();
                    let record = Some(tape.recorder(secrets));
                    let open = |host| Ok(Bare::new(Host { record, ..host }));
                    if let Err(failure) = scenario.play(cut, Against::Nothing, open) {
                        panic!("{name}: {}: {}", failure.line, failure.message);
                    }
                    let replayed = replay(&tape.text());
                    if replayed.ended != Ended::Whole("stop".to_owned()) {
                        let title = scenario.title();
                        failures.push(format!("{name}: {title}, {cut}, {secrets:?}: {replayed:?}"));
                    }
                }
            }
        }
    }
    let count = failures.len();
    assert!(
        failures.is_empty(),
        "{count} failed:\n{}",
        failures.join("\n")
    );
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
fn sample() -> String {
    let transcripts = transcripts();
    let (_, transcript) = transcripts
        .iter()
        .find(|(name, _)| name == "mixed-audience.txt")
        .unwrap();
    let tape = Tape::default();
    let record = Some(tape.recorder(Secrets::Redacted));
    let open = |host| Ok(Bare::new(Host { record, ..host }));
    let scenario = &transcript.scenarios()[1];
    assert!(scenario.play(Cut::Whole, Against::Nothing, open).is_ok());
    tape.text()
}

#[test]
fn a_recording_may_end_anywhere() {
    let text = sample();
    let mut inputs = 0;
    for end in 0..text.len() {
        let Ok(recording) = Recording::new(&text.as_bytes()[..end], ROOM) else {
            assert!(!text[..end].contains('\n'), "{end}");
            continue;
        };
        let replayed = recording.replay(&Until::End);
        assert_eq!(replayed.ended, Ended::Truncated, "cut at {end}");
        assert!(replayed.inputs >= inputs, "more of it is not less");
        inputs = replayed.inputs;
    }
    assert_eq!(inputs, replay(&text).inputs);
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
    let mut gateway = crate::Gateway::recorded(Arc::default(), Now::default(), Some(recorder));
    let origin = Accepted {
        listener: crate::ListenerId(0),
        peer: "192.0.2.1:1".parse().unwrap(),
    };
    let id = gateway.accept(Now::default(), origin).unwrap();
    for _ in 0..3 {
        gateway.handle(Now::default(), Input::Bytes(id, b"PING x\0LIS"));
        while gateway.poll().is_some() {}
    }
    let text = tape.text();
    assert!(text.ends_with("\ntext 0.0 xxx\nend limit\n"), "{text}");
    assert_eq!(text.matches("\nin ").count(), 1, "{text}");
    assert_eq!(replay(&text).ended, Ended::Whole("limit".to_owned()));
}

#[test]
fn a_recording_becomes_a_transcript() {
    let (mut failures, mut count) = (Vec::new(), 0);
    for (name, transcript) in transcripts() {
        for scenario in transcript.scenarios() {
            count += 1;
            let tape = Tape::default();
            let record = Some(tape.recorder(Secrets::Redacted));
            let open = |host| Ok(Bare::new(Host { record, ..host }));
            assert!(scenario.play(Cut::Whole, Against::Nothing, open).is_ok());
            let text = tape.text();
            let recording = Recording::new(text.as_bytes(), ROOM).unwrap();
            let made = recording.transcript(scenario.title(), &Until::End);
            let title = scenario.title();
            let again = match Transcript::parse("made", &made) {
                Ok(again) => again,
                Err(error) => {
                    failures.push(format!("{name}: {title}: {error}"));
                    continue;
                }
            };
            let played =
                again.scenarios()[0].play(Cut::Whole, Against::Nothing, |host| Ok(Bare::new(host)));
            if let Err(failure) = played {
                failures.push(format!(
                    "{name}: {title}: {}: {}",
                    failure.line, failure.message
                ));
            }
        }
    }
    let failed = failures.len();
    assert!(
        failures.is_empty(),
        "{failed} of {count} failed:\n{}",
        failures.join("\n")
    );
}
