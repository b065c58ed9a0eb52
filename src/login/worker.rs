//! What the threads of a pool do: find a member, check the password, answer, and renew an old hash.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use flashgate_core::{Answer, Denial, Login, Member, MemberId, Query, Reply, Secret, Unavailable};
use parking_lot::Mutex;

use super::complaints::Complaints;
use super::permits::{Hashing, Permits};
use super::pool::PoolOptions;
use super::queue::{Next, Queue};
use super::threads::Threads;
use super::tickets::{self, Tickets, Worth};
use super::verified::Verified;
use crate::password::{self, Hash, Verdict};
use crate::store::{Backend, Fault, Found, LOOK, Nick, Renaming, Renewed};

/// A lookup. One that is dropped answers that the store has failed, as its reply does.
pub(super) struct Job {
    pub(super) query: Query,
    pub(super) reply: Reply,
    pub(super) since: Instant,
}

/// A password that was right, and is stored in an older format.
pub(super) struct Upgrade {
    login: Login,
    password: Secret,
    found: Found,
}

/// What the threads of a pool share.
pub(super) struct Shared {
    pub(super) queue: Queue<Job, Box<Upgrade>>,
    pub(super) backend: Box<dyn Backend>,
    pub(super) threads: Threads,
    pub(super) places: Permits,
    pub(super) hashing: Hashing,
    pub(super) verified: Mutex<Verified>,
    pub(super) tickets: Option<Mutex<Tickets>>,
    pub(super) complaints: Mutex<Complaints>,
    /// When the store was last asked whether it works.
    probed: Mutex<Instant>,
    pub(super) work: AtomicU64,
    pub(super) patience: Duration,
    pub(super) refusal: Duration,
}

impl Shared {
    pub(super) fn new(backend: Box<dyn Backend>, threads: usize, options: &PoolOptions) -> Self {
        Self {
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
        }
    }

    /// Answers until the pool is dropped, or until another thread has taken the place of this one.
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
                    self.verified.lock().forget(Instant::now());
                }
                Next::End => {
                    // Each thread, since another may be answering yet.
                    self.backend.end();
                    return;
                }
            }
        }
    }

    /// Answers if that needs neither a hash nor a wait, on the thread that owns the gateway.
    ///
    /// The row is read and checked as in any other login. It was read minutes ago, so it is in the system's
    /// memory and needs no disk.
    pub(super) fn answer_at_once(&self, query: &Query) -> Option<Member> {
        let Query::Identify {
            login, password, ..
        } = query
        else {
            return None;
        };
        if !self.verified.try_lock()?.knows(login) {
            return None;
        }
        // A refusal is left to a thread, where it costs a hash.
        let mut is_right = |found: &Found| {
            let (stored, now) = (found.password.as_str(), Instant::now());
            let verified = self.verified.try_lock();
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
            // The queue is full: renew the hash now rather than lose it.
            unharmed(|| self.upgrade(&upgrade));
        }
        unharmed(|| self.backend.answered());
        // Not only in quiet moments: a client that tries passwords without pause leaves none.
        self.verified.lock().forget(Instant::now());
    }

    /// Asks the store now and then whether it works, so that `/readyz` reports a fault before a member meets it.
    fn probe(&self) {
        let mut probed = self.probed.lock();
        if probed.elapsed() < PROBE {
            return;
        }
        *probed = Instant::now();
        drop(probed);
        match self.backend.find(&Login::Id(MemberId(0)), Instant::now()) {
            // No member has this number.
            Ok(_) => self.complaints.lock().settled(),
            Err(error) => self.complaints.lock().about(&error),
        }
    }

    /// The answer, and a password to hash again when there is time.
    pub(super) fn decide(&self, query: &Query, since: Instant) -> (Answer, Option<Upgrade>) {
        let (login, password) = match query {
            Query::Identify {
                login, password, ..
            } => (login, password),
            Query::ChangePassword {
                member, old, new, ..
            } => return (self.change_password(*member, old, new, since), None),
            Query::Claim(_) => return (Answer::Claimed, None),
            Query::Admin(_) => return (Answer::Unavailable(Unavailable::Failed), None),
            Query::Rename { member, nick, .. } => return (self.rename(*member, nick, since), None),
        };
        let looked_up = Instant::now() + self.refusal / LOOKUP;
        let Row { found, member } = match self.find(login, since) {
            Ok(row) => row,
            Err(why) => return (Answer::Unavailable(why), None),
        };
        // A nick takes longer to find than a number: a refusal counts from a fixed time after the start.
        let (_place, began) = (self.places.take(), Instant::now().max(looked_up));
        let proof = match self.as_ticket(password, found.as_ref().ok()) {
            Worth::Login => Ok(Proof::Ticket),
            Worth::NoCapacity => return (Answer::Unavailable(Unavailable::TicketsFull), None),
            Worth::TooSoon => return (Answer::Unavailable(Unavailable::TicketBeforeStart), None),
            // A false ticket costs as much as a wrong password, and may be the right password.
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
            // The store was replaced while the password was checked.
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

    /// Gives a member another nick, unless that is taken.
    fn rename(&self, member: MemberId, nick: &str, since: Instant) -> Answer {
        let Ok(nick) = Nick::new(nick) else {
            return Answer::Unavailable(Unavailable::Failed);
        };
        match self.backend.rename(member, &nick, since) {
            Ok(Renaming::Done(member)) => Answer::Renamed(member),
            Ok(Renaming::Taken) => Answer::Taken,
            Ok(Renaming::NobodyThere) => Answer::Denied(Denial::Unknown, Some(member)),
            Err(error) => {
                log::warn!("member {member} cannot change its nick: {error}");
                Answer::Unavailable(Unavailable::Failed)
            }
        }
    }

    /// Finds the member's row. A row that cannot be used is refused later, at the cost of every refusal.
    pub(super) fn find(&self, login: &Login, since: Instant) -> Result<Row, Unavailable> {
        let row = match self.backend.find(login, since) {
            Ok(Some(found)) => Row {
                member: Some(found.member.id),
                found: Ok(found),
            },
            Ok(None) => Row {
                found: Err(Denial::Unknown),
                member: None,
            },
            Err(error) => {
                let Some((id, why)) = error.fault.of_one_member() else {
                    self.complaints.lock().about(&error);
                    return Err(Unavailable::Failed);
                };
                self.complaints.lock().about_member(id, &why);
                let is_named = !matches!(error.fault, Fault::Misnamed { .. });
                Row {
                    found: Err(Denial::Unusable),
                    member: is_named.then_some(id),
                }
            }
        };
        self.complaints.lock().settled();
        // The thread may have been stuck. The core has answered by now, and no login may be noted.
        if since.elapsed() > self.patience {
            return Err(Unavailable::TimedOut);
        }
        Ok(row)
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
        // Without this, the next login of each of these members would cost a hash.
        let now = Instant::now();
        self.verified
            .lock()
            .keep_renewed(login, password, is.as_str(), now);
        let was = found.password.clone();
        self.backend.note_renewed(found, Renewed { was, is });
    }

    /// Checks the password as a ticket of an active member.
    fn as_ticket(&self, password: &Secret, found: Option<&Found>) -> Worth {
        match (&self.tickets, found) {
            (Some(tickets), Some(found)) if found.active => {
                tickets
                    .lock()
                    .spend(password, found.member.id, tickets::wall_clock())
            }
            (None, Some(found)) if found.active && tickets::is_ticket(password) => {
                Worth::Nothing(Denial::NoTickets)
            }
            (Some(_) | None, _) => Worth::NoTicket,
        }
    }

    /// How the password of an active member was accepted, or why it was not. Every refusal costs the same.
    pub(super) fn prove(
        &self,
        login: &Login,
        password: &Secret,
        found: Result<&Found, &Denial>,
    ) -> Result<Proof, Denial> {
        let active = found.ok().filter(|found| found.active);
        let is_known = |found: &Found| {
            let mut verified = self.verified.lock();
            verified.is_right(login, password, &found.password, Instant::now())
        };
        // The second of two logins at once finds the entry of the first.
        if active.is_some_and(is_known) {
            return Ok(Proof::Lately);
        }
        let checked = {
            let _permit = self.hashing.take();
            password::check(password, found.ok().map(|found| found.password.as_str()))
        };
        self.work.fetch_add(checked.work, Ordering::Relaxed);
        let found = found.map_err(|why| *why)?;
        if let Verdict::BadHash(fault) = checked.verdict {
            let id = found.member.id;
            let why = match &found.unusable {
                Some(why) => format!("in the site's table, {why}"),
                None => format!(
                    "the stored password {fault}; set another with flashgate members passwd {id}"
                ),
            };
            self.complaints.lock().about_member(id, &why);
        }
        match checked.verdict {
            _ if !found.active => Err(Denial::Inactive),
            Verdict::BadHash(_) => Err(Denial::Unusable),
            Verdict::Wrong => Err(Denial::WrongPassword),
            Verdict::Right => {
                let now = Instant::now();
                self.verified
                    .lock()
                    .keep(login, password, &found.password, now);
                Ok(Proof::Hash)
            }
        }
    }
}

/// What a lookup has found.
pub(super) struct Row {
    pub(super) found: Result<Found, Denial>,
    /// The member, if the row says that much.
    pub(super) member: Option<MemberId>,
}

/// What a login was accepted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// The same password was verified against the same hash a short while ago.
    Lately,
    /// The password was verified just now.
    Hash,
    /// The site has made a ticket for the member. The password is unknown.
    Ticket,
}

/// The result, unless the work panicked. A panic would end the thread, and with the last thread all logins.
fn unharmed<T>(work: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The part of a refusal's time that is set aside for the lookup, however fast that is: 5 ms of 300.
pub(super) const LOOKUP: u32 = 60;

/// Passwords that wait to be hashed again: seconds of work. One more is hashed before the next lookup.
const MOST_UPGRADES: usize = 1024;

/// The time between two probes of the store while no member logs in.
const PROBE: Duration = Duration::from_secs(5);
