//! What TLS and a PROXY header cost.

use crate::Bench;
use crate::fault::Fault;
use crate::load::{Load, Presence};
use crate::loads::handshakes;
use crate::loads::idle;
use crate::loads::noise::Talkers;
use crate::loads::pairs::Pairs;
use crate::loads::rooms::Rooms;
use crate::server::Kind;
use crate::table::{self, Spread};
use crate::wire::Wire;

use super::{Row, Take, compared, target};

pub(super) const ONE: Row = Row {
    name: "tls",
    title: "Private messages over TLS, 50 pairs, 1 in flight: each delivery",
    is_in_slices: true,
    measure: |bench| {
        let load = |_| Box::new(Pairs::new(1, 0)) as Box<dyn Load>;
        compared(bench, &servers(bench), &load, target(1.3, 1.15))
    },
};

pub(super) const ROOM: Row = Row {
    name: "tls-500",
    title: "A message to a room of 500 over TLS: each delivery",
    is_in_slices: true,
    measure: |bench| {
        let load = |_| Box::new(Rooms::new(500, 1, 500)) as Box<dyn Load>;
        compared(bench, &servers(bench), &load, target(1.3, 1.15))
    },
};

pub(super) const MEMORY: Row = Row {
    name: "tls-memory",
    title: "Memory of the process for each idle connection over TLS that is logged in (RssAnon)",
    is_in_slices: false,
    measure: memory,
};

pub(super) const HANDSHAKES: Row = Row {
    name: "handshakes",
    title: "Latency of the others, 99th percentile, while 8 clients connect over TLS again and again; compared with while they do not",
    is_in_slices: true,
    measure: handshakes,
};

pub(super) const PROXIED: Row = Row {
    name: "proxied",
    title: "Private messages, 50 pairs, 1 in flight, on connections that begin with a PROXY header; compared with connections that do not",
    is_in_slices: true,
    measure: proxied,
};

fn servers(bench: &Bench) -> Vec<(Kind, Wire)> {
    let all = [Kind::Floor].into_iter().chain(bench.runtimes.clone());
    all.map(|kind| (kind, Wire::Tls)).collect()
}

fn memory(bench: &Bench) -> Result<(), Fault> {
    let option = format!("--presence={}", Presence::Off.name());
    let mut seat = bench.seat(Kind::Smol, Wire::Tls, &[option])?;
    (seat.wave, seat.presence) = (bench.wave, Presence::Off);
    for memory in idle::measure(&mut seat, &[10_000])? {
        let verdict = table::verdict(memory.grown as f64, target(5000.0, 4000.0));
        println!(
            "  smol     tls  {:>6} online: grown by {} B for each  {verdict}   all of it: {} B for each",
            memory.online, memory.grown, memory.whole,
        );
    }
    Ok(())
}

fn handshakes(bench: &Bench) -> Result<(), Fault> {
    let clients = bench.programs.certificate.clients()?;
    let options = bench.programs.certificate.options();
    for kind in &bench.runtimes {
        let mut seat = bench.seat(*kind, Wire::Raw, &options)?;
        let mut talkers = Talkers::new(&mut seat)?;
        let (mut without, mut with, mut a_second) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=bench.repeat {
            let length = 2 * bench.slice;
            let found = handshakes::measure(&mut talkers, &mut seat, &clients, length)?;
            if round > 0 {
                without.push(found.without);
                with.push(found.with);
                a_second.push(found.handshakes);
            }
        }
        table::line(kind.name(), "none", "us", &without, &[]);
        let spread = Spread::ratio(&with, &without);
        let ratio = table::ratio(spread, "none", Some(target(2.0, 1.2)));
        let handshakes = format!("{:.0} handshakes a second", Spread::of(&a_second).median);
        table::line(kind.name(), "with", "us", &with, &[handshakes, ratio]);
    }
    Ok(())
}

fn proxied(bench: &Bench) -> Result<(), Fault> {
    let seat = |proxied| {
        // The addresses that the load connects from.
        let option = "--proxy-protocol=127.0.1.0/24".to_owned();
        let options = if proxied { &[option][..] } else { &[] };
        let mut seat = bench.seat(Kind::Smol, Wire::Raw, options)?;
        seat.crowd.proxied = proxied;
        Ok::<_, Fault>(seat)
    };
    let mut takes = Vec::new();
    for proxied in [false, true] {
        takes.push(Take {
            seat: seat(proxied)?,
            load: Box::new(Pairs::new(1, 0)),
        });
    }
    let found = bench.interleaved(&mut takes)?;
    let [direct, behind] = [&found[0], &found[1]];
    let together = table::together(&direct.together);
    table::line("smol", "direct", "us", &direct.each, &[together]);
    let spread = Spread::ratio(&behind.each, &direct.each);
    let ratio = table::ratio(spread, "direct", Some(target(1.1, 1.02)));
    let together = table::together(&behind.together);
    table::line("smol", "proxied", "us", &behind.each, &[together, ratio]);
    drop(takes);
    for (name, proxied) in [("direct", false), ("proxied", true)] {
        for memory in idle::measure(&mut seat(proxied)?, &[10_000])? {
            let (online, grown) = (memory.online, memory.grown);
            println!("  smol     {name:<9}{online:>6} online: grown by {grown} B for each");
        }
    }
    Ok(())
}
