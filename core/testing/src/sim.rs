//! Deterministic simulation: a gateway, a runtime, clients, a network and a member store in one
//! thread, with invented time, where one seed decides everything that happens.
//!
//! A reference model, which knows the protocol but not the core, sees every input. It must find a reason for every
//! action, and no action may be missing: each delivery is checked for its content, order, recipients and wire form.
//! In the end the faults stop, and everything must settle. A failure is reported with its seed, which repeats it.
//!
//! The same clients can visit a real server, each a [`Visitor`] of a [`Party`]. The same model then
//! [judges](judge()) the recording, and the bytes that the visitors received.

mod ask;
mod client;
mod commands;
mod forward;
mod hearing;
mod hop;
mod inputs;
mod judge;
mod key;
mod link;
mod memory;
mod model;
mod outside;
mod reader;
mod rooms;
mod store;
mod swarm;
mod trace;
mod witness;
mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use judge::{Judged, Tail, judge};
pub use outside::{Guest, Heard, Left, Party, Turn, Visitor};
use world::World;

/// Measures the gateway's memory: what is allocated and freed between `enter` and `leave`.
pub trait Meter {
    /// The gateway begins to work.
    fn enter(&self);
    /// The gateway has stopped working. Returns the bytes that it holds, if they are counted.
    fn leave(&self) -> Option<usize>;
    /// Forgets the last gateway; the next one begins with nothing.
    fn reset(&self) {}
}

/// Measures nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoMeter;

impl Meter for NoMeter {
    fn enter(&self) {}

    fn leave(&self) -> Option<usize> {
        None
    }
}

/// The result of a run without a violation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Inputs that the core took.
    pub inputs: u64,
    /// A hash of every input and every action.
    pub trace: u64,
    /// How often each kind of event happened.
    pub seen: BTreeMap<&'static str, u64>,
    /// The most bytes that the gateway held, if they were counted.
    pub held: usize,
    /// How near that came to the bound, in percent.
    pub nearest: usize,
}

/// A run that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What went wrong.
    pub message: String,
    /// The options that the seed has drawn.
    pub swarm: String,
    /// The last inputs and actions.
    pub last: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.last {
            writeln!(f, "{line}")?;
        }
        write!(f, "{}\n{}", self.swarm, self.message)
    }
}

/// Whether an observer watches the gateway of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// There is no observer.
    No,
    /// An observer checks what it is shown.
    Observed,
    /// It also keeps the last events in words, for a [`Failure`].
    InWords,
}

/// Plays one seed twice, each about `events` inputs long before everything settles: without an observer and
/// with one. The two must not differ in anything.
pub fn check(seed: u64, events: u64, meter: &dyn Meter) -> Result<Report, Failure> {
    let in_words = |result| run(seed, events, Watched::InWords, &NoMeter).and(result);
    let first = match run(seed, events, Watched::No, meter) {
        Ok(first) => first,
        failed @ Err(_) => return in_words(failed),
    };
    let second = match run(seed, events, Watched::Observed, &NoMeter) {
        Ok(second) => second,
        failed @ Err(_) => return in_words(failed),
    };
    if first.trace != second.trace {
        return Err(Failure {
            message: format!("two runs differ: {first:?}, {second:?}"),
            swarm: String::new(),
            last: Vec::new(),
        });
    }
    Ok(first)
}

/// Plays one seed once.
pub fn run(seed: u64, events: u64, watched: Watched, meter: &dyn Meter) -> Result<Report, Failure> {
    play(seed, events, Scene::Drawn, watched, meter)
}

/// Plays one seed on a server where much happens at level 2 and few limits are reached.
pub fn busy(seed: u64, events: u64) -> Result<Report, Failure> {
    let play = |watched| play(seed, events, Scene::Busy, watched, &NoMeter);
    play(Watched::No).or_else(|failure| play(Watched::InWords).and(Err(failure)))
}

/// In [`Report::seen`]: elements that clients of level 1 have read. Such a client fails at any element that is not
/// of 2007.
pub const AT_LEVEL_ONE: &str = "element at level 1";

/// Where the options of a run come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    /// The seed has drawn all of them.
    Drawn,
    /// Many members stay for long, and nothing slows them down.
    Busy,
}

fn play(
    seed: u64,
    events: u64,
    scene: Scene,
    watched: Watched,
    meter: &dyn Meter,
) -> Result<Report, Failure> {
    meter.reset();
    let mut world = World::new(seed, events, scene, watched, meter);
    let played = catch_unwind(AssertUnwindSafe(|| world.play()));
    let Err(panic) = played else {
        return Ok(Report {
            inputs: world.inputs,
            trace: world.trace.hash(),
            seen: std::mem::take(&mut world.model.seen),
            held: world.memory.most,
            nearest: world.memory.nearest,
        });
    };
    meter.reset();
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
    Err(Failure {
        message: text.unwrap_or_else(|| String::from("a panic")),
        swarm: format!("{:?}", world.swarm),
        last: world
            .witness
            .map_or_else(Vec::new, |witness| witness.lines()),
    })
}
