//! The threads that answer the core's questions, off its loop.

use std::fmt;
use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use flashgate_core::{
    Answer, Denial, Login, Member, MemberEvent, MemberId, MemberStore, Note, Query, Reply, Secret,
    StoreState, Unavailable,
};

use super::complaints::Complaints;
use super::permits::{Hashing, Permits};
use super::queue::{Next, Queue};
use super::threads::{self, Threads};
use super::tickets::{self, TicketSecret, Tickets, Worth};
use super::verified::Verified;
use crate::password::{self, Hash, Verdict, memory};
#[cfg(feature = "mysql")]
use crate::site_table::{Live, SiteTable};
use crate::store::{
    AddError, Backend, Fault, Found, LOOK, Lookups, Members, NewMember, Renewed, StoreError, Turns,
    new_members,
};

/// A bounded pool of threads over one member store, or over the table of a site. Its threads end when
/// it is dropped.
///
/// It is written once for every runtime, so that a login costs the same under each, and never more
/// threads hash at once than are left over by the loop (19 MiB each). Sources of lookups take turns.
///
/// A lookup that ends in a denial keeps its place for the whole time of a refusal, whatever its hash has
/// cost: else the lookups behind it would show by their answers how long it took. There are as many
/// places as can hash within that time, so no denial waits for another's hash.
///
/// A member whose password was right a short while ago is answered at once, by the thread that asks:
/// a look at the file and at the member's row takes microseconds. All others wait for a thread.
///
/// When somebody logged in last is written about once a second, for all of that second together, and
/// as the pool ends. So is the argon2id hash of a password that is stored in an older format, which is
/// made when no lookup waits. A process that is killed loses those notes, and nothing else: the older hash is still stored then.
///
/// A thread that is stuck in the kernel, as on a file system that hangs, is given up after 11 s, and another
/// works in its place. Where four were given up and a fifth is stuck, every lookup is answered at once.
/// Nothing is ever written to the table of a site.
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
    /// How long a lookup may wait for a thread. After the core has given it up, hashing would only
    /// make those behind it late too.
    pub patience: Duration,
    /// How long a lookup that ends in a denial keeps its place; the time of a refusal. No hash in the
    /// store may take longer.
    pub refusal: Duration,
    /// How long the slowest hash in the store takes on a slow machine.
    pub slowest: Duration,
    /// What a site makes tickets with, which its members may log in by. Without it there are none, and
    /// a password that looks like one is a password.
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
    /// Lookups under way at once: as many as can hash, one after the other where threads are few, within
    /// the time of a refusal.
    fn places(&self) -> usize {
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

/// A lookup. One that is dropped answers that the store has failed, as its reply does.
pub(super) struct Job {
    query: Query,
    reply: Reply,
    since: Instant,
}

/// A password that was right, and is stored in an older format.
pub(super) struct Upgrade {
    login: Login,
    password: Secret,
    found: Found,
}

pub(super) struct Shared {
    pub(super) queue: Queue<Job, Box<Upgrade>>,
    pub(super) backend: Box<dyn Backend>,
    pub(super) threads: Threads,
    places: Permits,
    hashing: Hashing,
    verified: Mutex<Verified>,
    tickets: Option<Mutex<Tickets>>,
    pub(super) complaints: Mutex<Complaints>,
    /// When one last looked whether the store works.
    probed: Mutex<Instant>,
    work: AtomicU64,
    patience: Duration,
    refusal: Duration,
}

impl Pool {
    /// Answers from the store at `path`, which must be there and current.
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
        // This thread has no more passwords to hash.
        memory::give_back();
        Self::in_memory(&members, options)
    }

    /// What all checks of passwords have cost so far, in KiB of memory times passes over it. By it
    /// a test knows that nobody is refused more cheaply than others.
    pub fn work(&self) -> u64 {
        self.shared.0.work.load(Ordering::Relaxed)
    }

    /// Passwords of an older format that were right, and wait to be hashed anew until no lookup waits.
    pub fn upgrades(&self) -> usize {
        self.shared.0.queue.later()
    }

    /// Tells of every change by others that logs a member out, within a second, from now on. Other
    /// programs make such changes, so not in memory. `tell` may not wait, nor call the pool.
    pub fn watch(&self, tell: impl Fn(MemberEvent) + Send + 'static) {
        self.shared.0.backend.watch(Box::new(tell));
    }

    /// Hears what the core has noted. Over the table of a site, the pool has to know who is online, or
    /// it asks for everybody who was ever let in, again and again. Does not wait.
    pub fn heard(&self, note: &Note) {
        self.shared.0.backend.heard(note);
    }

    /// Takes the tickets of a new secret from now on, and no others. Those that are spent stay so.
    pub fn set_ticket_secret(&self, secret: &TicketSecret) {
        if let Some(tickets) = &self.shared.0.tickets {
            lock(tickets).set_secret(secret);
        }
    }

    /// Whether the store works, as of the last lookup or of a look in a quiet moment.
    pub fn state(&self) -> StoreState {
        if lock(&self.shared.0.complaints).are_settled() {
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
        let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        // An error is what is wished for: nobody is left who could send.
        let _ = ended.recv_timeout(longest);
        let left = rest.queue.later();
        if left > 0 {
            log::info!(
                "{left} members keep the older format of their password until they log in again"
            );
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

    /// A pool whose stuck threads are given up only by calls of [`Shared::supervise`]. What it returns beside
    /// the pool is for the threads that such calls start.
    pub(super) fn start_unsupervised(
        backend: Box<dyn Backend>,
        threads: usize,
        options: &PoolOptions,
    ) -> Result<(Self, mpsc::Sender<()>), Fault> {
        let shared = Arc::new(Shared {
            queue: Queue::new(options.queue, MOST_UPGRADES),
            backend,
            threads: Threads::new(threads.max(1)),
            places: Permits::new(options.places()),
            hashing: Hashing::new(options.threads.max(1)),
            verified: Mutex::new(Verified::new()),
            tickets: options.tickets.as_ref().map(|secret| {
                let now = tickets::wall_clock();
                Mutex::new(Tickets::new(secret, now))
            }),
            complaints: Mutex::default(),
            probed: Mutex::new(Instant::now()),
            work: AtomicU64::new(0),
            patience: options.patience,
            refusal: options.refusal,
        });
        // Those threads that did start end with it.
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
        let Query::Identify { source, .. } = query;
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

impl Shared {
    /// Answers until the pool is dropped, or another thread works in the place of this one.
    pub(super) fn run(&self) {
        while !self.threads.is_one_too_many(self.backend.stuck()) {
            match self.queue.next(LOOK) {
                Next::Job(job) => self.answer(job),
                Next::Later(upgrade) => {
                    unharmed(|| self.upgrade(&upgrade));
                    unharmed(|| self.backend.answered());
                }
                Next::Look => {
                    self.hashing.rest();
                    unharmed(|| self.backend.quiet());
                    unharmed(|| self.probe());
                    lock(&self.verified).forget(Instant::now());
                }
                Next::End => {
                    // Each thread, since another may be answering yet.
                    self.backend.end();
                    return;
                }
            }
        }
    }

    /// Answers if that takes neither a hash nor any waiting: on the thread that owns the gateway.
    ///
    /// The row is read as for everybody else, so who is let in here would be let in there. Only rows
    /// that were read minutes ago are: those are in the system's memory, and need no disk.
    fn answer_at_once(&self, query: &Query) -> Option<Member> {
        let Query::Identify {
            login, password, ..
        } = query;
        if !try_lock(&self.verified)?.knows(login) {
            return None;
        }
        // Whoever is refused is refused by a thread, at the cost of a hash.
        let mut is_right = |found: &Found| {
            let (stored, now) = (found.password.as_str(), Instant::now());
            let verified = try_lock(&self.verified);
            found.active
                && verified.is_some_and(|mut kept| kept.is_right(login, password, stored, now))
        };
        self.backend.let_in_at_once(login, &mut is_right)
    }

    fn answer(&self, job: Job) {
        let (answer, upgrade) = if job.since.elapsed() > self.patience {
            (Answer::Unavailable(Unavailable::TimedOut), None)
        } else {
            unharmed(|| self.decide(&job.query, job.since))
                .unwrap_or((Answer::Unavailable(Unavailable::Failed), None))
        };
        drop(job.query); // wiped when the answer is known
        job.reply.send(answer);
        if let Some(Err(upgrade)) = upgrade.map(|upgrade| self.queue.push_later(Box::new(upgrade)))
        {
            // No more may wait, and none is lost.
            unharmed(|| self.upgrade(&upgrade));
        }
        unharmed(|| self.backend.answered());
        // Not in quiet moments alone: who tries wrong passwords without pause may prevent those.
        lock(&self.verified).forget(Instant::now());
    }

    /// Looks once in a while whether the store answers: `/readyz` is to say so before a member finds out.
    fn probe(&self) {
        let mut probed = lock(&self.probed);
        if probed.elapsed() < PROBE {
            return;
        }
        *probed = Instant::now();
        drop(probed);
        match self.backend.find(&Login::Id(MemberId(0)), Instant::now()) {
            // No member has this number; what else is wrong is one member's trouble.
            Ok(_) => lock(&self.complaints).settled(),
            Err(error) => lock(&self.complaints).about(&error),
        }
    }

    /// The answer, and what is to be done for the member when there is time.
    pub(super) fn decide(&self, query: &Query, since: Instant) -> (Answer, Option<Upgrade>) {
        let Query::Identify {
            login, password, ..
        } = query;
        let mut unusable = None;
        let looked_up = Instant::now() + self.refusal / LOOKUP;
        let found = match self.backend.find(login, since) {
            Ok(found) => found.ok_or(Denial::Unknown),
            // The member's trouble, not the store's; refused below, at the cost of everybody else.
            Err(StoreError {
                fault: Fault::Unreadable { id, column },
                ..
            }) => {
                let why = format_args!(
                    "the {column} in the store is not valid UTF-8; remove the member with \
                     flashgate members remove {id}, and add it anew"
                );
                lock(&self.complaints).about_member(MemberId(id), why);
                unusable = Some(MemberId(id));
                Err(Denial::Unusable)
            }
            Err(StoreError {
                fault: Fault::Misnamed { id, why },
                ..
            }) => {
                let why = format_args!(
                    "the nick {why}; choose another with flashgate members rename {id} NICK"
                );
                lock(&self.complaints).about_member(MemberId(id), why);
                Err(Denial::Unusable)
            }
            Err(StoreError {
                fault: Fault::Unfit { id, why },
                ..
            }) => {
                let why = format_args!("in the site's table, {why}");
                lock(&self.complaints).about_member(MemberId(id), why);
                unusable = Some(MemberId(id));
                Err(Denial::Unusable)
            }
            Err(error) => {
                lock(&self.complaints).about(&error);
                return (Answer::Unavailable(Unavailable::Failed), None);
            }
        };
        lock(&self.complaints).settled();
        if since.elapsed() > self.patience {
            // The thread was stuck. The core has given the answer by now, and a login would be noted that was none.
            return (Answer::Unavailable(Unavailable::TimedOut), None);
        }
        // A member by a nick is not found as fast as one by a number.
        let (_place, began) = (self.places.take(), Instant::now().max(looked_up));
        let member = match &found {
            Ok(found) => Some(found.member.id),
            Err(_) => unusable,
        };

        let proof = match self.as_ticket(password, found.as_ref().ok()) {
            Worth::Login => Ok(Proof::Ticket),
            Worth::NoRoom => return (Answer::Unavailable(Unavailable::TicketsFull), None),
            Worth::TooSoon => return (Answer::Unavailable(Unavailable::TicketBeforeStart), None),
            // A false ticket is a wrong password, at the cost of one; and a right one is still right.
            Worth::Nothing(why) => self.prove(login, password, found.as_ref()).map_err(|_| why),
            Worth::NoTicket => self.prove(login, password, found.as_ref()),
        };
        let (found, proof) = match found.and_then(|found| Ok((found, proof?))) {
            Ok(proven) => proven,
            Err(why) => {
                self.queue.sleep_until(began + self.refusal);
                return (Answer::Denied(why, member), None);
            }
        };
        if !self.backend.note_login(&found) {
            // The store has become another while the password was checked.
            return (Answer::Unavailable(Unavailable::Busy), None);
        }
        let answer = Answer::Member(found.member.clone());
        let is_old = proof == Proof::Hash
            && self.backend.keeps_hashes()
            && password::is_old(&found.password);
        let upgrade = is_old.then(|| Upgrade {
            login: login.clone(),
            password: password.clone(),
            found,
        });
        (answer, upgrade)
    }

    /// Makes the new hash of a password that is stored in an older format.
    fn upgrade(&self, upgrade: &Upgrade) {
        let Upgrade {
            login,
            password,
            found,
        } = upgrade;
        let renewed = {
            let _permit = self.hashing.take_last();
            Hash::renewed(password, &found.password)
        };
        let Some(is) = renewed else { return };
        // Else a second login would cost a hash, of all who came by the old one.
        let now = Instant::now();
        lock(&self.verified).keep_renewed(login, password, is.as_str(), now);
        let was = found.password.clone();
        self.backend.note_renewed(found, Renewed { was, is });
    }

    /// What the password is worth as a ticket of an active member.
    fn as_ticket(&self, password: &Secret, found: Option<&Found>) -> Worth {
        match (&self.tickets, found) {
            (Some(tickets), Some(found)) if found.active => {
                lock(tickets).spend(password, found.member.id, tickets::wall_clock())
            }
            (None, Some(found)) if found.active && tickets::is_ticket(password) => {
                Worth::Nothing(Denial::NoTickets)
            }
            (Some(_) | None, _) => Worth::NoTicket,
        }
    }

    /// By what this is the password of an active member, or why it is not. Everyone who is refused
    /// costs the same.
    fn prove(
        &self,
        login: &Login,
        password: &Secret,
        found: Result<&Found, &Denial>,
    ) -> Result<Proof, Denial> {
        if let Some(found) = found.ok().filter(|found| found.active) {
            // Of two that came at once, this may be the second.
            let now = Instant::now();
            let known = lock(&self.verified).is_right(login, password, &found.password, now);
            if known {
                return Ok(Proof::Lately);
            }
        }
        let checked = {
            let _permit = self.hashing.take();
            password::check(password, found.ok().map(|found| found.password.as_str()))
        };
        self.work.fetch_add(checked.work, Ordering::Relaxed);
        let found = found.map_err(|why| *why)?;
        let denial = match checked.verdict {
            _ if !found.active => Denial::Inactive,
            Verdict::BadHash(_) => Denial::Unusable,
            Verdict::Right | Verdict::Wrong => Denial::WrongPassword,
        };
        match checked.verdict {
            Verdict::Right if found.active => {
                let now = Instant::now();
                lock(&self.verified).keep(login, password, &found.password, now);
                Ok(Proof::Hash)
            }
            Verdict::BadHash(fault) => {
                let id = found.member.id;
                let why = match &found.unusable {
                    Some(why) => format!("in the site's table, {why}"),
                    None => format!(
                        "the stored password {fault}; set another with flashgate members passwd {id}"
                    ),
                };
                let why = format_args!("{why}");
                lock(&self.complaints).about_member(id, why);
                Err(denial)
            }
            Verdict::Right | Verdict::Wrong => Err(denial),
        }
    }
}

/// Why somebody is let in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// The same password was verified against the same hash a short while ago.
    Lately,
    /// It was just now.
    Hash,
    /// The site vouches for the member, and knows nothing of the password.
    Ticket,
}

/// What was done, if it has not panicked. That would cost a thread, and the last one all logins for ever.
fn unharmed<T>(work: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).ok()
}

/// A panic elsewhere does not make what is behind a lock wrong: it is looked at anew each time.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nothing if another thread has it.
fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Lookups under way for each thread that may hash, at the most: a thread sleeps in each.
const MOST_PLACES: usize = 16;

/// The part of the time of a refusal that a lookup has, however fast it is: 5 ms of 300. Opening the store takes
/// less.
const LOOKUP: u32 = 60;

/// Passwords that wait to be hashed anew: seconds of work. One more is hashed before the next lookup.
const MOST_UPGRADES: usize = 1024;

/// Lookups at once in the table of a site: one that hangs is not to hold the others up.
#[cfg(feature = "mysql")]
const SITE_LOOKUPS: usize = 4;

/// Between two looks whether the store works, where no member logs in.
const PROBE: Duration = Duration::from_secs(5);

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
        // A hash of today takes 97 ms on a slow machine.
        assert_eq!(places(1, 300, 0), 3);
        assert_eq!(places(3, 300, 97), 9);
        assert_eq!(places(2, 655, 655), 2);
        assert_eq!(places(1, 2000, 655), 3);
        assert_eq!(places(0, 0, 0), 1);
        assert_eq!(places(1, 60_000, 97), MOST_PLACES);
    }
}
