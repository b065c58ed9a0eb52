//! The threads of a pool: a fixed number that work, and beside them those that are stuck in the store.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::worker::Shared;
use crate::failure::Failure;
use crate::log::diagnostics;
use crate::store::Stuck;

/// Counts the threads of a pool.
pub(super) struct Threads {
    /// How many have to work.
    wanted: usize,
    /// How many exist, stuck ones included.
    alive: AtomicUsize,
}

impl Threads {
    pub(super) fn new(wanted: usize) -> Self {
        Self {
            wanted,
            alive: AtomicUsize::new(0),
        }
    }

    /// Whether the calling thread has to end: it was stuck, and another has taken its place.
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

/// Starts the threads that have to work, beside those that are stuck.
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

/// Gives up a thread that has been stuck for too long at `now`, and starts another in its place. If no more
/// threads may be given up, all waiting lookups are answered.
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
