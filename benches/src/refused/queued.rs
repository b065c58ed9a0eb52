//! Whether the time of a failed login tells why it failed, behind a queue.
//!
//! Sixty logins by made-up names wait first. Behind them come the failures that are measured, in random order, each on a
//! connection of its own. Whenever an answer arrives, the next login is sent, so each has sixty before it. The gaps between
//! the answers are measured: if the hash of one login delayed another login, they would show how long it takes.
//!
//! A failed login keeps its place in the server's pool for the whole time of a failure, so a server answers only a few of
//! them a second, however fast it hashes. Therefore several servers run side by side. Their store has few formats, none of
//! which takes longer than half of that time on a slow machine, so each hashing thread has two places.

use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use crate::Bench;
use crate::crowd::{Crowd, Listen, Outs};
use crate::fault::Fault;
use crate::server::Kind;
use crate::wire::Wire;

use super::distance::Sample;
use super::kinds::{Refusal, Store, Ways};
use super::{Late, REFUSED, report, shuffle};

/// The gaps around the refusals of one kind, in milliseconds.
#[derive(Clone, Debug, Default)]
struct Gaps([Vec<f64>; GAPS.len()]);

/// The measurements of one server.
struct Shown {
    /// By kind of refusal.
    gaps: Vec<Gaps>,
    /// Refusals a second.
    rate: f64,
}

pub(crate) fn measure(bench: &Bench) -> Result<(), Fault> {
    let store = Store::make(&bench.programs, Ways::Few, bench.tries)?;
    let refusals = store.refusals();
    let threads = thread::available_parallelism().map_or(1, NonZero::get) - 1;
    let places = PLACES * threads.max(1);
    println!(
        "  {} tries of each, {IN_FRONT} logins in front, {SERVERS} servers of each runtime at once, {places} places each",
        bench.tries
    );
    let servers = bench
        .runtimes
        .iter()
        .flat_map(|kind| (0..SERVERS).map(|n| (*kind, n)));
    let shown: Vec<(Kind, Shown)> = thread::scope(|scope| {
        let (store, refusals) = (&store, &refusals);
        let run =
            |(kind, n)| scope.spawn(move || run(kind, n, store, refusals, bench.tries, places));
        let runs: Vec<_> = servers.clone().map(run).collect();
        let panicked = |_| Err(Fault::new("a thread of the load has panicked"));
        let shown = runs
            .into_iter()
            .map(|run| run.join().unwrap_or_else(panicked));
        servers
            .map(|(kind, _)| kind)
            .zip(shown)
            .map(|(kind, shown)| Ok((kind, shown?)))
            .collect::<Result<_, Fault>>()
    })?;
    let mut outcome = Ok(());
    for kind in &bench.runtimes {
        let of_kind = shown.iter().filter(|(of, _)| of == kind);
        let of_kind: Vec<&Shown> = of_kind.map(|(_, shown)| shown).collect();
        let tables = GAPS.len() * bench.runtimes.len();
        outcome = outcome.and(report_all(*kind, &refusals, &of_kind, tables));
    }
    outcome
}

fn report_all(
    kind: Kind,
    refusals: &[Refusal],
    shown: &[&Shown],
    tables: usize,
) -> Result<(), Fault> {
    let mut outcome = Ok(());
    for (n, name) in GAPS.into_iter().enumerate() {
        let sample = |which: usize| {
            let all = shown.iter().flat_map(|shown| &shown.gaps[which].0[n]);
            Sample::new(all.copied().collect())
        };
        let samples =
            (0..refusals.len()).map(|which| (refusals[which].name.clone(), sample(which)));
        let samples: Vec<(String, Sample)> = samples.collect();
        let title = format!("{}, behind a queue, milliseconds {name}", kind.name());
        outcome = outcome.and(report(&title, &samples, Late::Ignored, tables));
    }
    let rate = shown.iter().map(|shown| shown.rate).sum::<f64>() / shown.len() as f64;
    println!("    {rate:.1} refusals a second by each server");
    outcome
}

fn run(
    kind: Kind,
    number: usize,
    store: &Store,
    refusals: &[Refusal],
    tries: usize,
    places: usize,
) -> Result<Shown, Fault> {
    let server = store.programs.start(kind, &store.options)?;
    let own = |attempt: &usize| attempt % SERVERS == number;
    let mut order: Vec<(usize, usize)> = (0..tries)
        .filter(own)
        .flat_map(|attempt| (0..refusals.len()).map(move |which| (which, attempt)))
        .collect();
    shuffle(&mut order, 1 + number as u64);
    let mut gaps = vec![Gaps::default(); refusals.len()];
    let (mut answers, mut seconds) = (0.0, 0.0);
    for (part, measured) in order.chunks(PART).enumerate() {
        let made_up = (0..IN_FRONT).map(|n| format!("IDENTIFY made-up-{part}-{n} x"));
        let commands = measured.iter().map(|(which, attempt)| {
            let refusal = &refusals[*which];
            let (id, password) = (refusal.id(*attempt), refusal.password(*attempt));
            format!("IDENTIFY {id} {password}")
        });
        let queue = Queue::run(server.address, made_up.chain(commands).collect())?;
        let times = &queue.times;
        if let [(first, _), .., (last, _)] = times.as_slice() {
            answers += (times.len() - 1) as f64;
            seconds += last.duration_since(*first).as_secs_f64();
        }
        for (at, (time, client)) in times.iter().enumerate() {
            let Some(measured) = client.checked_sub(IN_FRONT) else {
                continue;
            };
            let before = |by: usize| Some(gap(times.get(at.checked_sub(by)?)?.0, *time));
            let after = |by: usize| Some(gap(*time, times.get(at + by)?.0));
            let all = [before(1), after(1), before(places), after(places)];
            let found = &mut gaps[measured_kind(&order, part, measured)];
            for (kept, gap) in found.0.iter_mut().zip(all) {
                kept.extend(gap);
            }
        }
    }
    let rate = answers / seconds;
    Ok(Shown { gaps, rate })
}

fn measured_kind(order: &[(usize, usize)], part: usize, measured: usize) -> usize {
    order[part * PART + measured].0
}

/// Logins that wait, each on a connection of its own.
struct Queue {
    commands: Vec<String>,
    /// How many connections are ready.
    ready: usize,
    sent: usize,
    /// When each refusal arrived, and on which connection.
    times: Vec<(Instant, usize)>,
    /// Logins that the server gave up, as they had waited for too long. They took no place in its pool.
    given_up: usize,
}

impl Queue {
    fn run(server: std::net::SocketAddr, commands: Vec<String>) -> Result<Self, Fault> {
        let mut crowd = Crowd::new(server, Wire::Raw)?;
        let all = commands.len();
        let mut queue = Self {
            commands,
            ready: 0,
            sent: 0,
            times: Vec::with_capacity(all),
            given_up: 0,
        };
        for _ in 0..all {
            let place = crowd.add()?;
            crowd.send(place, b"PING x")?;
        }
        // By then all connections are accepted and recognised as chat.
        crowd.until(&mut queue, |queue| queue.ready == all)?;
        while queue.sent <= IN_FRONT && queue.sent < all {
            queue.send_next(crowd.outs());
            // So that the server takes them in this order.
            crowd.during(Duration::from_millis(1), &mut queue)?;
        }
        crowd.until(&mut queue, |queue| {
            queue.times.len() + queue.given_up == all
        })?;
        if queue.given_up > all / FEW {
            return Err(Fault::new(format!(
                "{} of {all} logins were given up: this machine is too busy to tell",
                queue.given_up
            )));
        }
        Ok(queue)
    }

    fn send_next(&mut self, outs: &mut Outs) {
        if let Some(command) = self.commands.get(self.sent) {
            outs.send(self.sent, command.as_bytes());
            self.sent += 1;
        }
    }
}

impl Listen for Queue {
    fn answer(&mut self, outs: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        let now = Instant::now();
        match answer {
            b"<pong value=\"x\"/>" => self.ready += 1,
            REFUSED => {
                self.times.push((now, client));
                self.send_next(outs);
            }
            b"<error value=\"Please try again later.\"/>" => {
                self.given_up += 1;
                self.send_next(outs);
            }
            other => return Err(Fault::wrong("behind a queue", other)),
        }
        Ok(())
    }
}

fn gap(one: Instant, later: Instant) -> f64 {
    later.duration_since(one).as_secs_f64() * 1e3
}

/// What is measured around a refusal: the next answers, and those that had the same place in the pool.
const GAPS: [&str; 4] = [
    "from the answer before",
    "to the answer behind",
    "from the answer before in its place",
    "to the answer behind in its place",
];

/// Logins in front of each that is measured. The gateway gives a lookup up after 10 s, and these take 9.
const IN_FRONT: usize = 60;

/// One in this many logins may be given up.
const FEW: usize = 20;

/// Connections that are there at once, beside those in front: `std` has a thread for each.
const PART: usize = 500;

/// Servers of each runtime: those of both hash for these in about half of the time of two cores.
const SERVERS: usize = 2;

/// Places for each thread that hashes: as often the slowest hash of the store fits into the time of a refusal.
const PLACES: usize = 2;
