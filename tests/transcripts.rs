//! Plays every transcript in `tests/transcripts/`, and the examples in `core/PROTOCOL.md`, on the bare core and on sockets before both
//! runtimes, with what clients send cut in many ways. The format is described in
//! `flashgate_testing::transcript`.
//!
//! - `TRANSCRIPT=msg` plays only files whose name contains `msg`.
//! - `TRANSCRIPT_SEED=7` cuts by that seed alone, as a failure says.
//! - `UPDATE=1` rewrites the expectations of transcripts from what the core does. Read the diff.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use flashgate_core::observer::Observer;
use flashgate_core::record::{Recorder, Secrets, Wanted};
use flashgate_core::replay::{Ended, Recording, Until};
use flashgate_host::Host;
use flashgate_testing::transcript::{
    Against, Bare, Cut, Driver, Drivers, Filtered, NEEDS_PLAIN, Played, Scenario, Transcript,
};

#[path = "transcripts/checks.rs"]
mod checks;
#[path = "transcripts/reference.rs"]
mod reference;
#[path = "transcripts/sockets.rs"]
mod sockets;

#[test]
fn on_the_bare_core() {
    if env::var_os("UPDATE").is_some() {
        update();
    }
    play_all("core", &cuts(), |scenario, cut| {
        let played = on_core(scenario, cut)?;
        checks::check(&played)
    });
}

#[test]
fn on_smol() {
    play_all("smol", &cuts(), |scenario, cut| {
        let core = on_core(scenario, cut)?;
        on_sockets(scenario, cut, &core, sockets::smol)
    });
}

#[test]
fn on_std() {
    play_all("std", &cuts(), |scenario, cut| {
        let core = on_core(scenario, cut)?;
        on_sockets(scenario, cut, &core, sockets::std)
    });
}

#[test]
fn through_a_filter_on_the_bare_core() {
    play_filtered("core", &cuts(), |scenario, cut| {
        let tape = Arc::new(Mutex::new(String::new()));
        let played = on_filtered_core(scenario, cut, Some(recorder(&tape)))?;
        // The recording has plain bytes, and plays again without the filter.
        plays_again(&tape.lock().expect("nobody panics with it"))?;
        checks::check(&played)
    });
}

#[test]
fn through_a_filter_on_smol() {
    play_filtered("smol", &some_cuts(), |scenario, cut| {
        let core = on_filtered_core(scenario, cut, None)?;
        let open = |host| Filtered::open(host, sockets::smol);
        on_sockets(scenario, cut, &core, open)
    });
}

#[test]
fn through_a_filter_on_std() {
    play_filtered("std", &some_cuts(), |scenario, cut| {
        let core = on_filtered_core(scenario, cut, None)?;
        let open = |host| Filtered::open(host, sockets::std);
        on_sockets(scenario, cut, &core, open)
    });
}

/// Scenarios about connections without a filter are left out.
fn play_filtered(driver: &str, cuts: &[Cut], play: impl Fn(&Scenario, Cut) -> Result<(), String>) {
    play_all(driver, cuts, |scenario, cut| match play(scenario, cut) {
        Err(why) if why.ends_with(NEEDS_PLAIN) => Ok(()),
        result => result,
    });
}

/// Rewrites the files, before the bare core plays them. The examples of the reference are written by hand.
fn update() {
    let by_hand = Path::new(reference::PATH);
    for path in files().into_iter().filter(|path| path != by_hand) {
        let (name, text) = read(&path);
        let transcript = Transcript::parse(&name, &text).unwrap_or_else(|e| panic!("{e}"));
        match transcript.rewritten() {
            Ok(new) if new == text => {}
            Ok(new) => fs::write(&path, new).expect("transcripts can be written"),
            Err(failure) => panic!("{name}:{}: {}", failure.line, failure.message),
        }
    }
}

/// Plays everything, and fails with a list of all failures.
fn play_all(driver: &str, cuts: &[Cut], play: impl Fn(&Scenario, Cut) -> Result<(), String>) {
    let mut failures = Vec::new();
    for path in files() {
        let (name, text) = read(&path);
        let transcript = match Transcript::parse(&name, &text) {
            Ok(transcript) => transcript,
            Err(error) => {
                failures.push(error.to_string());
                continue;
            }
        };
        for scenario in transcript.scenarios() {
            if driver != "core" && scenario.drivers() == Drivers::CoreOnly {
                continue;
            }
            let failure = cuts.iter().find_map(|&cut| {
                let failure = play(scenario, cut).err()?;
                let title = scenario.title();
                Some(format!(
                    "{name}:{failure}\n  in {title:?}, on {driver}, {cut}{}",
                    replay(&name, cut)
                ))
            });
            failures.extend(failure);
        }
    }
    assert!(
        failures.is_empty(),
        "{} scenarios failed:\n\n{}\n",
        failures.len(),
        failures.join("\n\n")
    );
}

fn on_core(scenario: &Scenario, cut: Cut) -> Result<Played, String> {
    play(scenario, cut, Against::Nothing, |host| Ok(Bare::new(host)))
}

fn on_filtered_core(
    scenario: &Scenario,
    cut: Cut,
    observer: Option<Box<dyn Observer>>,
) -> Result<Played, String> {
    play(scenario, cut, Against::Nothing, |host| {
        Filtered::open(Host { observer, ..host }, |host| Ok(Bare::new(host)))
    })
}

/// Plays on sockets what the bare core has played before.
fn on_sockets<D: Driver>(
    scenario: &Scenario,
    cut: Cut,
    core: &Played,
    open: impl FnOnce(Host) -> Result<D, String>,
) -> Result<(), String> {
    let tape = Arc::new(Mutex::new(String::new()));
    let observer = Some(recorder(&tape));
    let open = |host| open(Host { observer, ..host });
    let played = play(scenario, cut, Against::Core(core), open)?;
    plays_again(&tape.lock().expect("nobody panics with it"))?;
    if let Some(difference) = core.difference(&played) {
        return Err(format!(" {difference} (expected: the bare core)"));
    }
    checks::check(&played)
}

/// A recording has everything that happens in a runtime, in the order of its locks.
fn recorder(tape: &Arc<Mutex<String>>) -> Box<dyn Observer> {
    let tape = Arc::clone(tape);
    let sink = move |lines: &str| {
        tape.lock().expect("nobody panics with it").push_str(lines);
        Wanted::More
    };
    Box::new(Recorder::new(Secrets::Redacted, Box::new(sink)))
}

/// The end of the recording may come a moment after the end of the server.
fn plays_again(text: &str) -> Result<(), String> {
    let recording = Recording::new(text.as_bytes(), 1 << 20).map_err(|e| e.to_string())?;
    match recording.replay(&Until::End).ended {
        Ended::Whole(_) | Ended::Truncated => Ok(()),
        ended @ (Ended::Until | Ended::Unreadable(_) | Ended::Different(_)) => Err(format!(
            " its recording does not play again: {ended:?}\n{text}"
        )),
    }
}

fn play<D: Driver>(
    scenario: &Scenario,
    cut: Cut,
    against: Against<'_>,
    open: impl FnOnce(Host) -> Result<D, String>,
) -> Result<Played, String> {
    let played = scenario.play(cut, against, open);
    played.map_err(|failure| format!("{}: {}", failure.line, failure.message))
}

fn cuts() -> Vec<Cut> {
    if let Ok(seed) = env::var("TRANSCRIPT_SEED") {
        return vec![Cut::Seeded(
            seed.parse().expect("TRANSCRIPT_SEED is a number"),
        )];
    }
    let seeded = (0..SEEDS).map(|nth| Cut::Seeded(FIRST_SEED + nth));
    [Cut::Whole, Cut::Bytes, Cut::Primes]
        .into_iter()
        .chain(seeded)
        .collect()
}

/// Those that take less time: byte by byte, a filter's records are cut on the bare core.
fn some_cuts() -> Vec<Cut> {
    let mut cuts = cuts();
    cuts.retain(|cut| *cut != Cut::Bytes);
    cuts.truncate(SOME_CUTS);
    cuts
}

fn replay(name: &str, cut: Cut) -> String {
    let seed = match cut {
        Cut::Seeded(seed) => format!(" TRANSCRIPT_SEED={seed}"),
        Cut::Whole | Cut::Bytes | Cut::Primes => String::new(),
    };
    let name = name.rsplit('/').next().unwrap_or(name);
    format!("; again by\n  TRANSCRIPT={name}{seed} cargo test --test transcripts")
}

fn files() -> Vec<PathBuf> {
    let wanted = env::var("TRANSCRIPT").unwrap_or_default();
    let dir = Path::new(FOLDER);
    let entries = fs::read_dir(dir).expect("there is a folder of transcripts");
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .filter(|path| path.to_string_lossy()[FOLDER.len()..].contains(&wanted))
        .collect();
    files.sort();
    if reference::PATH.contains(&wanted) {
        files.push(reference::PATH.into());
    }
    assert!(!files.is_empty(), "no transcript is called {wanted:?}");
    files
}

fn read(path: &Path) -> (String, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = fs::read_to_string(path).expect("a transcript can be read");
    if path == Path::new(reference::PATH) {
        return ("core/PROTOCOL.md".to_owned(), reference::examples(&text));
    }
    (format!("tests/transcripts/{name}"), text)
}

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts");

/// How many random cuts each scenario has. The seeds are fixed, so that a failure can be repeated.
const SEEDS: u64 = 4;
const FIRST_SEED: u64 = 1;

/// Whole, cut at primes, and cut by a seed.
const SOME_CUTS: usize = 3;
