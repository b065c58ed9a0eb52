//! The threads that answer the core's questions, off its loop.

use std::fmt;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use flashgate_core::{
    Answer, MemberEvent, MemberStore, Note, Query, Reply, StoreState, Unavailable,
};
use parking_lot::Mutex;

use super::threads;
use super::tickets::TicketSecret;
use super::worker::{Job, Shared};
use crate::password::{self, memory};
#[cfg(feature = "mysql")]
use crate::site_table::{Live, SiteTable};
use crate::store::{
    AddError, Backend, Fault, Lookups, Members, NewMember, StoreError, Turns, new_members,
};

/// A bounded pool of threads over one member store, or over the table of a site. Its threads end when
/// it is dropped.
///
/// Both runtimes use it, so that a login costs the same under each. The number of threads that hash at once is
/// limited, so that the loop keeps a core (and each hash takes 19 MiB). Sources of lookups take turns.
///
/// A lookup that ends in a denial keeps its place for the whole time of a refusal, whatever its hash has
/// cost; otherwise the times of later answers would show how long it took. There are as many places as
/// hashes fit into that time, so that no denial waits for another's hash.
///
/// A member whose password was right a short while ago is answered at once, by the thread that asks:
/// a look at the file and at the member's row takes microseconds. All others wait for a thread.
///
/// The times of last logins are written about once a second, all at once, and when the pool ends. So is the
/// argon2id hash of a password that is stored in an older format; it is made when no lookup waits. A process
/// that is killed loses only these: the older hash is still stored.
///
/// A thread that is stuck in the kernel, for example on a file system that hangs, is given up after 11 s, and
/// another takes its place. When four are given up and a fifth is stuck, every lookup is answered at once.
/// Nothing is ever written to the table of a site.
///
/// A change of a password is written before it is answered.
pub struct Pool {
    pub(super) shared: Open,
    /// Fails once every thread has ended.
    ended: Mutex<mpsc::Receiver<()>>,
}

/// The size of a [`Pool`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    /// Threads that hash at once, at least 1. Over the table of a site there are a few more, which
    /// wait for its database.
    pub threads: usize,
    /// Lookups that may wait for a thread; one more is answered "busy" at once.
    pub queue: usize,
    /// How long a lookup may wait for a thread. Once the core has given it up, a hash would only delay the
    /// lookups behind it.
    pub patience: Duration,
    /// How long a lookup that ends in a denial keeps its place; the time of a refusal. No hash in the
    /// store may take longer.
    pub refusal: Duration,
    /// How long the slowest hash in the store takes on a slow machine.
    pub slowest: Duration,
    /// The secret with which a site makes tickets. Without it there are no tickets, and a password that looks
    /// like a ticket is a password.
    pub tickets: Option<TicketSecret>,
}

impl Default for PoolOptions {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            threads: cores.saturating_sub(1).max(1),
            queue: 4096,
            patience: Duration::from_secs(10),
            refusal: Duration::ZERO,
            slowest: Duration::ZERO,
            tickets: None,
        }
    }
}

impl PoolOptions {
    /// Lookups under way at once: as many as the threads can hash within the time of a refusal.
    pub(super) fn places(&self) -> usize {
        let slowest = self.slowest.max(password::time_of_new());
        let fit = self.refusal.as_millis() / slowest.as_millis().max(1);
        self.threads.max(1) * (fit as usize).clamp(1, MOST_PLACES)
    }
}

/// Closes the queue when the pool is dropped.
pub(super) struct Open(pub(super) Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.queue.close();
    }
}

impl Pool {
    /// Answers from the store at `path`, which must exist with the current schema.
    pub fn open(path: &Path, options: &PoolOptions) -> Result<Self, StoreError> {
        let lookups = Box::new(Turns::new(Lookups::file(path, options.patience)?));
        Self::start(lookups, options.places(), options).map_err(|fault| fault.at(path))
    }

    /// Answers from the table of a site, which must be there and have the columns it takes.
    #[cfg(feature = "mysql")]
    pub fn over(table: &SiteTable, options: &PoolOptions) -> Result<Self, StoreError> {
        let live = Box::new(Live::open(table)?);
        let started = Self::start(live, options.places().max(SITE_LOOKUPS), options);
        started.map_err(|fault| table.error(fault))
    }

    /// Answers from a store in memory that holds `members`.
    pub fn in_memory(members: &[NewMember], options: &PoolOptions) -> Result<Self, StoreError> {
        let mut store = Members::in_memory()?;
        for member in members {
            match store.add(member) {
                Ok(()) => {}
                Err(AddError::Store(error)) => return Err(error),
                Err(AddError::Taken(taken)) => panic!("members differ: {taken:?}"),
            }
        }
        let lookups = Box::new(Turns::new(Lookups::memory(store)));
        let started = Self::start(lookups, options.places(), options);
        started.map_err(|fault| fault.at("in memory".as_ref()))
    }

    /// The members of `--demo`, [`DEMO`](crate::store::DEMO).
    pub fn demo(options: &PoolOptions) -> Result<Self, StoreError> {
        let members = new_members();
        // This thread will hash no more passwords.
        memory::give_back();
        Self::in_memory(&members, options)
    }

    /// The cost of all password checks so far, in KiB of memory times passes over it. Tests use it to show
    /// that no refusal is cheaper than another.
    pub fn work(&self) -> u64 {
        self.shared.0.work.load(Ordering::Relaxed)
    }

    /// Passwords of an older format that were right, and wait to be hashed anew until no lookup waits.
    pub fn upgrades(&self) -> usize {
        self.shared.0.queue.later()
    }

    /// Reports every change that logs a member out or gives it another nick, within a second, from now on. A store
    /// in memory reports none: no other program changes it. `tell` must not wait or call the pool.
    pub fn watch(&self, tell: impl Fn(MemberEvent) + Send + 'static) {
        self.shared.0.backend.watch(Box::new(tell));
    }

    /// Takes a note of the core. Over the table of a site the pool has to know which members are online;
    /// otherwise it would ask for every member that ever logged in. Does not wait.
    pub fn heard(&self, note: &Note) {
        self.shared.0.backend.heard(note);
    }

    /// Accepts only tickets of this secret from now on. Used tickets stay used.
    pub fn set_ticket_secret(&self, secret: &TicketSecret) {
        if let Some(tickets) = &self.shared.0.tickets {
            tickets.lock().set_secret(secret);
        }
    }

    /// Whether the store works, as of the last lookup or of a look in a quiet moment.
    pub fn state(&self) -> StoreState {
        if self.shared.0.complaints.lock().are_settled() {
            StoreState::Up
        } else {
            StoreState::Down
        }
    }

    /// Drops the pool, and waits a while for its threads to close the store behind them.
    pub fn close(self, longest: Duration) {
        let Self { shared, ended } = self;
        let rest = Arc::clone(&shared.0);
        drop(shared);
        // The channel fails once all senders, that is all threads, are gone.
        let _ = ended.into_inner().recv_timeout(longest);
        let left = rest.queue.later();
        if left > 0 {
            log::info!("{left} passwords stay in their older format until the next login");
        }
    }

    pub(super) fn start(
        backend: Box<dyn Backend>,
        threads: usize,
        options: &PoolOptions,
    ) -> Result<Self, Fault> {
        let may_hang = backend.may_hang();
        let (pool, alive) = Self::start_unsupervised(backend, threads, options)?;
        if may_hang {
            threads::start_supervisor(&pool.shared.0, alive)
                .map_err(|failure| Fault::Other(failure.message))?;
        }
        Ok(pool)
    }

    /// A pool that gives up stuck threads only when [`Shared::supervise`] is called. The sender is for the
    /// threads that such calls start.
    pub(super) fn start_unsupervised(
        backend: Box<dyn Backend>,
        threads: usize,
        options: &PoolOptions,
    ) -> Result<(Self, mpsc::Sender<()>), Fault> {
        let shared = Arc::new(Shared::new(backend, threads, options));
        // The threads that were started end with the pool.
        let open = Open(Arc::clone(&shared));
        let (alive, ended) = mpsc::channel();
        threads::start_missing(&shared, &alive).map_err(|failure| Fault::Other(failure.message))?;
        let pool = Self {
            shared: open,
            ended: Mutex::new(ended),
        };
        Ok((pool, alive))
    }
}

impl MemberStore for Pool {
    fn submit(&self, query: Query, reply: Reply) {
        if let Some(member) = self.shared.0.answer_at_once(&query) {
            reply.send(Answer::Member(member));
            return;
        }
        if self.shared.0.backend.stuck().is_everybody {
            return; // The reply answers that the store has failed.
        }
        // Administration is not answered here.
        if matches!(query, Query::Admin(_)) {
            return;
        }
        // This store belongs to one server, on which every member may be online.
        let (Query::Identify { source, .. }
        | Query::Rename { source, .. }
        | Query::ChangePassword { source, .. }) = query
        else {
            return reply.send(Answer::Claimed);
        };
        let since = Instant::now();
        let job = Job {
            query,
            reply,
            since,
        };
        if let Err(job) = self.shared.0.queue.push(source, job) {
            job.reply.send(Answer::Unavailable(Unavailable::Busy));
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// Lookups under way for each thread that may hash, at the most: a thread sleeps in each.
const MOST_PLACES: usize = 16;

/// Lookups at once in the table of a site, so that one that hangs does not delay the others.
#[cfg(feature = "mysql")]
const SITE_LOOKUPS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_places_as_hash_within_a_refusal() {
        let places = |threads, refusal, slowest| {
            let options = PoolOptions {
                threads,
                refusal: Duration::from_millis(refusal),
                slowest: Duration::from_millis(slowest),
                ..PoolOptions::default()
            };
            options.places()
        };
        // An argon2id hash takes 97 ms on a slow machine.
        assert_eq!(places(1, 300, 0), 3);
        assert_eq!(places(3, 300, 97), 9);
        assert_eq!(places(2, 655, 655), 2);
        assert_eq!(places(1, 2000, 655), 3);
        assert_eq!(places(0, 0, 0), 1);
        assert_eq!(places(1, 60_000, 97), MOST_PLACES);
    }
}
