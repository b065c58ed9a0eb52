//! The threads of a pool: as many as work, and those that are stuck in the store beside them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::worker::Shared;
use crate::failure::Failure;
use crate::log::diagnostics;
use crate::store::Stuck;

/// Counts the threads of a pool.
pub(super) struct Threads {
    /// How many are to work.
    wanted: usize,
    /// How many there are, stuck ones included.
    alive: AtomicUsize,
}

impl Threads {
    pub(super) fn new(wanted: usize) -> Self {
        Self {
            wanted,
            alive: AtomicUsize::new(0),
        }
    }

    /// Whether the thread that calls this is to end: it was stuck, and another works in its place.
    pub(super) fn is_one_too_many(&self, stuck: Stuck) -> bool {
        let most = self.wanted + stuck.threads;
        let one_less = |alive: usize| (alive > most).then(|| alive - 1);
        let ends = self
            .alive
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        ends.is_ok()
    }

    fn are_missing(&self, stuck: Stuck) -> bool {
        self.alive.load(Ordering::Relaxed) < self.wanted + stuck.threads
    }
}

/// Starts as many threads as are to work, beside those that are stuck.
pub(super) fn start_missing(shared: &Arc<Shared>, alive: &mpsc::Sender<()>) -> Result<(), Failure> {
    while shared.threads.are_missing(shared.backend.stuck()) {
        let (working, alive) = (Arc::clone(shared), alive.clone());
        let work = move || {
            working.run();
            drop(working);
            drop::<mpsc::Sender<()>>(alive);
        };
        shared.threads.alive.fetch_add(1, Ordering::Relaxed);
        if let Err(failure) = diagnostics::start_thread("lookups", work) {
            shared.threads.alive.fetch_sub(1, Ordering::Relaxed);
            return Err(failure);
        }
    }
    Ok(())
}

/// Starts the thread that gives up stuck ones. It ends with the pool.
pub(super) fn start_supervisor(
    shared: &Arc<Shared>,
    alive: mpsc::Sender<()>,
) -> Result<(), Failure> {
    let shared = Arc::clone(shared);
    diagnostics::start_thread("lookups-watch", move || {
        while !shared.queue.is_closed() {
            supervise(&shared, &alive, Instant::now());
            shared.queue.sleep_until(Instant::now() + SUPERVISE);
        }
        drop(shared);
        drop::<mpsc::Sender<()>>(alive);
    })
}

/// Gives up a thread that has been stuck for too long at `now`, and starts another in its place. Where no
/// more may be given up, all lookups that wait are answered.
fn supervise(shared: &Arc<Shared>, alive: &mpsc::Sender<()>, now: Instant) {
    if let Some(error) = shared.backend.give_up_stuck(now) {
        shared.complaints.lock().about(&error);
    }
    if let Err(failure) = start_missing(shared, alive) {
        log::warn!("cannot replace a stuck thread: {}", failure.message);
    }
    if shared.backend.stuck().is_everybody {
        // A job that is dropped answers that the store has failed.
        while shared.queue.take().is_some() {}
    }
}

/// How often to look for stuck threads.
const SUPERVISE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
