//! Replays the seeds of every fuzz target, on stable Rust and without a fuzzer.
//!
//! Finds of a fuzzer and inputs made by hand are in `fuzz/seeds`. Seeds that come from transcripts are
//! generated into the target folder, as `tmp/fuzz-seeds/TARGET/TRANSCRIPT-NUMBER`, each time this test runs;
//! `.ci/fuzz` starts from both.

#[path = "../fuzz/src/config_file.rs"]
#[expect(
    unreachable_pub,
    reason = "it is public in the crate of the fuzz targets"
)]
mod config_file;
#[path = "../fuzz/src/members_csv.rs"]
#[expect(
    unreachable_pub,
    reason = "it is public in the crate of the fuzz targets"
)]
mod members_csv;
#[path = "../fuzz/src/mysqldump.rs"]
#[expect(
    unreachable_pub,
    reason = "it is public in the crate of the fuzz targets"
)]
mod mysqldump;
#[path = "../fuzz/src/tls_filter.rs"]
#[expect(
    unreachable_pub,
    reason = "it is public in the crate of the fuzz targets"
)]
mod tls_filter;
#[path = "../fuzz/src/websocket_frames.rs"]
#[expect(
    unreachable_pub,
    reason = "it is public in the crate of the fuzz targets"
)]
mod websocket_frames;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use flashgate_core::record::{Recorder, Secrets, Wanted};
use flashgate_host::Host;
use flashgate_testing::fuzz;
use flashgate_testing::transcript::{Against, Bare, Cut, Scenario, Transcript};

/// A target's name and its body.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 16] = [
    ("sniff", fuzz::sniff),
    ("proxy_header", fuzz::proxy_header),
    ("forwarded", fuzz::forwarded),
    ("command", fuzz::command),
    ("http_head", fuzz::http_head),
    ("gateway", fuzz::gateway),
    ("websocket", fuzz::websocket),
    ("recording", fuzz::recording),
    ("chunks_agree", fuzz::chunks_agree),
    ("filtered", fuzz::filtered),
    ("xml_reply", fuzz::xml_reply),
    ("config_file", config_file::config_file),
    ("members_csv", members_csv::members_csv),
    ("mysqldump", mysqldump::mysqldump),
    ("tls_filter", tls_filter::tls_filter),
    ("websocket_frames", websocket_frames::websocket_frames),
];

#[test]
fn every_seed_holds() {
    let generated = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-seeds");
    generate(&generated);
    for (target, body) in TARGETS {
        let (mut seeds, mut joins) = (0, 0);
        let kept = root().join("fuzz/seeds").join(target);
        // A target may have no other seeds than those from transcripts.
        let kept = if kept.exists() {
            files(&kept)
        } else {
            BTreeSet::new()
        };
        for seed in kept.into_iter().chain(files(&generated.join(target))) {
            eprintln!("{}", seed.display());
            let data = fs::read(&seed).expect("a seed can be read");
            body(&data);
            seeds += 1;
            if target == "gateway" {
                joins += fuzz::joins(&data);
            }
        }
        assert!(seeds >= 10, "{target} has {seeds} seeds");
        // The fuzzer begins inside of rooms, too.
        assert!(target != "gateway" || joins >= 20, "{joins} joins");
    }
}

#[test]
fn every_target_is_replayed() {
    let targets = files(&root().join("fuzz/fuzz_targets"));
    let names: BTreeSet<_> = targets
        .iter()
        .filter_map(|file| file.file_stem()?.to_str())
        .collect();
    assert_eq!(names, TARGETS.iter().map(|(name, _)| *name).collect());
}

/// A seed for each different stream of a client in a transcript, if it is of the target's kind, and a script for each
/// scenario.
fn generate(into: &Path) {
    if into.exists() {
        fs::remove_dir_all(into).expect("the seeds of an earlier run can go");
    }
    for (target, _) in TARGETS {
        let folder = into.join(target);
        fs::create_dir_all(&folder).expect("the seeds have a folder");
        let mut seen = BTreeSet::new();
        for file in files(&root().join("tests/transcripts")) {
            if file.extension().is_none_or(|extension| extension != "txt") {
                continue;
            }
            let text = fs::read_to_string(&file).expect("a transcript is text");
            let transcript =
                Transcript::parse(name(&file), &text).unwrap_or_else(|error| panic!("{error}"));
            let subject = name(&file).trim_end_matches(".txt");
            // Seeds that are made anew for each cut or hash are much alike.
            let most = match target {
                "recording" | "chunks_agree" | "filtered" | "xml_reply" | "websocket_frames" => 3,
                "mysqldump" => 1,
                _ => usize::MAX,
            };
            let scenarios = transcript.scenarios().iter().take(most);
            let seeds = scenarios.flat_map(|scenario| seeds(target, scenario));
            for (number, seed) in (1..).zip(seeds.filter(|seed| seed.len() <= 4096)) {
                if seen.insert(seed.clone()) {
                    let path = folder.join(format!("{subject}-{number}"));
                    fs::write(path, seed).expect("a seed can be written");
                }
            }
        }
    }
}

/// The seeds that a scenario gives a target.
fn seeds(target: &str, scenario: &Scenario) -> Vec<Vec<u8>> {
    let sent = scenario.streams().into_iter();
    match target {
        "sniff" => sent
            .map(|stream| stream[..stream.len().min(24)].to_vec())
            .collect(),
        // The fuzzer varies first how the stream is cut. HTTP and masked frames are no commands to it.
        "command" => sent
            .filter(|stream| !stream.starts_with(b"GET "))
            .map(|stream| [b"\x03", &stream[..]].concat())
            .collect(),
        "proxy_header" => {
            let of_proxies: [&[u8]; 2] = [b"PROXY", b"\r\n\r\n\0"];
            sent.filter(|stream| of_proxies.iter().any(|first| stream.starts_with(first)))
                .collect()
        }
        "forwarded" => sent
            .filter(|stream| stream.starts_with(b"GET ") || stream.starts_with(b"HEAD "))
            .map(|stream| forwarded(&stream))
            .filter(|values| !values.is_empty())
            .collect(),
        "http_head" => sent.filter(|stream| stream.ends_with(b"\n")).collect(),
        "gateway" => vec![scenario.script()],
        // These are the cases of the Autobahn suite: core/tests/websocket writes them.
        "websocket" => Vec::new(),
        // A script of its own: no bytes of a transcript are those of a handshake.
        "tls_filter" => Vec::new(),
        // Nothing in a transcript is like a configuration file.
        "config_file" => Vec::new(),
        // The bytes after the upgrade.
        "websocket_frames" => sent
            .filter_map(|stream| after_the_head(&stream))
            .filter(|frames| !frames.is_empty())
            .map(|frames| [b"\x03k", &frames[..]].concat())
            .collect(),
        "chunks_agree" | "filtered" => sent.map(|stream| in_pieces(&stream)).collect(),
        // The nick and name that it begins with are four bytes long.
        "xml_reply" => sent
            .chain(scenario.heard())
            .filter(|text| text.len() > 8)
            .map(|text| [b"\x04\x04", &text[..]].concat())
            .collect(),
        "members_csv" => vec![[b" ", csv(scenario).as_bytes()].concat()],
        // The bytes of clients become values of a row, written in several ways.
        "mysqldump" => sent
            .zip(0_u8..)
            .map(|(stream, kind)| [&[2 * kind + 1, 3], &stream[..]].concat())
            .collect(),
        // The bytes of clients in pieces of three, and a recording of them.
        "recording" => sent
            .map(|stream| [b"\x31", &stream[..]].concat())
            .chain([recorded(scenario)])
            .collect(),
        _ => panic!("nothing is known of {target}"),
    }
}

/// A stream with the byte that says what begins it, and fifteen sizes of pieces.
fn in_pieces(stream: &[u8]) -> Vec<u8> {
    const RAW: u8 = 7;
    const SOCKET: u8 = 2;
    let sizes = *b"\x01\x02\x03\x05\x07\x0b\x0d\x11\x13\x17\x1d\x1f\x25\x29\x2b";
    match after_the_head(stream).filter(|_| is_upgrade(stream)) {
        Some(frames) => [&[SOCKET, 15], &sizes[..], &frames].concat(),
        None => [&[RAW, 15], &sizes[..], stream].concat(),
    }
}

/// The values of the fields by which proxies name a client, a line each.
fn forwarded(stream: &[u8]) -> Vec<u8> {
    let mut values = Vec::new();
    for line in stream.split_inclusive(|byte| *byte == b'\n') {
        let names = [&b"X-Forwarded-For: "[..], b"Forwarded: "];
        let value = names.iter().find_map(|name| line.strip_prefix(*name));
        values.extend_from_slice(value.unwrap_or_default());
    }
    values
}

/// The bytes behind the empty line of a request.
fn after_the_head(stream: &[u8]) -> Option<Vec<u8>> {
    let end = stream.windows(4).position(|four| four == b"\r\n\r\n")?;
    stream
        .starts_with(b"GET ")
        .then(|| stream[end + 4..].to_vec())
}

fn is_upgrade(stream: &[u8]) -> bool {
    stream
        .windows(18)
        .any(|word| word.eq_ignore_ascii_case(b"upgrade: websocket"))
}

/// The members of a scenario, as a site would export them.
fn csv(scenario: &Scenario) -> String {
    let hash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAA";
    let mut writer = csv::Writer::from_writer(Vec::new());
    let rows = scenario.members().map(|member| {
        let number = member.id.to_string();
        [
            number,
            member.nick.to_string(),
            member.name.to_string(),
            hash.to_owned(),
            "1".to_owned(),
        ]
    });
    let head = ["id", "nick", "name", "password", "active"].map(str::to_owned);
    for row in std::iter::once(head).chain(rows) {
        writer.write_record(row).expect("memory takes a row");
    }
    let table = writer.into_inner().expect("memory takes a table");
    String::from_utf8(table).expect("nicks and names are text")
}

/// A recording of a scenario.
fn recorded(scenario: &Scenario) -> Vec<u8> {
    let (lines, all) = mpsc::channel();
    let sink = move |text: &str| {
        // Nobody has gone: the other end is below.
        let _ = lines.send(text.to_owned());
        Wanted::More
    };
    let recorder = Recorder::new(Secrets::Redacted, Box::new(sink));
    let observer = Some(Box::new(recorder) as _);
    let open = |host| Ok(Bare::new(Host { observer, ..host }));
    let played = scenario.play(Cut::Whole, Against::Nothing, open);
    assert!(played.is_ok(), "{}", scenario.title());
    all.into_iter().collect::<String>().into_bytes()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder, in order of name.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a folder can be listed").path());
    paths.filter(|path| path.is_file()).collect()
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .expect("our files have plain names")
}
