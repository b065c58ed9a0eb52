use std::sync::{Condvar, Mutex, PoisonError};

use argon2::Params;
use flashgate_core::{
    Answer, Login, MemberStore, Query, Reply, Secret, Source, StoreState, Unavailable,
};
use flashgate_testing::ticket;
use rusqlite::Connection;
use tempfile::TempDir;

use super::super::pool::{Pool, PoolOptions};
use super::*;
use crate::password::Hash;
use crate::store::{
    Active, Backend, Fault, Lookups, MOST_STUCK, Members, Name, NewMember, Nick, Number, STUCK,
    Touch, Turns,
};

/// A file system that can hang.
#[derive(Default)]
struct Disk {
    state: Mutex<DiskState>,
    changed: Condvar,
}

#[derive(Default)]
struct DiskState {
    /// How many of the next threads that touch it hang.
    hanging: usize,
    /// How many have hung so far.
    hung: usize,
    /// How many of these have returned, in the order in which they came.
    released: usize,
}

impl Disk {
    fn touch(&self) {
        let mut state = self.state.lock().unwrap();
        if state.hanging == 0 {
            return;
        }
        state.hanging -= 1;
        state.hung += 1;
        let number = state.hung;
        self.changed.notify_all();
        let hangs = |state: &mut DiskState| state.released < number;
        let _returned = self.changed.wait_while(state, hangs).unwrap();
    }

    fn hang(&self, threads: usize) {
        self.state.lock().unwrap().hanging = threads;
    }

    fn release(&self, threads: usize) {
        self.state.lock().unwrap().released += threads;
        self.changed.notify_all();
    }

    fn wait_until_hung(&self, threads: usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let fewer = |state: &mut DiskState| state.hung < threads;
        let _hung = self.changed.wait_while(state, fewer).unwrap();
    }
}

/// A pool of one thread over a store of the members 1 to 9, on a disk that can hang. Nothing but the test
/// says what time it is.
struct Fixture {
    folder: TempDir,
    disk: Arc<Disk>,
    pool: Pool,
    alive: mpsc::Sender<()>,
}

impl Fixture {
    fn new() -> Self {
        Self::with(HOUR, Pool::start_unsupervised, STUCK)
    }

    fn with(patience: Duration, start: Start, longest: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.db");
        let (mut members, _) = Members::open_or_create(&path).unwrap();
        let params = Params::new(8, 1, 1, None).unwrap();
        for id in 1..=9 {
            let member = NewMember {
                id: Number::new(id).unwrap(),
                nick: Nick::new(&format!("m{id}")).unwrap(),
                name: Name::new("M").unwrap(),
                password: Hash::with(&Secret::new("secret"), params.clone()).unwrap(),
                active: Active::Yes,
            };
            members.add(&member).unwrap();
        }
        drop(members);
        let disk = Arc::new(Disk::default());
        let mut lookups = Lookups::file(&path, Duration::MAX).unwrap();
        let touched = Arc::clone(&disk);
        lookups.touch = Touch(Arc::new(move || touched.touch()));
        let options = PoolOptions {
            threads: 1,
            patience,
            ..PoolOptions::default()
        };
        let turns = Box::new(Turns::with_limits(lookups, HOUR, longest));
        let (pool, alive) = start(turns, 1, &options).unwrap();
        Self {
            folder,
            disk,
            pool,
            alive,
        }
    }

    fn ask(&self, id: i64) -> mpsc::Receiver<Answer> {
        let (answer, answered) = mpsc::channel();
        let reply = move |_, said| answer.send(said).unwrap_or(());
        self.pool.submit(query(id), Reply::new(ticket(), reply));
        answered
    }

    fn logs_in(&self, id: i64) {
        is_member(&self.ask(id));
    }

    fn supervise(&self, now: Instant) -> Stuck {
        supervise(&self.pool.shared.0, &self.alive, now);
        self.stuck()
    }

    fn stuck(&self) -> Stuck {
        self.pool.shared.0.backend.stuck()
    }

    /// Waits until no thread is stuck, and there are as many as at the start.
    fn wait_until_recovered(&self) {
        let alive = &self.pool.shared.0.threads.alive;
        wait_for(|| self.stuck() == Stuck::default() && alive.load(Ordering::Relaxed) == 1);
    }

    /// Closes the pool, and returns how many members have a time of their last login.
    fn close(self) -> i64 {
        drop(self.alive);
        self.pool.close(HOUR);
        let store = Connection::open(self.folder.path().join("m.db")).unwrap();
        let noted = "SELECT count(last_login_at) FROM members";
        store.query_row(noted, [], |row| row.get(0)).unwrap()
    }
}

type Start = fn(Box<dyn Backend>, usize, &PoolOptions) -> Result<(Pool, mpsc::Sender<()>), Fault>;

fn query(id: i64) -> Query {
    Query::Identify {
        login: Login::parse(&id.to_string()),
        password: Secret::new("secret"),
        source: Source::Address([192, 0, 2, 1].into()),
    }
}

fn is_member(answered: &mpsc::Receiver<Answer>) {
    let answer = answered.recv().unwrap();
    assert!(matches!(answer, Answer::Member(_)), "{answer:?}");
}

fn wait_for(done: impl Fn() -> bool) {
    while !done() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn another_thread_takes_the_place_of_a_stuck_one() {
    let fixture = Fixture::new();
    fixture.logs_in(1);
    let before = Instant::now();
    fixture.disk.hang(1);
    let held = fixture.ask(2);
    fixture.disk.wait_until_hung(1);
    let waiting = fixture.ask(3);
    let early = before + STUCK - Duration::from_millis(1);
    assert_eq!(fixture.supervise(early), Stuck::default());
    let stuck = fixture.supervise(Instant::now() + STUCK);
    assert_eq!((stuck.threads, stuck.is_everybody), (1, false));
    is_member(&waiting);
    assert_eq!(fixture.pool.state(), StoreState::Up);
    // The new thread is not stuck.
    assert_eq!(fixture.supervise(before).threads, 1);
    fixture.logs_in(4);

    fixture.disk.release(1);
    is_member(&held);
    fixture.wait_until_recovered();
    fixture.logs_in(5);
    assert_eq!(fixture.close(), 5, "logins are noted");
}

#[test]
fn all_lookups_are_answered_at_once_where_too_many_threads_are_stuck() {
    let fixture = Fixture::new();
    fixture.disk.hang(usize::MAX);
    let mut answers = Vec::new();
    for number in 1..=MOST_STUCK {
        answers.push(fixture.ask(number as i64));
        fixture.disk.wait_until_hung(number);
        let stuck = fixture.supervise(Instant::now() + STUCK);
        assert_eq!((stuck.threads, stuck.is_everybody), (number, false));
    }
    let (held, waiting) = (fixture.ask(5), fixture.ask(6));
    fixture.disk.wait_until_hung(MOST_STUCK + 1);
    let stuck = fixture.supervise(Instant::now() + STUCK);
    assert_eq!((stuck.threads, stuck.is_everybody), (MOST_STUCK, true));
    let failed = Answer::Unavailable(Unavailable::Failed);
    assert_eq!(waiting.try_recv(), Ok(failed.clone()));
    assert_eq!(fixture.ask(7).try_recv(), Ok(failed));
    assert_eq!(fixture.pool.state(), StoreState::Down);

    // One returns, and the others do not yet.
    fixture.disk.hang(0);
    fixture.disk.release(1);
    wait_for(|| fixture.stuck().threads < MOST_STUCK);
    fixture.supervise(Instant::now() + STUCK);
    fixture.logs_in(8);
    assert_eq!(fixture.pool.state(), StoreState::Up);

    fixture.disk.release(MOST_STUCK);
    fixture.wait_until_recovered();
    for answered in answers.iter().chain([&held]) {
        answered.recv().unwrap();
    }
    fixture.logs_in(9);
    fixture.close();
}

/// To the supervisor, each thread that has the lookups when it looks is stuck.
#[test]
fn a_pool_over_a_file_has_a_supervisor() {
    let supervised: Start = |backend, threads, options| {
        let pool = Pool::start(backend, threads, options)?;
        Ok((pool, mpsc::channel().0))
    };
    let fixture = Fixture::with(HOUR, supervised, Duration::ZERO);
    fixture.disk.hang(1);
    let held = fixture.ask(1);
    fixture.disk.wait_until_hung(1);
    fixture.logs_in(2);
    fixture.disk.release(1);
    is_member(&held);
    fixture.wait_until_recovered();
    fixture.close();
}

/// The core has answered the client by then.
#[test]
fn a_lookup_that_was_stuck_logs_nobody_in() {
    let fixture = Fixture::with(Duration::ZERO, Pool::start_unsupervised, STUCK);
    let (answer, _) = fixture.pool.shared.0.decide(&query(1), Instant::now());
    assert_eq!(answer, Answer::Unavailable(Unavailable::TimedOut));
    assert_eq!(fixture.close(), 0);
}

const HOUR: Duration = Duration::from_secs(3600);
