//! The cost of flashgate beside a bare epoll loop that moves the same frames.
//!
//!     cargo run --release -p flashgate-bench
//!
//! prints a table of ratios. The servers that are compared run side by side, in short slices that take turns, so that other
//! work of the machine affects all alike. Each slice gives a ratio. The table has their median, then the smallest and the
//! largest. A figure is the server's own processor time for each delivered message, not the time on the clock. Every
//! message is checked: one that is lost, doubled, reordered or wrong ends the run with exit code 1. A missed target is only
//! reported.
//!
//!     cargo run --release -p flashgate-bench -- one sixteen --runtime smol --wire raw --repeat 31
//!
//! is for tuning. The floor is `src/bin/rawrelay.rs`.
//!
//! The effects of time and size are measured by rows of their own, which run only when they are named:
//!
//!     cargo run --release -p flashgate-bench -- soak --minutes 60 --svg benches/plots/soak.svg
//!     cargo run --release -p flashgate-bench -- scale --svg benches/plots/scale.svg
//!     cargo run --release -p flashgate-bench -- storm
//!
//! Two others test whether the time of a failed login tells why it failed, and fail if it does. The second tests this
//! behind a queue of 60 logins:
//!
//!     cargo run --release -p flashgate-bench -- refused --tries 300
//!     cargo run --release -p flashgate-bench -- queued --tries 1000
//!
//! The last measures how fast the members of an old site, whose passwords are hashed anew, log in for the first time:
//!
//!     cargo run --release -p flashgate-bench -- first-logins

#![expect(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod check;
mod crowd;
mod fault;
mod first_logins;
mod irc;
mod load;
mod loads;
mod news;
mod paced;
mod plot;
mod refused;
mod rows;
mod scale;
mod server;
mod soak;
mod storm;
mod stream;
mod table;
mod tls;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use argh::FromArgs;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use fault::Fault;
use rows::{LONG_ROWS, ROWS, Row};
use server::{Kind, Programs};
use wire::Wire;

/// Measure flashgate beside a bare epoll loop.
#[derive(FromArgs, Debug)]
#[argh(
    note = "Rows: one, sixteen (private messages, 1 or 16 in flight), others, presence-500, presence-5000, burst, room-500, room-5000, rooms-1000, join-5000, login, memory, list, slow, noise, tls, tls-500, tls-memory, handshakes, proxied; without a name, all of these. Rows that run only by name: soak, an hour of everything; scale, up to 100,000 members; storm, all reconnect at once; refused, whether the time of a failed login tells why; queued, the same behind a queue; first-logins, of members with old hashes."
)]
struct Options {
    /// which rows to measure
    #[argh(positional, arg_name = "ROW")]
    rows: Vec<Name>,

    /// number of slices (default 15)
    #[argh(option, default = "15", arg_name = "N")]
    repeat: usize,

    /// length of a slice in milliseconds (default 200)
    #[argh(option, default = "200", arg_name = "MS")]
    slice: u64,

    /// members who log in at once before their memory is measured (default 64)
    #[argh(option, default = "64", arg_name = "N")]
    wave: usize,

    /// tries of each kind of failed login in refused and queued (default 200)
    #[argh(option, default = "200", arg_name = "N")]
    tries: usize,

    /// length of soak in minutes (default 60)
    #[argh(option, default = "60.0", arg_name = "N")]
    minutes: f64,

    /// SVG file for the charts of soak or scale
    #[argh(option, arg_name = "FILE")]
    svg: Option<PathBuf>,

    /// another build of flashgate to measure instead of this one; not for scale
    #[argh(option, arg_name = "FILE")]
    program: Option<PathBuf>,

    /// only this runtime: smol or std
    #[argh(option, arg_name = "NAME", from_str_fn(runtime))]
    runtime: Option<Kind>,

    /// only this wire beside raw: raw, binary or text
    #[argh(option, arg_name = "NAME", from_str_fn(wire))]
    wire: Option<Wire>,
}

#[derive(Debug)]
struct Name(&'static Row);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = || ROWS.iter().chain(&LONG_ROWS);
        let row = all().find(|row| row.name == text);
        row.map(Self).ok_or_else(|| {
            let names: Vec<&str> = all().map(|row| row.name).collect();
            format!("the rows are {}", names.join(", "))
        })
    }
}

fn runtime(text: &str) -> Result<Kind, String> {
    let known = [Kind::Smol, Kind::Std];
    let found = known.into_iter().find(|kind| kind.name() == text);
    found.ok_or_else(|| "it is smol or std".to_owned())
}

fn wire(text: &str) -> Result<Wire, String> {
    let known = [Wire::Raw, Wire::Binary, Wire::Text];
    let found = known.into_iter().find(|wire| wire.name() == text);
    found.ok_or_else(|| "it is raw, binary or text".to_owned())
}

/// What all rows are measured with.
struct Bench {
    programs: Programs,
    repeat: usize,
    slice: Duration,
    wave: usize,
    tries: usize,
    minutes: f64,
    svg: Option<PathBuf>,
    runtimes: Vec<Kind>,
    wires: Vec<Wire>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((first, rest)) if first == scale::WORKER => {
            open_files().and_then(|()| scale::work(rest))
        }
        _ => run(&argh::from_env()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // To standard error, where the messages of workers go, too.
            eprintln!("\nFAILED: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Fault> {
    open_files()?;
    let start = Instant::now();
    let bench = Bench {
        programs: Programs::build(options.program.as_deref())?,
        repeat: options.repeat.max(1),
        slice: Duration::from_millis(options.slice.max(1)),
        wave: options.wave.max(1),
        tries: options.tries.max(1),
        minutes: options.minutes,
        svg: options.svg.clone(),
        runtimes: match options.runtime {
            Some(runtime) => vec![runtime],
            None => vec![Kind::Smol, Kind::Std],
        },
        wires: match options.wire {
            Some(Wire::Raw) => vec![Wire::Raw],
            Some(wire) => vec![Wire::Raw, wire],
            None => vec![Wire::Raw, Wire::Binary, Wire::Text],
        },
    };
    let all: Vec<&Row> = match options.rows.as_slice() {
        [] => ROWS.iter().collect(),
        named => named.iter().map(|name| name.0).collect(),
    };
    if all.iter().any(|row| row.is_in_slices) {
        table::introduce(bench.repeat, bench.slice);
    }
    for row in all {
        println!("\n{}  [{}]", row.title, row.name);
        (row.measure)(&bench).map_err(|fault| fault.during(row.name))?;
    }
    println!(
        "\nEvery message was counted. {} s.",
        start.elapsed().as_secs()
    );
    Ok(())
}

/// Raises the limit on open files, of which each client takes one.
fn open_files() -> Result<(), Fault> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}
