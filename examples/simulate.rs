//! Plays the deterministic simulation with one fresh seed after the other for as long as it is told to,
//! prints how many inputs the core took a second, and the seed of the first failure.
//!
//! `cargo run --release --example simulate -- --seconds 600`

#![allow(clippy::print_stdout)]

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use argh::FromArgs;
use flashgate_testing::sim::{self, NoMeter, Watched};

/// Plays the deterministic simulation of the core.
#[derive(FromArgs)]
struct Options {
    /// how long to play
    #[argh(option, default = "60")]
    seconds: u64,
    /// the first seed, instead of the time of day; the next ones count up
    #[argh(option)]
    seed: Option<u64>,
    /// inputs of each seed until its faults stop
    #[argh(option, default = "20000")]
    events: u64,
}

fn main() -> ExitCode {
    let options: Options = argh::from_env();
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since_1970.unwrap_or_default().as_nanos() as u64;
    let mut seed = options.seed.unwrap_or(now);
    let first = seed;
    println!(
        "seeds from {seed} on, {} events each and what it takes to settle",
        options.events
    );

    let (start, mut shown) = (Instant::now(), Instant::now());
    let mut inputs = 0;
    while start.elapsed() < Duration::from_secs(options.seconds) {
        match sim::run(seed, options.events, Watched::No, &NoMeter) {
            Ok(report) => inputs += report.inputs,
            Err(_) => return failed(seed, options.events),
        }
        seed = seed.wrapping_add(1);
        if shown.elapsed() > Duration::from_secs(10) {
            shown = Instant::now();
            show(inputs, seed - first, start);
        }
    }
    show(inputs, seed - first, start);
    println!("no violation");
    ExitCode::SUCCESS
}

fn show(inputs: u64, seeds: u64, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    let a_second = inputs as f64 / seconds;
    println!("{inputs} events of {seeds} seeds in {seconds:.0} s, {a_second:.0} a second");
}

/// Shows the failure again, with what went before it.
fn failed(seed: u64, events: u64) -> ExitCode {
    match sim::check(seed, events, &NoMeter) {
        Err(failure) => println!("{failure}"),
        Ok(_) => println!("the second time it went well: the core is not deterministic"),
    }
    println!(
        "\nseed {seed}; again with\ncargo run --release --example simulate -- --seconds 1 --seed {seed} --events {events}"
    );
    ExitCode::FAILURE
}
