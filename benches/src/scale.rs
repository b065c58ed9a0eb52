//! The cost of more members: memory for each, and the server's processor time for a private message between some of them.
//! First up to 19,000 in one server on each wire, as many as a process may have descriptors for here; then 100,000 on
//! several servers that run at once. Nobody is notified of logins: that is another row, and so is the memory it takes.
//!
//! Beside each crowd, a server that has only the pairs takes turns with it, so that other work of the machine affects both.

mod worker;

use std::fs;

use crate::Bench;
use crate::fault::Fault;
use crate::load::Presence;
use crate::plot::{self, Panel, Series};
use crate::server::Kind;
use crate::table::Spread;
use crate::wire::Wire;

use worker::{Held, Worker};
pub(crate) use worker::{WORKER, work};

/// A number of members, on one server or several.
struct Point {
    members: usize,
    /// How much all servers have grown, in bytes.
    grown: u64,
    each: Spread,
    /// The same on the server that has only the pairs.
    ratio: Spread,
}

pub(crate) fn measure(bench: &Bench) -> Result<(), Fault> {
    let mut found = Vec::new();
    for wire in &bench.wires {
        println!("  one server, {}, presence off", wire.name());
        let mut crowd = [Worker::start(
            &bench.programs,
            Kind::Smol,
            *wire,
            Presence::Off,
        )?];
        let points = grow(bench, *wire, &mut crowd, &ONE)?;
        found.push((wire.name(), points));
    }
    enough_memory()?;
    println!("  {SERVERS} servers at once, raw, presence off");
    let start = |_| Worker::start(&bench.programs, Kind::Smol, Wire::Raw, Presence::Off);
    let mut crowd = (0..SERVERS).map(start).collect::<Result<Vec<_>, _>>()?;
    let many = grow(bench, Wire::Raw, &mut crowd, &MANY)?;
    println!(
        "  sockets of this machine meanwhile, both ends: {}",
        sockets()?
    );
    drop(crowd);
    if let Some(file) = &bench.svg {
        plot::write(
            file,
            "flashgate on smol: what members cost",
            &panels(&found, &many),
        )?;
    }
    Ok(())
}

/// Logs in more and more members, the same number on each server, and measures each crowd.
fn grow(
    bench: &Bench,
    wire: Wire,
    crowd: &mut [Worker],
    sizes: &[usize],
) -> Result<Vec<Point>, Fault> {
    println!(
        "  {:>8} {:>12} {:>12} {:>26}   by that of the pairs alone",
        "members", "all, KiB", "each, B", "us a delivery"
    );
    let mut alone = Worker::start(&bench.programs, Kind::Smol, wire, Presence::Off)?;
    alone.grow(ALONE)?;
    let servers = crowd.len();
    let mut points = Vec::new();
    for members in sizes {
        let (mut grown, mut online) = (0, 0);
        for (n, worker) in crowd.iter_mut().enumerate() {
            let own = members / servers + usize::from(n < members % servers);
            let Held { memory, alone } = worker.grow(own)?;
            grown += memory.saturating_sub(alone);
            online += own;
        }
        let (mut each, mut ratios) = (Vec::new(), Vec::new());
        for round in 0..=bench.repeat {
            for worker in crowd.iter_mut() {
                let of_alone = alone.talk(bench.slice)?;
                let of_crowd = worker.talk(bench.slice)?;
                // The first slice of each only warms it up.
                if round > 0 {
                    each.push(of_crowd);
                    ratios.push(of_crowd / of_alone);
                }
            }
        }
        let point = Point {
            members: online,
            grown,
            each: Spread::of(&each),
            ratio: Spread::of(&ratios),
        };
        let (each, ratio) = (spread(point.each), spread(point.ratio));
        println!(
            "  {online:>8} {:>12} {:>12} {each:>26}   {ratio}",
            grown / 1024,
            grown / online as u64
        );
        points.push(point);
    }
    if let [first, .., last] = points.as_slice() {
        let more = (last.members - first.members) as f64;
        println!(
            "  each further member: {:.0} B; each 10,000 further members: {:+.3} of a delivery",
            (last.grown as f64 - first.grown as f64) / more,
            (last.ratio.median - first.ratio.median) / more * 1e4,
        );
    }
    Ok(points)
}

fn spread(spread: Spread) -> String {
    let Spread {
        median,
        least,
        greatest,
    } = spread;
    format!("{median:.2} ({least:.2}-{greatest:.2})")
}

/// Connections also take memory of the system, which is not in the servers' figures.
fn enough_memory() -> Result<(), Fault> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
    match kib {
        Some(kib) if kib < 1024 * ENOUGH => Err(Fault::new(format!(
            "{} MiB of memory are not enough for 100,000 connections",
            kib / 1024
        ))),
        Some(_) | None => Ok(()),
    }
}

fn sockets() -> Result<String, Fault> {
    let text = fs::read_to_string("/proc/net/sockstat")?;
    let line = text.lines().find_map(|l| l.strip_prefix("TCP: inuse "));
    let count = line.and_then(|line| line.split(' ').next());
    Ok(count.unwrap_or("?").to_owned())
}

fn panels(one: &[(&str, Vec<Point>)], many: &[Point]) -> Vec<Panel> {
    let line = |name: &str, points: &[Point], of: fn(&Point) -> f64| {
        let points = points.iter().map(|p| (p.members as f64, of(p)));
        Series::new(name, points.collect())
    };
    let mib = |point: &Point| point.grown as f64 / 1_048_576.0;
    let ratio = |point: &Point| point.ratio.median;
    let lines = |of: fn(&Point) -> f64| {
        let lines = one.iter().map(|(name, points)| line(name, points, of));
        lines.collect::<Vec<_>>()
    };
    let panel = |title: &str, unit: &str, along: &str, series| Panel {
        title: title.to_owned(),
        unit: unit.to_owned(),
        along: along.to_owned(),
        series,
    };
    let (in_one, in_many) = ("members on one server", "members on six servers");
    let (memory, cost) = ("Memory", "Server time for a message");
    let unit = "of that with 100 online";
    vec![
        panel(memory, "MiB", in_one, lines(mib)),
        panel(cost, unit, in_one, lines(ratio)),
        panel(memory, "MiB", in_many, vec![line("", many, mib)]),
        panel(cost, unit, in_many, vec![line("", many, ratio)]),
    ]
}

/// As many as the usual limit on descriptors allows a load and a server.
const ONE: [usize; 4] = [1000, 5000, 10_000, 19_000];

const MANY: [usize; 4] = [10_000, 30_000, 60_000, 100_000];

/// With 19,000 at most on each.
const SERVERS: usize = 6;

/// The pairs, and nobody else.
const ALONE: usize = 100;

/// MiB. 200,000 ends of connections take 3 KiB each, and servers and loads a few hundred in all.
const ENOUGH: u64 = 3000;
