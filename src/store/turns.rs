//! The lookups of one store pass from thread to thread. A thread that is stuck in the kernel with them, as on
//! a file system that hangs, is given up: the other threads get new lookups, with a connection of their own.
//!
//! The old connection may still be open then. A second one would be a danger to it (see [`Lookups`]), so the
//! store is read without locks, and nothing is written to it, until the stuck thread has returned.

use std::thread;
use std::time::{Duration, Instant};

use flashgate_core::name::Nick;
use flashgate_core::{Login, Member, MemberId, Note};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::backend::{Backend, Found, Stuck, Tell};
use super::error::{Fault, StoreError};
use super::lookup::{BUSY, Heir, Lookups};
use super::notes::Renewed;
use super::rename::Renaming;
use crate::password::Hash;

/// The lookups of a store, for one thread at a time.
pub(crate) struct Turns {
    state: Mutex<State>,
    /// The lookups are free, or given up.
    changed: Condvar,
    /// Makes new lookups; `None` over memory, which does not hang.
    heir: Option<Heir>,
    /// How long a thread waits for the lookups.
    patience: Duration,
    /// How long a thread has the lookups at the most.
    longest: Duration,
}

struct State {
    /// The lookups, unless a thread has them.
    free: Option<Box<Lookups>>,
    /// When the present thread got them.
    since: Option<Instant>,
    /// The number of the lookups in use. Those of a thread that was given up have a smaller one.
    generation: u64,
    stuck: Stuck,
}

/// The lookups, until this is dropped.
struct Turn<'a> {
    turns: &'a Turns,
    lookups: Option<Box<Lookups>>,
    generation: u64,
}

impl Turns {
    pub(crate) fn new(lookups: Lookups) -> Self {
        Self::with_limits(lookups, STUCK, STUCK)
    }

    /// A thread waits for the lookups for `patience`, and is stuck once it has had them for `longest`.
    pub(crate) fn with_limits(lookups: Lookups, patience: Duration, longest: Duration) -> Self {
        Self {
            heir: lookups.heir(),
            state: Mutex::new(State {
                free: Some(Box::new(lookups)),
                since: None,
                generation: 0,
                stuck: Stuck::default(),
            }),
            changed: Condvar::new(),
            patience,
            longest,
        }
    }

    /// Does something with the lookups, once no other thread has them. Fails if that takes too long, or at once
    /// where too many threads are stuck.
    fn with<T>(&self, work: impl FnOnce(&mut Lookups) -> T) -> Result<T, Fault> {
        let is_taken = |state: &mut State| state.free.is_none() && !state.stuck.is_everybody;
        let mut state = self.state.lock();
        self.changed
            .wait_while_for(&mut state, is_taken, self.patience);
        let mut turn = self.begin(state).ok_or(Fault::Hangs)?;
        Ok(work(turn.lookups()))
    }

    /// Does something with the lookups if no other thread has them.
    fn with_free<T>(&self, work: impl FnOnce(&mut Lookups) -> T) -> Option<T> {
        let mut turn = self.begin(self.state.lock())?;
        Some(work(turn.lookups()))
    }

    fn hangs(&self, fault: Fault) -> StoreError {
        let path = self.heir.as_ref().map(Heir::path);
        fault.at(path.unwrap_or("in memory".as_ref()))
    }

    fn begin(&self, mut state: MutexGuard<'_, State>) -> Option<Turn<'_>> {
        let mut lookups = state.free.take()?;
        lookups.set_beside_stuck(state.stuck.threads > 0);
        state.since = Some(Instant::now());
        Some(Turn {
            turns: self,
            lookups: Some(lookups),
            generation: state.generation,
        })
    }
}

impl Turn<'_> {
    fn lookups(&mut self) -> &mut Lookups {
        self.lookups.as_mut().expect("they are there until the end")
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.state.lock();
        if state.generation == self.generation {
            state.free = self.lookups.take();
            state.since = None;
            state.stuck.is_everybody = false;
            drop(state);
            self.turns.changed.notify_one();
            return;
        }
        drop(state);
        // The notes of these lookups are still written. That may hang, and so may closing the connection.
        if let Some(mut lookups) = self.lookups.take() {
            lookups.write_notes();
        }
        let mut state = self.turns.state.lock();
        state.stuck.threads -= 1;
        state.stuck.is_everybody = false;
        log::warn!("a thread that was stuck in the member store has returned");
    }
}

impl Backend for Turns {
    fn find(&self, login: &Login, since: Instant) -> Result<Option<Found>, StoreError> {
        self.with(|lookups| lookups.find(login, since))
            .unwrap_or_else(|fault| Err(self.hangs(fault)))
    }

    fn let_in_at_once(
        &self,
        login: &Login,
        is_right: &mut dyn FnMut(&Found) -> bool,
    ) -> Option<Member> {
        self.with_free(|lookups| {
            let found = lookups.find_at_once(login)?;
            if !is_right(&found) {
                return None;
            }
            lookups.note_login(&found).then_some(found.member)
        })?
    }

    fn note_login(&self, found: &Found) -> bool {
        self.with(|lookups| lookups.note_login(found))
            .unwrap_or(false)
    }

    /// While another program writes, the lookups are free between two tries.
    fn set_password(&self, found: &Found, hash: &Hash) -> Result<bool, StoreError> {
        let began = Instant::now();
        loop {
            let set = self
                .with(|lookups| lookups.set_password(found, hash))
                .unwrap_or_else(|fault| Err(self.hangs(fault)));
            match set {
                Err(error) if error.fault == Fault::Locked && began.elapsed() < BUSY => {
                    thread::sleep(BETWEEN_TRIES);
                }
                set => return set,
            }
        }
    }

    fn note_renewed(&self, found: &Found, renewed: Renewed) {
        // Without it, the hash is renewed at the next login.
        let _ = self.with(|lookups| lookups.note_renewed(found, renewed));
    }

    fn rename(
        &self,
        member: MemberId,
        nick: &Nick,
        since: Instant,
    ) -> Result<Renaming, StoreError> {
        self.with(|lookups| lookups.rename(member, nick, since))
            .unwrap_or_else(|fault| Err(self.hangs(fault)))
    }

    fn keeps_hashes(&self) -> bool {
        true
    }

    fn watch(&self, tell: Tell) {
        // No lookup comes before the server runs, so this thread does not wait.
        let _ = self.with(|lookups| lookups.watch(tell));
    }

    /// The store records changes itself, so notes are not needed.
    fn heard(&self, _note: &Note) {}

    fn quiet(&self) {
        let _ = self.with(Lookups::quiet);
    }

    fn answered(&self) {
        let _ = self.with(Lookups::answered);
    }

    fn end(&self) {
        // A thread that has the lookups now ends later, and does this at its end.
        self.with_free(Lookups::write_notes);
    }

    fn may_hang(&self) -> bool {
        self.heir.is_some()
    }

    fn stuck(&self) -> Stuck {
        self.state.lock().stuck
    }

    fn give_up_stuck(&self, now: Instant) -> Option<StoreError> {
        let heir = self.heir.as_ref()?;
        let mut state = self.state.lock();
        if now.saturating_duration_since(state.since?) < self.longest {
            return None;
        }
        if state.stuck.threads < MOST_STUCK {
            state.stuck.threads += 1;
            state.generation += 1;
            state.since = None;
            state.free = Some(Box::new(heir.lookups()));
        } else {
            state.stuck.is_everybody = true;
        }
        drop(state);
        self.changed.notify_all();
        Some(Fault::Hangs.at(heir.path()))
    }
}

/// How long a thread has the lookups at the most: a second longer than the core waits for an answer, and than
/// SQLite may compute for one.
pub(crate) const STUCK: Duration = Duration::from_secs(11);

/// The time between two tries to write while another program has the lock.
const BETWEEN_TRIES: Duration = Duration::from_millis(25);

/// Threads that are given up. Each keeps its stack and its connection until the kernel lets it go.
pub(crate) const MOST_STUCK: usize = 4;
