//! Plays the deterministic simulation (`flashgate_testing::sim`): seeds that were chosen once,
//! seeds that once failed, and fresh seeds.
//!
//! `SIM_SEED=7 cargo test --test simulation one_seed -- --nocapture` plays one seed and shows what it did;
//! `SIM_SEEDS=5000` plays 5,000 fresh ones instead of 300. For hours there is
//! `cargo run --release --example simulate -- --seconds 3600`.

#![allow(
    clippy::print_stdout,
    reason = "a fresh seed has to be seen to be played again"
)]

use std::collections::BTreeMap;
use std::env;
use std::panic;
use std::time::{SystemTime, UNIX_EPOCH};

use flashgate_testing::counting::{Counting, GatewayMeter};
use flashgate_testing::sim::{self, AT_LEVEL_ONE, Report};

#[global_allocator]
static ALLOCATOR: Counting = Counting::by_thread();

#[test]
fn seeds_that_once_failed() {
    for (seed, events, why) in REGRESSIONS {
        play(*seed, &format!("which once showed: {why}"), *events);
    }
}

#[test]
fn fixed_seeds() {
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut held, mut nearest) = (0, 0);
    for seed in 0..FIXED {
        let report = play(seed, "fixed", EVENTS);
        for (what, times) in report.seen {
            *seen.entry(what).or_default() += times;
        }
        (held, nearest) = (held.max(report.held), nearest.max(report.nearest));
    }
    println!("most held: {held} bytes; nearest to its bound: {nearest} %");
    for (what, times) in &seen {
        println!("{times:>8} {what}");
    }
    assert!(held > 0, "memory is counted");
    // A simulation tests nothing about an event that never happens.
    let least = MUST_HAPPEN.iter().map(|what| (what, 6));
    for (what, least) in least.chain(RARE.iter().map(|what| (what, 1))) {
        assert!(
            seen.get(what).is_some_and(|times| *times >= least),
            "{what:?} is rare: {seen:?}"
        );
    }
}

#[test]
fn fresh_seeds() {
    let seeds = env::var("SIM_SEEDS").map_or(FRESH, |n| n.parse().expect("a number"));
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let first = now.as_nanos() as u64;
    println!("fresh seeds: {first} and the {seeds} behind it");
    for seed in first..first + seeds {
        play(seed, "fresh", EVENTS);
    }
}

/// Long runs show memory that grows slowly: little may be held after many clients have come and gone.
#[test]
fn long_runs() {
    for seed in 0..LONG_RUNS {
        play(seed, "long", LONG);
    }
}

/// Clients that know the elements of 2007 alone stay online among clients that use everything newer.
#[test]
fn level_one_on_a_busy_server() {
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    let mut inputs = 0;
    for seed in 0..BUSY_RUNS {
        let report = match sim::busy(seed, BUSY) {
            Ok(report) => report,
            Err(failure) => panic!("{failure}\n\nthe busy seed {seed}"),
        };
        inputs += report.inputs;
        for (what, times) in report.seen {
            *seen.entry(what).or_default() += times;
        }
    }
    let read = seen.get(AT_LEVEL_ONE).copied().unwrap_or_default();
    println!("{inputs} events; clients of level 1 have read {read} elements");
    assert!(read > 20_000, "{read} elements at level 1");
    for what in AROUND_LEVEL_ONE {
        assert!(seen.contains_key(what), "{what:?} is rare: {seen:?}");
    }
}

#[test]
fn one_seed() {
    let Ok(seed) = env::var("SIM_SEED") else {
        return;
    };
    let events = env::var("SIM_EVENTS").map_or(EVENTS, |n| n.parse().expect("a number"));
    let report = play(seed.parse().expect("a number"), "asked for", events);
    println!("{report:#?}");
}

fn play(seed: u64, what: &str, events: u64) -> Report {
    match sim::check(seed, events, &GatewayMeter) {
        Ok(report) => report,
        Err(failure) => panic!(
            "{failure}\n\nseed {seed} ({what}); again with\n\
             SIM_SEED={seed} SIM_EVENTS={events} cargo test --test simulation one_seed -- --nocapture"
        ),
    }
}

/// Seeds that showed a fault, how many inputs that takes, and the fault.
const REGRESSIONS: &[(u64, u64, &str)] = &[
    (
        13_001_153,
        EVENTS,
        "the pace of a guarded name forgotten after a shorter window",
    ),
    (
        1_796_043_665_571_938_029,
        EVENTS,
        "a login expected behind a PROXY header that came too late",
    ),
    (
        1_000_017,
        LONG,
        "a login in line by a nick that another member had taken",
    ),
    (
        7_000_000_165,
        3_000,
        "a change of nick undone by a login that was looked up before",
    ),
    (
        1_001_124,
        LONG,
        "a PASSWD in line since before others' messages waited for its client",
    ),
    (
        7_000_004_061,
        3_000,
        "the rest of a long command that the rate holds back in front of a WebSocket's close",
    ),
    (
        11_000_001_519,
        3_000,
        "a chat of garbage that ends in a bad record",
    ),
    (
        12_000_000_917,
        3_000,
        "a claim decided late, before the older connection's wait for the rate is over",
    ),
    (
        13_000_000_126,
        3_000,
        "two names of an address whose places in line are of the same millisecond",
    ),
];

/// Inputs of a run until its faults stop.
const EVENTS: u64 = 400;

const LONG: u64 = 20_000;

const LONG_RUNS: u64 = 4;

const BUSY: u64 = 50_000;

const BUSY_RUNS: u64 = 2;

const FIXED: u64 = 400;

const FRESH: u64 = 300;

/// Events that need several others first: once is enough.
const RARE: &[&str] = &[
    "a claim is refused",
    "a ghost gives way",
    "a nick changed after the end",
    "a room becomes permanent",
    "a room with members is no longer permanent",
    "a wrong old password",
    "asked for a claim",
    "kick during a claim",
    "kick during a question",
    "kick from a room",
    "password changed",
    "takeover with rooms",
];

/// What happens around clients of level 1 on a busy server.
const AROUND_LEVEL_ONE: &[&str] = &[
    "You were kicked from that room.",
    "action",
    "announce",
    "back after a kick",
    "kick",
    "kick from a room",
    "owner",
    "room action",
    "room msg",
    "takeover by a client of level 1 with rooms",
    "takeover with rooms",
    "topic",
];

const MUST_HAPPEN: &[&str] = &[
    "No such room.",
    "Only the owner may do that.",
    "PROXY header of an address at its limit",
    "PROXY header taken for a command",
    "PROXY header timed out",
    "PROXY header without a client",
    "PROXY header",
    "Room exists already.",
    "Room name is not allowed.",
    "Too many rooms.",
    "Wrong key.",
    "You are in that room already.",
    "You are not in that room.",
    "You may not do that.",
    "a client in the head",
    "a client in the head, at its limit",
    "a guest with a nick",
    "a guest without a nick",
    "a guest's nick changed",
    "address limit",
    "a nick changed",
    "a nick changed from outside",
    "a nick that is known",
    "a question about a nick",
    "already online",
    "announce to a paused client",
    "announce to nobody",
    "announce",
    "answer after the end",
    "answer",
    "bad PROXY header",
    "chat",
    "disabled",
    "element at level 1",
    "end of stream",
    "failed logins",
    "full",
    "guarded",
    "in line",
    "join",
    "kick of a client that reads slowly",
    "kick of a paused client",
    "kick of nobody",
    "kick",
    "kicked",
    "late answer",
    "leap",
    "login failed",
    "login unavailable",
    "login",
    "lookup timed out",
    "msg",
    "nick taken",
    "no PROXY header",
    "no PROXY header, and none needed",
    "no client in the head",
    "no login",
    "not upgraded",
    "owner",
    "part of a member who leaves",
    "part",
    "pause",
    "ping",
    "protocol error",
    "quit",
    "refusal",
    "refused at the door",
    "refused",
    "replaced",
    "reset",
    "room action",
    "room created",
    "room gone",
    "room msg",
    "rooms of one address",
    "shutdown",
    "takeover by a client of level 1 with rooms",
    "takeover",
    "timeout",
    "too slow",
    "topic",
    "upgrade",
    "visit",
];
