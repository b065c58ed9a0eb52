//! The pool itself: full, late, busy, and at its end.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use flashgate::login::PoolOptions;
use flashgate::store::Active;
use flashgate_core::{Answer, MemberStore, Reply, Unavailable};

use crate::fixture::{
    PATIENCE, Place, Store, identify, is_alice, login, member, occupy, over_both, ticket, wait_for,
};

over_both!(
    a_full_queue_answers_at_once,
    who_has_been_given_up_is_not_hashed_for,
    a_denial_keeps_its_place_for_the_time_of_a_refusal,
    a_denial_says_whom_it_was_about,
    thousands_of_logins_on_several_threads,
);

fn a_full_queue_answers_at_once<P: Place>() {
    let store = P::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool_of(&PoolOptions {
        threads: 1,
        queue: 2,
        ..PoolOptions::default()
    });
    let release = occupy(&pool, P::LOOKUPS);
    let (answers, answered) = mpsc::channel();
    for _ in 0..5 {
        let answers = answers.clone();
        let reply = move |_, answer| answers.send(answer).unwrap();
        pool.submit(identify("1", "alice's"), Reply::new(ticket(), reply));
    }
    // Two wait; the other three have their answers already.
    let busy: Vec<Answer> = answered.try_iter().collect();
    assert_eq!(busy, vec![Answer::Unavailable(Unavailable::Busy); 3]);
    drop(release);
    for _ in 0..2 {
        is_alice(&answered.recv_timeout(PATIENCE).unwrap());
    }
}

fn who_has_been_given_up_is_not_hashed_for<P: Place>() {
    let store = P::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool_of(&PoolOptions {
        threads: 1,
        queue: 16,
        patience: Duration::from_millis(20),
        ..PoolOptions::default()
    });
    let release = occupy(&pool, P::LOOKUPS);
    let work = pool.work();
    let (answers, answered) = mpsc::channel();
    let reply = move |_, answer| answers.send(answer).unwrap();
    pool.submit(identify("1", "alice's"), Reply::new(ticket(), reply));
    std::thread::sleep(Duration::from_millis(60));
    drop(release);
    let answer = answered.recv_timeout(PATIENCE).unwrap();
    assert_eq!(answer, Answer::Unavailable(Unavailable::TimedOut));
    assert_eq!(pool.work(), work);
}

fn thousands_of_logins_on_several_threads<P: Place>() {
    let store = P::with(&[
        member(1, "alice", Active::Yes),
        member(2, "bob", Active::Yes),
    ]);
    let pool = store.pool_of(&PoolOptions {
        threads: 4,
        queue: 5000,
        patience: PATIENCE,
        ..PoolOptions::default()
    });
    let (answers, answered) = mpsc::channel();
    for turn in 0..4000 {
        let answers = answers.clone();
        let (id, password) = if turn % 2 == 0 {
            ("1", "alice's")
        } else {
            ("bob", "wrong")
        };
        let reply = move |_, answer| answers.send((turn, answer)).unwrap();
        pool.submit(identify(id, password), Reply::new(ticket(), reply));
    }
    for _ in 0..4000 {
        match answered.recv_timeout(PATIENCE).unwrap() {
            (turn, Answer::Member(_)) => assert_eq!(turn % 2, 0),
            (turn, Answer::Denied(..)) => assert_eq!(turn % 2, 1),
            (turn, answer) => panic!("{turn}: {answer:?}"),
        }
    }
}

#[test]
fn threads_end_with_the_pool_and_close_the_store() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool();
    is_alice(&login(&pool, "1", "alice's"));
    assert!(store.side_file("-wal").exists());
    pool.close(PATIENCE);
    // SQLite takes its side files away as the last connection is closed.
    assert!(!store.side_file("-wal").exists());

    let pool = store.pool();
    is_alice(&login(&pool, "1", "alice's"));
    drop(pool);
    wait_for(|| !store.side_file("-wal").exists());
}

fn a_denial_keeps_its_place_for_the_time_of_a_refusal<P: Place>() {
    let store = P::with(&[member(1, "alice", Active::Yes)]);
    let refusal = Duration::from_millis(400);
    let pool = store.pool_of(&PoolOptions {
        threads: 1,
        refusal,
        // So that there is one place.
        slowest: refusal,
        ..PoolOptions::default()
    });
    let (answers, answered) = mpsc::channel();
    let begun = Instant::now();
    for (id, password) in [("1", "wrong"), ("nobody", "wrong"), ("1", "alice's")] {
        let answers = answers.clone();
        let reply = move |_, answer| answers.send((answer, begun.elapsed())).unwrap();
        pool.submit(identify(id, password), Reply::new(ticket(), reply));
    }
    // However busy the machine is, none comes earlier. A site's database may answer them in any order.
    let mut denials = 0;
    for _ in 0..3 {
        let (answer, after) = answered.recv_timeout(PATIENCE).unwrap();
        denials += u32::from(matches!(answer, Answer::Denied(..)));
        let least = match P::LOOKUPS {
            1 => denials.max(1),
            _ => denials,
        };
        // The lookup of the first has a time of its own, however fast it is.
        let lookup = refusal / 60 * least.min(1);
        let until = refusal * least + lookup;
        assert!(after >= until, "{answer:?} after {after:?}");
    }
    assert_eq!(denials, 2);
}

fn a_denial_says_whom_it_was_about<P: Place>() {
    let store = P::with(&[
        member(1, "alice", Active::Yes),
        member(2, "bob", Active::No),
    ]);
    let pool = store.pool();
    for (name, who) in [("1", 1), ("alice", 1), ("bob", 2), ("nobody", 0), ("7", 0)] {
        let (answer, answered) = mpsc::channel();
        let reply = move |_, said| answer.send(said).unwrap();
        pool.submit(identify(name, "wrong"), Reply::new(ticket(), reply));
        let Answer::Denied(_, member) = answered.recv_timeout(PATIENCE).unwrap() else {
            panic!("{name} is let in");
        };
        assert_eq!(member.map_or(0, |id| id.0), who, "{name}");
    }
}
