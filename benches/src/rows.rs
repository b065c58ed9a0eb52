//! The rows of the table: what is compared with what, and the targets.

mod tls;

use crate::Bench;
use crate::crowd::Reading;
use crate::fault::Fault;
use crate::first_logins;
use crate::irc;
use crate::load::{Load, Seat};
use crate::loads::burst::Burst;
use crate::loads::idle;
use crate::loads::list::List;
use crate::loads::login::Logins;
use crate::loads::noise::{Noise, Talkers};
use crate::loads::pairs::Pairs;
use crate::loads::presence::Presence;
use crate::loads::rooms::{Joins, Rooms};
use crate::loads::slow::Slow;
use crate::refused;
use crate::scale;
use crate::server::Kind;
use crate::soak;
use crate::storm;
use crate::table::{self, Spread, Target};
use crate::wire::Wire;

/// A row, and how it is measured and printed.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// Whether slices take turns.
    pub(crate) is_in_slices: bool,
    pub(crate) measure: fn(&Bench) -> Result<(), Fault>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

pub(crate) static ROWS: [Row; 20] = [
    Row {
        name: "one",
        title: "Private messages, 50 pairs, 1 in flight: each delivery",
        is_in_slices: true,
        measure: |bench| pairs(bench, 1, target(1.3, 1.15)),
    },
    Row {
        name: "sixteen",
        title: "Private messages, 50 pairs, 16 in flight: each delivery",
        is_in_slices: true,
        measure: |bench| pairs(bench, 16, target(2.0, 1.4)),
    },
    Row {
        name: "others",
        title: "Private messages, 50 pairs, with 10,000 others online; compared with none",
        is_in_slices: true,
        measure: others,
    },
    Row {
        name: "presence-500",
        title: "A member logs in and leaves, 500 are notified: each delivery",
        is_in_slices: true,
        measure: |bench| {
            let load = |_| Box::new(Presence::new(500)) as Box<dyn Load>;
            compared(bench, &bench.servers(), &load, target(1.2, 1.05))
        },
    },
    Row {
        name: "presence-5000",
        title: "A member logs in and leaves, 5,000 are notified: each delivery",
        is_in_slices: true,
        measure: |bench| {
            let load = |_| Box::new(Presence::new(5000)) as Box<dyn Load>;
            compared(bench, &RAW_SMOL, &load, target(1.2, 1.05))
        },
    },
    Row {
        name: "burst",
        title: "64 logins in one wake-up, 5,000 are notified: each delivery",
        is_in_slices: true,
        measure: |bench| {
            let load = |_| Box::new(Burst::new(5000, 64)) as Box<dyn Load>;
            compared(bench, &RAW_SMOL, &load, target(0.5, 0.1))
        },
    },
    Row {
        name: "room-500",
        title: "A message to a room of 500: each delivery",
        is_in_slices: true,
        measure: |bench| {
            let load = |_| Box::new(Rooms::new(500, 1, 500)) as Box<dyn Load>;
            compared(bench, &bench.servers(), &load, target(1.2, 1.05))
        },
    },
    Row {
        name: "room-5000",
        title: "A message to a room of 5,000: each delivery",
        is_in_slices: true,
        measure: |bench| {
            let load = |_| Box::new(Rooms::new(5000, 1, 5000)) as Box<dyn Load>;
            compared(bench, &RAW_SMOL, &load, target(1.2, 1.05))
        },
    },
    Row {
        name: "rooms-1000",
        title: "Messages to 1,000 rooms of 20, four for each member, 1 in flight in each: each delivery",
        is_in_slices: true,
        measure: |bench| {
            let load = |_| Box::new(Rooms::new(5000, 1000, 20)) as Box<dyn Load>;
            compared(bench, &RAW_SMOL, &load, target(1.3, 1.15))
        },
    },
    Row {
        name: "join-5000",
        title: "A member joins a room and parts, 5,000 are notified: each delivery",
        is_in_slices: true,
        measure: |bench| {
            let load = |_| Box::new(Joins::new(5000)) as Box<dyn Load>;
            compared(bench, &RAW_SMOL, &load, target(1.2, 1.05))
        },
    },
    Row {
        name: "login",
        title: "Connect, log in (the cheapest hash), leave, one after the other: each visit",
        is_in_slices: true,
        measure: |bench| {
            let mut servers = bench.servers();
            servers.retain(|(_, wire)| *wire == Wire::Raw);
            let load = |_| Box::new(Logins::default()) as Box<dyn Load>;
            compared(bench, &servers, &load, target(1.6, 1.3))
        },
    },
    Row {
        name: "memory",
        title: "Memory of the process for each idle connection that is logged in (RssAnon)",
        is_in_slices: true,
        measure: memory,
    },
    Row {
        name: "list",
        title: "LIST of 10,000, asked for by 50 at once: each answer; compared with a bare send of the same bytes",
        is_in_slices: true,
        measure: |bench| {
            let load = |_| Box::new(List::new(10_000)) as Box<dyn Load>;
            compared(bench, &RAW_SMOL, &load, target(1.2, 1.05))
        },
    },
    Row {
        name: "slow",
        title: "Latency of the others, 99th percentile, while one client does not read; compared with while it reads",
        is_in_slices: true,
        measure: slow,
    },
    Row {
        name: "noise",
        title: "Latency of the others, median, while 240 send what leads to no command; compared with while they are silent",
        is_in_slices: true,
        measure: noise,
    },
    tls::ONE,
    tls::ROOM,
    tls::MEMORY,
    tls::HANDSHAKES,
    tls::PROXIED,
];

/// Rows that take long, and run only when they are named.
pub(crate) static LONG_ROWS: [Row; 6] = [
    Row {
        name: "soak",
        title: "Members who stay and talk, and others who come and go in every way, at a fixed rate",
        is_in_slices: false,
        measure: soak::measure,
    },
    Row {
        name: "scale",
        title: "The cost of more members: memory, and the server's time for a private message among 50 pairs",
        is_in_slices: true,
        measure: scale::measure,
    },
    Row {
        name: "storm",
        title: "All are disconnected and reconnect at once, and 20 who stay talk on",
        is_in_slices: false,
        measure: storm::measure,
    },
    Row {
        name: "refused",
        title: "Failed logins: does the time of the answer tell why?",
        is_in_slices: false,
        measure: refused::measure,
    },
    Row {
        name: "queued",
        title: "Failed logins behind 60 others: do the gaps between the answers tell why?",
        is_in_slices: false,
        measure: refused::queued::measure,
    },
    Row {
        name: "first-logins",
        title: "Members with old hashes log in; compared with members who have argon2id hashes",
        is_in_slices: false,
        measure: first_logins::measure,
    },
];

const fn target(must: f64, aim: f64) -> Target {
    Target { must, aim }
}

impl Bench {
    /// The floor, and each runtime on each wire.
    fn servers(&self) -> Vec<(Kind, Wire)> {
        let mut servers = vec![(Kind::Floor, Wire::Raw)];
        for runtime in &self.runtimes {
            servers.extend(self.wires.iter().map(|wire| (*runtime, *wire)));
        }
        servers
    }

    pub(crate) fn seat(&self, kind: Kind, wire: Wire, options: &[String]) -> Result<Seat, Fault> {
        let (mut options, mut clients) = (options.to_vec(), None);
        if wire == Wire::Tls {
            options.extend(self.programs.certificate.options());
            clients = Some(self.programs.certificate.clients()?);
        }
        let mut seat = Seat::new(self.programs.start(kind, &options)?, wire)?;
        seat.crowd.tls = clients;
        Ok(seat)
    }

    /// Lets all take turns. Returns what each slice of each has cost.
    fn interleaved(&self, takes: &mut [Take]) -> Result<Vec<Costs>, Fault> {
        for take in takes.iter_mut() {
            let Take { seat, load } = take;
            let prepared = load.prepare(seat);
            prepared.map_err(|fault| fault.during(take.name()))?;
        }
        let mut found = vec![Costs::default(); takes.len()];
        // The first slice of each only warms it up.
        for round in 0..=self.repeat {
            for (take, found) in takes.iter_mut().zip(&mut found) {
                let slice = take.load.slice(&mut take.seat, self.slice);
                let slice = slice.map_err(|fault| fault.during(take.name()))?;
                if round > 0 {
                    found.each.push(slice.each());
                    found.together.push(slice.together());
                }
            }
        }
        Ok(found)
    }
}

/// What the slices of one server have cost.
#[derive(Clone, Debug, Default)]
struct Costs {
    each: Vec<f64>,
    together: Vec<f64>,
}

/// One of the servers that take turns.
struct Take {
    seat: Seat,
    load: Box<dyn Load>,
}

impl Take {
    fn name(&self) -> String {
        format!(
            "{}, {}",
            self.seat.server.kind.name(),
            self.seat.wire.name()
        )
    }
}

fn pairs(bench: &Bench, in_flight: u32, target: Target) -> Result<(), Fault> {
    let mut servers = bench.servers();
    let (there, absent): (Vec<_>, Vec<_>) = [Kind::Ngircd, Kind::Inspircd]
        .into_iter()
        .partition(|kind| irc::installed(*kind).is_some());
    // With `--runtime`, only that runtime is measured: tuning it should not wait for other servers.
    if !there.is_empty() && bench.runtimes.len() > 1 {
        servers.push((Kind::OneWay, Wire::Raw));
        servers.extend(there.into_iter().map(|kind| (kind, Wire::Irc)));
    }
    let load = |_| Box::new(Pairs::new(in_flight, 0)) as Box<dyn Load>;
    compared(bench, &servers, &load, target)?;
    for kind in absent {
        println!("  {:<9}not installed", kind.name());
    }
    Ok(())
}

/// Measures the same on several servers, the first of which is the floor.
fn compared(
    bench: &Bench,
    servers: &[(Kind, Wire)],
    load: &dyn Fn(Kind) -> Box<dyn Load>,
    target: Target,
) -> Result<(), Fault> {
    let mut takes = Vec::new();
    for (kind, wire) in servers {
        let list = List::bytes(10_000);
        let is_floor = matches!(kind, Kind::Floor | Kind::OneWay);
        let blob = ["--blob".to_owned(), list.to_string()];
        let options = if is_floor { &blob[..] } else { &[] };
        takes.push(Take {
            seat: bench.seat(*kind, *wire, options)?,
            load: load(*kind),
        });
    }
    let found = bench.interleaved(&mut takes)?;
    let of = |kind, wire| {
        let at = servers.iter().position(|server| *server == (kind, wire));
        at.map(|at| found[at].each.as_slice())
    };
    for ((kind, wire), costs) in servers.iter().zip(&found) {
        let each = &costs.each;
        let mut ratios = vec![table::together(&costs.together)];
        let mut to = |kind, wire, name, target| {
            if let Some(to) = of(kind, wire) {
                ratios.push(table::ratio(Spread::ratio(each, to), name, target));
            }
        };
        match kind {
            Kind::Floor | Kind::OneWay => {}
            Kind::Ngircd | Kind::Inspircd => to(Kind::OneWay, Wire::Raw, "one way", None),
            Kind::Smol | Kind::Std => {
                let floor = if *wire == Wire::Tls { *wire } else { Wire::Raw };
                let first = *kind == Kind::Smol && *wire == floor;
                to(Kind::Floor, floor, "floor", first.then_some(target));
                if *wire != floor {
                    to(*kind, Wire::Raw, "raw", Some(WEBSOCKET));
                }
                if *kind == Kind::Std {
                    to(Kind::Smol, *wire, "smol", Some(STD));
                }
            }
        }
        table::line(kind.name(), wire.name(), "us", each, &ratios);
    }
    Ok(())
}

fn others(bench: &Bench) -> Result<(), Fault> {
    let mut takes = Vec::new();
    for (in_flight, others) in [(1, 0), (1, 10_000)] {
        takes.push(Take {
            seat: bench.seat(Kind::Smol, Wire::Raw, &[])?,
            load: Box::new(Pairs::new(in_flight, others)),
        });
    }
    let found = bench.interleaved(&mut takes)?;
    let [alone, crowd] = [&found[0], &found[1]];
    let together = table::together(&alone.together);
    table::line("smol", "alone", "us", &alone.each, &[together]);
    let spread = Spread::ratio(&crowd.each, &alone.each);
    let ratio = table::ratio(spread, "alone", Some(target(1.1, 1.02)));
    let together = table::together(&crowd.together);
    table::line("smol", "crowd", "us", &crowd.each, &[together, ratio]);
    Ok(())
}

fn memory(bench: &Bench) -> Result<(), Fault> {
    let target = target(700.0, 384.0);
    let mut seat = bench.seat(Kind::Smol, Wire::Raw, &[])?;
    seat.wave = bench.wave;
    for memory in idle::measure(&mut seat, &[10_000, 19_000])? {
        let verdict = table::verdict(memory.grown as f64, target);
        println!(
            "  smol     raw  {:>6} online: grown by {} B for each  {verdict}   all of it: {} B for each",
            memory.online, memory.grown, memory.whole,
        );
    }
    Ok(())
}

fn slow(bench: &Bench) -> Result<(), Fault> {
    // A backlog so large that the client is not closed while it does not read.
    let options = ["--max-backlog=1073741824".to_owned()];
    for kind in &bench.runtimes {
        let mut seat = bench.seat(*kind, Wire::Raw, &options)?;
        let mut slow = Slow::new(&mut seat)?;
        let (mut reads, mut stopped) = (Vec::new(), Vec::new());
        for round in 0..=bench.repeat {
            let without = slow.p99(&mut seat, Reading::Open, bench.slice)?;
            let with = slow.p99(&mut seat, Reading::Stopped, bench.slice)?;
            if round > 0 {
                reads.push(without);
                stopped.push(with);
            }
        }
        let spread = Spread::ratio(&stopped, &reads);
        table::line(kind.name(), "reads", "us", &reads, &[]);
        let ratio = table::ratio(spread, "reads", Some(target(1.5, 1.1)));
        table::line(kind.name(), "stopped", "us", &stopped, &[ratio]);
    }
    Ok(())
}

fn noise(bench: &Bench) -> Result<(), Fault> {
    let options = ["--rate=20".to_owned()];
    for kind in &bench.runtimes {
        let mut seat = bench.seat(*kind, Wire::Raw, &options)?;
        let mut talkers = Talkers::new(&mut seat)?;
        for noise in Noise::ALL {
            let (mut silent, mut loud) = (Vec::new(), Vec::new());
            for round in 0..=bench.repeat {
                let medians = talkers.medians(&mut seat, noise, 2 * bench.slice)?;
                if round > 0 {
                    silent.push(medians[0]);
                    loud.push(medians[1]);
                }
            }
            let spread = Spread::ratio(&loud, &silent);
            table::line(kind.name(), "silent", "us", &silent, &[]);
            let ratio = table::ratio(spread, "silent", Some(target(2.0, 1.2)));
            table::line(kind.name(), noise.name(), "us", &loud, &[ratio]);
        }
    }
    Ok(())
}

/// Only smol on raw connections: std is not made for that many members, and one wire is enough.
const RAW_SMOL: [(Kind, Wire); 2] = [(Kind::Floor, Wire::Raw), (Kind::Smol, Wire::Raw)];

/// A WebSocket, compared with a raw connection of the same runtime.
const WEBSOCKET: Target = target(1.15, 1.15);

/// runtime-std, compared with runtime-smol.
const STD: Target = target(2.0, 2.0);
