//! Recordings of whole conversations: every transcript can be recorded, played again, and turned back into a
//! transcript.

use std::path::Path;
use std::sync::{Arc, Mutex};

use flashgate_core::observer::Observer;
use flashgate_core::record::{Recorder, Secrets, Wanted};
use flashgate_core::replay::{Ended, Recording, Replayed, Until};
use flashgate_host::Host;
use flashgate_testing::transcript::{Against, Bare, Cut, Transcript};

/// A recording that grows.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<String>>);

impl Tape {
    fn recorder(&self, secrets: Secrets) -> Box<dyn Observer> {
        let tape = self.clone();
        let sink = move |lines: &str| {
            assert!(lines.ends_with('\n') && lines.is_ascii(), "{lines:?}");
            tape.0.lock().unwrap().push_str(lines);
            Wanted::More
        };
        Box::new(Recorder::new(secrets, Box::new(sink)))
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

fn replay(text: &str) -> Replayed {
    let recording = Recording::new(text.as_bytes(), ROOM).unwrap();
    recording.replay(&Until::End)
}

#[test]
fn every_transcript_can_be_played_again() {
    let mut failures = Vec::new();
    for (name, transcript) in transcripts() {
        for scenario in transcript.scenarios() {
            for cut in [Cut::Whole, Cut::Bytes, Cut::Primes, Cut::Seeded(1)] {
                for secrets in [Secrets::Redacted, Secrets::Kept] {
                    let tape = Tape::default();
                    let observer = Some(tape.recorder(secrets));
                    let open = |host| Ok(Bare::new(Host { observer, ..host }));
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

#[test]
fn a_recording_becomes_a_transcript() {
    let (mut failures, mut count) = (Vec::new(), 0);
    for (name, transcript) in transcripts() {
        for scenario in transcript.scenarios() {
            count += 1;
            let tape = Tape::default();
            let observer = Some(tape.recorder(Secrets::Redacted));
            let open = |host| Ok(Bare::new(Host { observer, ..host }));
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

fn transcripts() -> Vec<(String, Transcript)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts");
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

const ROOM: usize = 1 << 20;
