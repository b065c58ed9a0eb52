//! The pool itself: full, late, busy, and at its end.

use std::sync::mpsc;
use std::time::Duration;

use flashgate::members::{Active, PoolOptions};
use flashgate_core::{Answer, MemberStore, Unavailable};

use crate::fixture::{
    PATIENCE, Place, Store, identify, is_alice, login, member, occupy, over_both, ticket, wait_for,
};

over_both!(
    a_full_queue_answers_at_once,
    who_has_been_given_up_is_not_hashed_for,
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
        pool.submit(ticket(), identify("1", "alice's"), Box::new(reply));
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
        tickets: None,
    });
    let release = occupy(&pool, P::LOOKUPS);
    let work = pool.work();
    let (answers, answered) = mpsc::channel();
    let reply = move |_, answer| answers.send(answer).unwrap();
    pool.submit(ticket(), identify("1", "alice's"), Box::new(reply));
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
        tickets: None,
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
        pool.submit(ticket(), identify(id, password), Box::new(reply));
    }
    for _ in 0..4000 {
        match answered.recv_timeout(PATIENCE).unwrap() {
            (turn, Answer::Member(_)) => assert_eq!(turn % 2, 0),
            (turn, Answer::Denied(..)) => assert_eq!(turn % 2, 1),
            (turn, Answer::Unavailable(why)) => panic!("{turn}: {why:?}"),
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
