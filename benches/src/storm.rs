//! All members are disconnected and reconnect at once, as after a failure of a router; and as many connections that send
//! nothing. Twenty members who stay talk on meanwhile, on a thread of their own.
//!
//! Load and server share the machine: the latencies contain the processor time that the load takes.

mod returning;
mod stayers;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::Bench;
use crate::crowd::{Listen, Outs};
use crate::fault::Fault;
use crate::load::{Presence, Seat};
use crate::server::Kind;
use crate::wire::Wire;

use returning::Refused;
use stayers::{AFTER, BEFORE, DURING, OVER, STAYERS, Seen, Stage};

/// What all clients do at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    LogIn,
    /// They send nothing.
    Connect,
}

/// How long it took.
struct Storm {
    /// Until all were connected, and until everything was delivered.
    took: [Duration; 2],
    /// The time of each login, sorted.
    logins: Vec<Duration>,
    refused: Refused,
    /// Connections that the system put off: the server had not taken those before them.
    put_off: u64,
    /// By the server.
    spent: Duration,
}

pub(crate) fn measure(bench: &Bench) -> Result<(), Fault> {
    for kind in &bench.runtimes {
        let members = if *kind == Kind::Std { 1000 } else { 19_000 };
        for (what, presence) in [
            (What::Connect, Presence::All),
            (What::LogIn, Presence::Off),
            (What::LogIn, Presence::All),
        ] {
            let (storm, seen) = run(bench, *kind, members, what, presence)?;
            report(*kind, members, what, presence, &storm, &seen);
        }
    }
    Ok(())
}

fn run(
    bench: &Bench,
    kind: Kind,
    members: usize,
    what: What,
    presence: Presence,
) -> Result<(Storm, Seen), Fault> {
    let option = format!("--presence={}", presence.name());
    let mut seat = bench.seat(kind, Wire::Raw, &[option])?;
    seat.presence = presence;
    let first = members + 1;
    let mut crowd = stayers::log_in(seat.server.address, first)?;
    let stage = Stage::default();
    thread::scope(|scope| {
        let staying = scope.spawn(|| stayers::stay(&mut crowd, first, presence, &stage));
        let outcome = match what {
            What::LogIn => log_in(&mut seat, members, presence, &stage),
            What::Connect => connect(&mut seat, members, &stage),
        };
        stage.set(OVER);
        let panicked = |_| Err(Fault::new("a thread of the load has panicked"));
        let seen = staying.join().unwrap_or_else(panicked);
        let (storm, returning) = outcome?;
        let seen = seen.map_err(|fault| fault.during("those who stay"))?;
        if let Some(returning) = returning {
            returning.check(&seen.events)?;
        }
        Ok((storm, seen))
    })
}

/// All members are online, are disconnected, and reconnect.
fn log_in(
    seat: &mut Seat,
    members: usize,
    presence: Presence,
    stage: &Stage,
) -> Result<(Storm, Option<returning::Returning>), Fault> {
    seat.fill(members)?;
    stage.set(BEFORE);
    seat.crowd.during(CALM, &mut Silence)?;
    stage.set(DURING);
    seat.crowd.during(NOTICED, &mut Silence)?;
    let (spent, put_off) = (seat.server.spent()?, put_off()?);
    let (mut back, took) = returning::come_back(&mut seat.crowd, presence)?;
    let storm = Storm {
        took,
        logins: std::mem::take(&mut back.took),
        refused: back.refused,
        put_off: self::put_off()? - put_off,
        spent: seat.server.spent()? - spent,
    };
    stage.set(AFTER);
    seat.crowd.during(CALM, &mut Silence)?;
    Ok((storm, Some(back)))
}

/// The same number of clients connects, and sends nothing.
fn connect(
    seat: &mut Seat,
    members: usize,
    stage: &Stage,
) -> Result<(Storm, Option<returning::Returning>), Fault> {
    for _ in 0..members {
        seat.crowd.add_place();
    }
    stage.set(BEFORE);
    thread::sleep(CALM);
    stage.set(DURING);
    thread::sleep(NOTICED);
    let before = seat.server.descriptors()?;
    let (spent, put_off) = (seat.server.spent()?, put_off()?);
    let start = Instant::now();
    for place in 0..members {
        seat.crowd.connect_soon(place, None)?;
    }
    // Each has a descriptor once it is accepted.
    while seat.server.descriptors()? < before + members {
        seat.crowd.during(NOTICED / 5, &mut Silence)?;
        if start.elapsed() > PATIENCE {
            return Err(Fault::new("not all connections are accepted"));
        }
    }
    let took = start.elapsed();
    let storm = Storm {
        took: [took, took],
        logins: Vec::new(),
        refused: Refused::default(),
        put_off: self::put_off()? - put_off,
        spent: seat.server.spent()? - spent,
    };
    stage.set(AFTER);
    seat.crowd.during(CALM, &mut Silence)?;
    Ok((storm, None))
}

/// Nobody is notified of logins, and no client is closed.
struct Silence;

impl Listen for Silence {
    fn answer(&mut self, _: &mut Outs, _: usize, answer: &[u8]) -> Result<(), Fault> {
        Err(Fault::wrong("nothing was asked", answer))
    }
}

/// Connections that this machine has put off so far: they try again by themselves after a second.
fn put_off() -> Result<u64, Fault> {
    let text = fs::read_to_string("/proc/net/netstat")?;
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, figures) = (lines.next(), lines.next());
    let mut both =
        (names.unwrap_or_default().split(' ')).zip(figures.unwrap_or_default().split(' '));
    let found = both.find(|(name, _)| *name == "ListenDrops");
    let count = found.and_then(|(_, figure)| figure.parse().ok());
    count.ok_or_else(|| Fault::new("no ListenDrops in /proc"))
}

fn report(kind: Kind, members: usize, what: What, presence: Presence, storm: &Storm, seen: &Seen) {
    let [there, delivered] = storm.took.map(|took| took.as_secs_f64());
    let rate = members as f64 / there;
    let spent = storm.spent.as_secs_f64();
    match what {
        What::Connect => println!(
            "  {}, {members} connect and say nothing: all accepted after {there:.2} s, {rate:.0} a second",
            kind.name(),
        ),
        What::LogIn => println!(
            "  {}, presence {}, {members} are reset and log in again: all in after {there:.2} s, {rate:.0} a \
             second;\n    each took {} (p50, p99, longest); everything delivered after {delivered:.2} s",
            kind.name(),
            presence.name(),
            spread(&storm.logins),
        ),
    }
    let Refused {
        online,
        later,
        closed,
    } = storm.refused;
    println!(
        "    server {spent:.2} s of a core; tried again: {online} as their old connection was still there, {later} as \
         too many logged in,\n    {closed} after a close; connects put off by the system: {}",
        storm.put_off
    );
    for (name, latencies) in ["before", "during", "after"].iter().zip(&seen.latencies) {
        println!(
            "    messages of {STAYERS} who stayed, {name:<6}: {} of {}",
            spread(latencies),
            latencies.len()
        );
    }
}

/// The median, the 99th percentile and the longest.
fn spread(sorted: &[Duration]) -> String {
    let at =
        |percent: usize| sorted.get((sorted.len() * percent / 100).min(sorted.len().max(1) - 1));
    let millis = |length: Option<&Duration>| length.map_or(f64::NAN, |l| l.as_secs_f64() * 1e3);
    let [p50, p99, longest] = [at(50), at(99), at(100)].map(millis);
    format!("{p50:.2}, {p99:.2}, {longest:.2} ms")
}

/// Before and after.
const CALM: Duration = Duration::from_secs(3);

/// By then the members who stay have received everything.
const NOTICED: Duration = Duration::from_millis(10);

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);
