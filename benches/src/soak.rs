//! A server that works for an hour: members on every wire who stay and talk, members who come and go in every way, one who
//! stops reading, requests for the policy and for pages. All of it happens at a fixed rate that leaves the processor time to
//! spare, so that the effect of time is measured, not that of load.
//!
//! Every message is counted, and every login and quit that each resident is notified of. The server's memory, descriptors
//! and threads are sampled every ten seconds, and must not grow.

mod guest;
mod others;
mod residents;
mod verdict;
mod visitors;

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, OnceLock};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::Bench;
use crate::fault::Fault;
use crate::load::{Load, Seat};
use crate::loads::login::Logins;
use crate::plot::{self, Panel, Series};
use crate::server::{Kind, Server, own_spent};
use crate::wire::Wire;

pub(crate) use guest::status;
use residents::{RESIDENTS, Residents};
use verdict::Sample;

/// What the threads of the load share.
pub(crate) struct Shared {
    /// The visitors have to stop.
    over: AtomicBool,
    /// The visitors have stopped.
    visits_over: AtomicBool,
    logins: AtomicU64,
    visits: AtomicU64,
    lists: AtomicU64,
    deaf: AtomicU64,
    requests: AtomicU64,
    /// Sent by each visitor.
    letters: Vec<AtomicU64>,
    /// What residents have received: private messages, and logins and quits.
    messages: AtomicU64,
    news: AtomicU64,
    /// The members who stay, in the order of every list.
    order: OnceLock<Vec<usize>>,
    /// Latencies of private messages since the last sample.
    latencies: Mutex<Vec<Duration>>,
}

impl Shared {
    fn new() -> Self {
        Self {
            over: AtomicBool::new(false),
            visits_over: AtomicBool::new(false),
            logins: AtomicU64::new(0),
            visits: AtomicU64::new(0),
            lists: AtomicU64::new(0),
            deaf: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            letters: (0..visitors::VISITORS).map(|_| AtomicU64::new(0)).collect(),
            messages: AtomicU64::new(0),
            news: AtomicU64::new(0),
            order: OnceLock::new(),
            latencies: Mutex::new(Vec::new()),
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// The logins and the quits so far, once all visitors have gone.
    fn comings_and_goings(&self) -> (u64, u64) {
        let logins = self.logins.load(Relaxed);
        (logins, logins)
    }

    fn record(&self, latency: Duration) {
        if let Ok(mut latencies) = self.latencies.lock() {
            latencies.push(latency);
        }
    }

    /// The median and the 99th percentile since the last call.
    fn latencies(&self) -> (Duration, Duration) {
        let mut all = match self.latencies.lock() {
            Ok(mut latencies) => std::mem::take(&mut *latencies),
            Err(_) => Vec::new(),
        };
        all.sort_unstable();
        let at = |percent| all.get(all.len() * percent / 100).copied();
        (at(50).unwrap_or_default(), at(99).unwrap_or_default())
    }
}

/// Measures one runtime, smol unless another is named.
pub(crate) fn measure(bench: &Bench) -> Result<(), Fault> {
    let kind = bench.runtimes[0];
    let options = ["--on-duplicate=replace".to_owned()];
    let mut seat = bench.seat(kind, Wire::Raw, &options)?;
    // The first login takes memory that later ones do not take again.
    let mut logins = Logins::default();
    logins.prepare(&mut seat)?;
    logins.slice(&mut seat, Duration::from_millis(100))?;
    thread::sleep(RESTED);
    let alone = (seat.server.descriptors()?, seat.server.threads()?);
    seat.crowd = crate::crowd::Crowd::new(seat.server.address, seat.wire)?;
    residents::fill(&mut seat)?;

    let shared = Shared::new();
    let Seat { server, crowd, .. } = &mut seat;
    let samples = thread::scope(|scope| {
        let address = server.address;
        let shared = &shared;
        let mut coming = Vec::new();
        for visitor in 0..visitors::VISITORS {
            coming.push(scope.spawn(move || visitors::run(address, visitor, shared)));
        }
        coming.push(scope.spawn(move || others::run_deaf(address, shared)));
        coming.push(scope.spawn(move || others::run_requests(address, shared)));
        let staying = scope.spawn(|| Residents::new(shared).run(crowd));
        let samples = sample(server, shared, bench.minutes, || {
            staying.is_finished() || coming.iter().any(ScopedJoinHandle::is_finished)
        });
        shared.over.store(true, Relaxed);
        let gone = coming.into_iter().map(join).collect::<Vec<_>>();
        shared.visits_over.store(true, Relaxed);
        let stayed = join(staying);
        for outcome in gone {
            outcome?;
        }
        stayed?;
        samples
    })?;
    report(kind, &samples, &shared);
    if let Some(file) = &bench.svg {
        let title = format!(
            "flashgate on {} for {:.0} minutes",
            kind.name(),
            bench.minutes
        );
        plot::write(file, &title, &panels(&samples))?;
    }
    let mut holds = returns("with all who stay", server, (alone.0 + RESIDENTS, 0))?;
    drop(seat.crowd);
    holds &= returns("with nobody", &seat.server, alone)?;
    for finding in verdict::judge(&samples) {
        println!("  {:<6} {}", word(finding.holds), finding.text);
        holds &= finding.holds;
    }
    if holds {
        return Ok(());
    }
    Err(Fault::new("what the server holds does not stay the same"))
}

fn join(thread: ScopedJoinHandle<'_, Result<(), Fault>>) -> Result<(), Fault> {
    thread
        .join()
        .unwrap_or_else(|_| Err(Fault::new("a thread of the load has panicked")))
}

/// Samples the server every ten seconds, until the time is over or a thread of the load has ended.
fn sample(
    server: &Server,
    shared: &Shared,
    minutes: f64,
    has_ended: impl Fn() -> bool,
) -> Result<Vec<Sample>, Fault> {
    let start = Instant::now();
    let mut samples = Vec::new();
    let most = (minutes * 60.0 / EACH.as_secs_f64()).ceil().max(8.0) as u32;
    for n in 0..=most {
        while start.elapsed() < EACH * n {
            if has_ended() {
                return Ok(samples);
            }
            thread::sleep(Duration::from_millis(50));
        }
        let (median, p99) = shared.latencies();
        let sample = Sample {
            at: start.elapsed(),
            memory: server.memory()?,
            descriptors: server.descriptors()?,
            threads: server.threads()?,
            online: status(server.address, "online")?,
            messages: shared.messages.load(Relaxed),
            news: shared.news.load(Relaxed),
            spent: server.spent()?,
            load: own_spent()?,
            median,
            p99,
        };
        // Visitors, those of whom one does not read, and who just leaves.
        let (least, most) = (RESIDENTS as u64, RESIDENTS as u64 + 40);
        if !(least..=most).contains(&sample.online) {
            return Err(Fault::new(format!("{} are online", sample.online)));
        }
        samples.push(sample);
    }
    Ok(samples)
}

/// Whether the server comes back to these numbers of descriptors and threads within a while; with 0 threads, these are not
/// compared.
fn returns(when: &str, server: &Server, (files, threads): (usize, usize)) -> Result<bool, Fault> {
    let end = Instant::now() + RETURNED;
    loop {
        let held = (server.descriptors()?, server.threads()?);
        let holds = held.0 == files && (threads == 0 || held.1 == threads);
        if holds || Instant::now() > end {
            let (word, (open, running)) = (word(holds), held);
            println!(
                "  {word:<6} {when}: {open} descriptors of {files} expected, {running} threads"
            );
            return Ok(holds);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn word(holds: bool) -> &'static str {
    if holds { "holds" } else { "FAILED" }
}

fn report(kind: Kind, samples: &[Sample], shared: &Shared) {
    println!(
        "  {}: {RESIDENTS} stay; {} logins, {} visits, {} lists, {} requests, {} times one did not read",
        kind.name(),
        shared.logins.load(Relaxed),
        shared.visits.load(Relaxed),
        shared.lists.load(Relaxed),
        shared.requests.load(Relaxed),
        shared.deaf.load(Relaxed),
    );
    println!(
        "  {:>7} {:>9} {:>6} {:>8} {:>7} {:>11} {:>8} {:>8} {:>6} {:>8} {:>8}",
        "min",
        "KiB",
        "files",
        "threads",
        "online",
        "messages/s",
        "news/s",
        "server",
        "load",
        "p50 us",
        "p99 us"
    );
    let rows = samples.len().min(13);
    // From one line to the next, so that nothing is left out.
    for n in 1..rows {
        let at = |n: usize| n * (samples.len() - 1) / (rows - 1);
        let (before, now) = (samples[at(n - 1)], samples[at(n)]);
        let within = &samples[at(n - 1) + 1..=at(n)];
        let rate = Rates::of(&before, &now);
        let worst = |of: fn(&Sample) -> Duration| within.iter().map(of).max().unwrap_or_default();
        println!(
            "  {:>7.1} {:>9} {:>6} {:>8} {:>7} {:>11.0} {:>8.0} {:>7.1}% {:>5.1}% {:>8} {:>8}",
            now.at.as_secs_f64() / 60.0,
            now.memory / 1024,
            now.descriptors,
            now.threads,
            now.online,
            rate.messages,
            rate.news,
            rate.server,
            rate.load,
            worst(|s| s.median).as_micros(),
            worst(|s| s.p99).as_micros(),
        );
    }
    println!(
        "  The latencies are the highest of all ten seconds in a line; others on this machine are in them."
    );
}

/// What was done between two samples.
struct Rates {
    messages: f64,
    news: f64,
    /// Hundredths of a core.
    server: f64,
    load: f64,
}

impl Rates {
    fn of(before: &Sample, now: &Sample) -> Self {
        let seconds = (now.at - before.at).as_secs_f64();
        let share = |spent: Duration| 100.0 * spent.as_secs_f64() / seconds;
        Self {
            messages: (now.messages - before.messages) as f64 / seconds,
            news: (now.news - before.news) as f64 / seconds,
            server: share(now.spent.saturating_sub(before.spent)),
            load: share(now.load.saturating_sub(before.load)),
        }
    }
}

fn panels(samples: &[Sample]) -> Vec<Panel> {
    let over = |of: &dyn Fn(&Sample) -> f64| -> Vec<(f64, f64)> {
        let point = |sample: &Sample| (sample.at.as_secs_f64() / 60.0, of(sample));
        samples.iter().skip(1).map(point).collect()
    };
    let rate = |of: fn(&Rates) -> f64| -> Vec<(f64, f64)> {
        let pairs = samples.iter().zip(samples.iter().skip(1));
        let point = |(a, b): (&Sample, &Sample)| (b.at.as_secs_f64() / 60.0, of(&Rates::of(a, b)));
        pairs.map(point).collect()
    };
    let panel = |title: &str, unit: &str, series: Vec<Series>| Panel {
        title: title.to_owned(),
        unit: unit.to_owned(),
        along: "minutes".to_owned(),
        series,
    };
    let millis = |of: fn(&Sample) -> Duration| over(&|s| of(s).as_secs_f64() * 1e3);
    vec![
        panel(
            "Memory of the server (RssAnon)",
            "MiB",
            vec![Series::new("", over(&|s| s.memory as f64 / 1048576.0))],
        ),
        panel(
            "Open descriptors",
            "",
            vec![Series::new("", over(&|s| s.descriptors as f64))],
        ),
        panel(
            "Delivered a second",
            "",
            vec![
                Series::new("messages", rate(|rates| rates.messages)),
                Series::new("logins and quits", rate(|rates| rates.news)),
            ],
        ),
        panel(
            "Latency of private messages",
            "ms",
            vec![
                Series::new("p99", millis(|s| s.p99)),
                Series::new("p50", millis(|s| s.median)),
            ],
        ),
    ]
}

/// Between two samples.
const EACH: Duration = Duration::from_secs(10);

/// By then the log is written and the store is closed.
const RESTED: Duration = Duration::from_millis(2500);

/// By then the server has forgotten the connections that ended.
const RETURNED: Duration = Duration::from_secs(15);

/// The wires that members use.
const WIRES: [Wire; 3] = [Wire::Raw, Wire::Binary, Wire::Text];
