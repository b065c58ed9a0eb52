//! Whether the time of a failed login tells why it failed: unknown member, wrong password, inactive member, and the kind of
//! hash.
//!
//! Its own servers have a member for each format of stored passwords, at the costs that sites use. Each kind of failure is
//! asked for a few hundred times, each on a connection of its own, in a random order, so that other work of the machine
//! affects all alike. Nothing is slowed down: loopback is exempt from the limits for addresses, no connection fails twice,
//! and no name fails often enough. So only the answer itself is measured.
//!
//! The verdict is a Kolmogorov-Smirnov test of each pair of kinds: how probable are two samples that differ so much, if
//! they come from one distribution? Since many pairs are tested, the level of 1 % is shared among all of them. The smallest
//! difference that would have been found is printed, too; without it, finding nothing would mean nothing.
//!
//! This is about a machine with time to spare; `queued` is about a server with a queue.

mod distance;
mod kinds;
pub(crate) mod queued;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::Bench;
use crate::fault::Fault;
use crate::server::{Kind, Server};

use distance::{Sample, least_seen};
use kinds::{Refusal, Store, Ways};

pub(crate) fn measure(bench: &Bench) -> Result<(), Fault> {
    let store = Store::make(&bench.programs, Ways::All, bench.tries)?;
    println!(
        "  {} tries of each, {CLIENTS} at a time, each of a server of its own",
        bench.tries
    );
    for kind in &bench.runtimes {
        let samples = run(bench, *kind, &store)?;
        report(
            &format!("{}, milliseconds to the refusal", kind.name()),
            &samples,
            Late::Counts,
            bench.runtimes.len(),
        )?;
    }
    Ok(())
}

/// For each kind of refusal, how long its answers took.
fn run(bench: &Bench, kind: Kind, store: &Store) -> Result<Vec<(String, Sample)>, Fault> {
    // A refusal keeps its place in a server's pool, which may have only one.
    let servers: Vec<Server> = (0..CLIENTS)
        .map(|_| store.programs.start(kind, &store.options))
        .collect::<Result<_, _>>()?;
    let refusals = store.refusals();
    let mut order: Vec<(usize, usize)> = (0..refusals.len() * bench.tries)
        .map(|n| (n % refusals.len(), n / refusals.len()))
        .collect();
    shuffle(&mut order, 0);
    let (left, found) = (
        Mutex::new(order),
        Mutex::new(vec![Vec::new(); refusals.len()]),
    );
    let client = |server: &Server| -> Result<(), Fault> {
        // In a statement of its own, so that the lock is released before the answer is awaited.
        let next = || left.lock().expect("nobody panics").pop();
        while let Some((which, attempt)) = next() {
            let took = ask(server.address, &refusals[which], attempt)?;
            found.lock().expect("nobody panics")[which].push(took.as_secs_f64() * 1e3);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let clients: Vec<_> = servers
            .iter()
            .map(|server| scope.spawn(|| client(server)))
            .collect();
        let panicked = |_| Err(Fault::new("a thread of the load has panicked"));
        clients
            .into_iter()
            .try_for_each(|client| client.join().unwrap_or_else(panicked))
    })?;
    let found = found.into_inner().expect("nobody panics");
    let names = refusals.into_iter().map(|refusal| refusal.name);
    Ok(names.zip(found.into_iter().map(Sample::new)).collect())
}

/// Tries once, on a connection of its own.
fn ask(server: SocketAddr, refusal: &Refusal, attempt: usize) -> Result<Duration, Fault> {
    let mut socket = TcpStream::connect(server)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut answers = BufReader::new(socket.try_clone()?);
    let mut answer = Vec::new();
    // By then the connection is accepted and recognised as chat.
    socket.write_all(b"PING x\0")?;
    answers.read_until(0, &mut answer)?;
    answer.clear();
    let (id, password) = (refusal.id(attempt), refusal.password(attempt));
    let command = format!("IDENTIFY {id} {password}\0");
    let start = Instant::now();
    socket.write_all(command.as_bytes())?;
    answers.read_until(0, &mut answer)?;
    let took = start.elapsed();
    if answer.strip_suffix(b"\0") != Some(REFUSED) {
        return Err(Fault::wrong(&refusal.name, &answer));
    }
    Ok(took)
}

/// Whether answers that come late show that the machine is too busy: a gap has no earliest moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Late {
    Counts,
    Ignored,
}

/// Shows one table of a run, and compares its kinds. `tables` is how many the run has.
fn report(
    title: &str,
    samples: &[(String, Sample)],
    late_answers: Late,
    tables: usize,
) -> Result<(), Fault> {
    println!("\n  {title}:");
    println!(
        "    {:32} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "min", "median", "p90", "p99", "max"
    );
    for (name, sample) in samples {
        let [min, median, p90, p99, max] = [0, 50, 90, 99, 100].map(|percent| sample.at(percent));
        println!("    {name:32} {min:9.2} {median:9.2} {p90:9.2} {p99:9.2} {max:9.2}");
    }
    let mut pairs = Vec::new();
    for (n, (one, a)) in samples.iter().enumerate() {
        for (other, b) in &samples[n + 1..] {
            pairs.push((a.same(b), a.distance(b), one, other));
        }
    }
    let limit = LEVEL / (pairs.len() * tables) as f64;
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let found = pairs.iter().filter(|pair| pair.0 < limit).count();
    for (probability, distance, one, other) in pairs.iter().take(found.max(1)) {
        println!(
            "    {} {one} and {other}: distance {distance:.3}, as probable as {probability:.1e}",
            if *probability < limit {
                "DIFFERENT:"
            } else {
                "the least alike:"
            },
        );
    }
    let (_, sample) = &samples[0];
    println!(
        "    {} of {} pairs differ (less probable than {limit:.1e}); a difference of {:.2} ms would be seen",
        found,
        pairs.len(),
        least_seen(sample, limit),
    );
    let all = samples.iter().map(|(_, sample)| sample);
    let earliest = all
        .clone()
        .map(|sample| sample.at(0))
        .fold(f64::MAX, f64::min);
    let late = all
        .map(|sample| sample.beyond(earliest + LATE))
        .sum::<f64>()
        / samples.len() as f64;
    if late_answers == Late::Ignored {
        return verdict(found);
    }
    println!(
        "    {:.0} % of the answers came more than {LATE} ms after the earliest",
        late * 100.0
    );
    if late > BUSY {
        return Err(Fault::new("this machine is too busy to tell"));
    }
    verdict(found)
}

fn verdict(found: usize) -> Result<(), Fault> {
    if found > 0 {
        return Err(Fault::new("the time of a refusal tells why"));
    }
    Ok(())
}

/// The shuffle of Fisher and Yates, with a simple generator.
fn shuffle<T>(order: &mut [T], seed: u64) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ seed;
    for last in (1..order.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(last, (state % (last as u64 + 1)) as usize);
    }
}

/// One for each server. A machine of two cores hashes for these in less than half of its time.
const CLIENTS: usize = 3;

/// Milliseconds. An answer that is later than this shows that the server had no core at that time.
const LATE: f64 = 20.0;

/// With a larger share of late answers, the run measures the machine and not the server.
const BUSY: f64 = 0.25;

/// The significance level of a run: the probability of a false alarm.
const LEVEL: f64 = 0.001;

const REFUSED: &[u8] = b"<error value=\"Identification failed.\"/>";

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);
