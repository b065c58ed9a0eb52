//! Changes of the store by other programs, however they are made, as a running server notices them.

use std::fs;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use argon2::Params;
use flashgate::login::{Pool, PoolOptions};
use flashgate::password::Hash;
use flashgate::store::{Active, Members, Number};
use flashgate_core::MemberEvent::{self, Disabled, Removed, Renamed};
use flashgate_core::{Answer, Member, MemberId, MemberStore, Reply, Secret, Unavailable};
use rusqlite::Connection;

use crate::fixture::{
    PATIENCE, Place, Store, UNKNOWN, cheap, identify, is_alice, login, member, ticket, wait_for,
};

fn watched(store: &Store) -> (Pool, Receiver<MemberEvent>) {
    let pool = store.pool();
    let (events, heard) = mpsc::channel();
    pool.watch(move |event| events.send(event).unwrap());
    (pool, heard)
}

fn three() -> Store {
    Store::with(&[
        member(1, "alice", Active::Yes),
        member(2, "bob", Active::Yes),
        member(3, "carol", Active::Yes),
    ])
}

fn named(id: i64, nick: &str, name: &str) -> MemberEvent {
    Renamed(Member {
        id: MemberId(id),
        nick: nick.into(),
        name: name.into(),
    })
}

const ALICE: MemberId = MemberId(1);
const BOB: MemberId = MemberId(2);
const CAROL: MemberId = MemberId(3);

/// Each change by itself, made by SQL in another process's way: a connection opened for it.
#[test]
fn each_change_is_reported_once_and_within_a_second() {
    let store = three();
    store.sql("UPDATE members SET active = 0 WHERE id = 3; DELETE FROM members WHERE id = 3");
    let (pool, heard) = watched(&store);
    is_alice(&login(&pool, "1", "alice's"));
    let mut took = Vec::new();
    let replaced = "REPLACE INTO members (id, nick, nick_key, name, password)
        SELECT 8, 'alice', 'alice', 'A', password FROM members WHERE id = 1";
    for (sql, expected) in [
        (
            "UPDATE members SET active = 0 WHERE id = 2",
            vec![Disabled(BOB)],
        ),
        ("UPDATE members SET active = 0 WHERE id = 2", vec![]),
        ("UPDATE members SET active = 1 WHERE id = 2", vec![]),
        (
            "UPDATE members SET nick = 'Bob', nick_key = 'bob' WHERE id = 2",
            vec![named(2, "Bob", "Name of bob")],
        ),
        (
            "UPDATE members SET nick = 'Bob', name = 'B' WHERE id = 2",
            vec![],
        ),
        (
            "UPDATE members SET password = 'x', last_login_at = 7",
            vec![],
        ),
        ("UPDATE members SET id = 4 WHERE id = 2", vec![Removed(BOB)]),
        (
            "DELETE FROM members WHERE id = 4",
            vec![Removed(MemberId(4))],
        ),
        ("BEGIN; UPDATE members SET active = 0; ROLLBACK", vec![]),
        (
            "UPDATE members SET active = 0 WHERE id = 1; UPDATE members SET active = 1 WHERE id = 1",
            vec![Disabled(ALICE)],
        ),
        (
            "INSERT INTO members (id, nick, nick_key, name, password) VALUES (2, 'b', 'b', 'B', '')",
            vec![],
        ),
        (replaced, vec![]),
    ] {
        store.sql(sql);
        let before = Instant::now();
        for event in &expected {
            assert_eq!(heard.recv_timeout(PATIENCE).as_ref(), Ok(event), "{sql}");
            took.push(before.elapsed());
        }
        assert_eq!(
            heard.recv_timeout(AFTER),
            Err(mpsc::RecvTimeoutError::Timeout),
            "{sql}"
        );
    }
    // Not each of them: a machine may have other things to do for a while.
    took.sort();
    assert!(took[0] < Duration::from_secs(1), "{took:?}");
}

/// A row that REPLACE removes fires no trigger.
#[test]
fn a_row_that_is_replaced() {
    let store = three();
    let (pool, heard) = watched(&store);
    for (id, password) in [("1", "alice's"), ("2", "bob's"), ("3", "carol's")] {
        assert!(matches!(login(&pool, id, password), Answer::Member(_)));
    }
    let replace = |id: i64, nick: &str, active: i64| {
        store.sql(&format!(
            "REPLACE INTO members (id, nick, nick_key, name, password, active)
             VALUES ({id}, '{nick}', '{nick}', 'N', '', {active})"
        ));
        heard.recv_timeout(PATIENCE).unwrap()
    };
    assert_eq!(replace(1, "alice", 0), Disabled(ALICE));
    assert_eq!(replace(3, "caroline", 1), named(3, "caroline", "N"));
    assert_eq!(replace(9, "bob", 1), Removed(BOB));
    assert!(heard.recv_timeout(AFTER).is_err());
}

/// A member who logs in after a change stays. A member who may have been online before it is logged out, whoever else
/// logs in meanwhile.
#[test]
fn a_login_after_a_change_stays() {
    let store = three();
    let (pool, heard) = watched(&store);
    let out_and_in = "UPDATE members SET active = 0; UPDATE members SET active = 1 WHERE id = 1";
    store.sql(out_and_in);
    is_alice(&login(&pool, "1", "alice's"));
    let mut events: Vec<MemberEvent> = heard.try_iter().collect();
    let early = events.len();
    while !events.contains(&Disabled(CAROL)) {
        events.push(heard.recv_timeout(PATIENCE).unwrap());
    }
    assert!(
        events.ends_with(&[Disabled(BOB), Disabled(CAROL)]),
        "{events:?}"
    );
    assert!(!events[early..].contains(&Disabled(ALICE)), "{events:?}");

    for _ in 0..2 {
        is_alice(&login(&pool, "1", "alice's"));
        store.sql("UPDATE members SET active = 1");
        store.sql(out_and_in);
        is_alice(&login(&pool, "1", "alice's"));
        while heard.recv_timeout(PATIENCE).unwrap() != Disabled(ALICE) {}
        // So that the next round sees only its own events.
        while heard.recv_timeout(AFTER).is_ok() {}
    }
}

/// A file that takes the store's place has a history of its own.
#[test]
fn a_file_that_is_replaced_is_compared() {
    let store = three();
    let (pool, heard) = watched(&store);
    for (id, password) in [("1", "alice's"), ("2", "bob's"), ("3", "carol's")] {
        assert!(matches!(login(&pool, id, password), Answer::Member(_)));
    }
    let backup = store.backup();
    let other = Store::with(&[
        member(1, "alice", Active::Yes),
        member(2, "bobby", Active::Yes),
    ]);
    for _ in 0..20 {
        // As many changes as the first one knows, and more.
        other.sql("UPDATE members SET active = 0 WHERE id = 1; UPDATE members SET active = 1 WHERE id = 1");
    }
    let put = |file: &std::path::Path| {
        let staged = store.path.with_extension("new");
        fs::copy(file, &staged).unwrap();
        fs::rename(&staged, &store.path).unwrap();
    };
    put(&other.backup());
    let two = [
        heard.recv_timeout(PATIENCE).unwrap(),
        heard.recv_timeout(PATIENCE).unwrap(),
    ];
    assert_eq!(two, [named(2, "bobby", "Name of bobby"), Removed(CAROL)]);
    put(&backup);
    // He stays online, and is called as before again.
    let bob = named(2, "bob", "Name of bob");
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(bob));
    // The pool answers from that one as soon as it has found it.
    wait_for(|| matches!(login(&pool, "3", "carol's"), Answer::Member(_)));
    store.sql("DELETE FROM members WHERE id = 3");
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(Removed(CAROL)));
    // In place, and older: carol is back, and the last reported change is not in it.
    let old = fs::read(&backup).unwrap();
    is_alice(&login(&pool, "1", "alice's"));
    store.sql("UPDATE members SET nick = 'alicia' WHERE id = 1");
    assert_eq!(
        heard.recv_timeout(PATIENCE),
        Ok(named(1, "alicia", "Name of alice"))
    );
    assert!(matches!(
        login(&pool, "alicia", "alice's"),
        Answer::Member(_)
    ));
    let logged = || fs::metadata(store.side_file("-wal")).map_or(0, |wal| wal.len());
    wait_for(|| logged() == 0);
    fs::write(&store.path, old).unwrap();
    assert_eq!(
        heard.recv_timeout(PATIENCE),
        Ok(named(1, "alice", "Name of alice"))
    );
    store.is_sound();
}

/// More changes than the store keeps.
#[test]
fn every_one_of_many_changes_is_reported() {
    let store = Store::with(&[]);
    let members = 12_000;
    store.sql(&format!(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {members})
         INSERT INTO members (id, nick, nick_key, name, password) SELECT n, 'm' || n, 'm' || n, 'M', '{}' FROM n",
        cheap("x").as_str()
    ));
    let rows = |store: &Store| {
        let connection = Connection::open(&store.path).unwrap();
        let count = "SELECT count(*) FROM changes";
        connection
            .query_row(count, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(rows(&store), 1, "of all that were added");
    let (pool, heard) = watched(&store);
    assert!(matches!(login(&pool, "m5", "x"), Answer::Member(_)));
    assert!(matches!(login(&pool, "m11999", "x"), Answer::Member(_)));
    store.sql("UPDATE members SET active = 0");
    let mut events: Vec<MemberEvent> = vec![heard.recv_timeout(PATIENCE).unwrap()];
    for id in [5, 11_999] {
        while !events.contains(&Disabled(MemberId(id))) {
            events.push(heard.recv_timeout(PATIENCE).unwrap());
        }
    }
    assert_eq!(rows(&store), 10_000);
}

/// Another connection that stays open keeps what it commits in the log.
#[test]
fn a_change_that_stays_in_the_log() {
    let store = three();
    let other = Connection::open(&store.path).unwrap();
    let (pool, heard) = watched(&store);
    thread::sleep(AFTER);
    for _ in 0..3 {
        for (active, expected) in [(0, Some(Disabled(ALICE))), (1, None)] {
            let change = format!("UPDATE members SET active = {active} WHERE id = 1");
            other.execute_batch(&change).unwrap();
            let longest = if expected.is_some() { PATIENCE } else { AFTER };
            assert_eq!(heard.recv_timeout(longest).ok(), expected);
        }
    }
    // With other journals, and with the operator's own connection open, likewise.
    let mut members = Members::open(&store.path).unwrap();
    members.remove(Number::new(2).unwrap()).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(Removed(BOB)));
    drop((members, other));
    pool.close(PATIENCE);
    store.sql("PRAGMA journal_mode = DELETE");
    let (_pool, heard) = watched(&store);
    store.sql("DELETE FROM members WHERE id = 1");
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(Removed(ALICE)));
}

/// The file system's clock stands still for some milliseconds, and a second change need not make the
/// file longer.
#[test]
fn a_change_that_leaves_the_file_with_the_same_time() {
    let store = three();
    store.sql("PRAGMA journal_mode = DELETE");
    let (_pool, heard) = watched(&store);
    store.sql("UPDATE members SET active = 0 WHERE id = 1");
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(Disabled(ALICE)));
    let before = fs::metadata(&store.path).unwrap();
    store.sql("UPDATE members SET active = 0 WHERE id = 2");
    let file = fs::File::options().write(true).open(&store.path).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    assert_eq!(fs::metadata(&store.path).unwrap().len(), before.len());
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(Disabled(BOB)));
}

/// The program that replaces a file may not have finished.
#[test]
fn a_file_that_is_in_place_for_a_moment_is_not_looked_into() {
    let store = three();
    let backup = store.backup();
    let empty = Store::with(&[]);
    let nobody = empty.backup();
    // On a machine that stands still, a moment may be long enough to be looked into.
    let in_time = (0..10).any(|_| {
        let (pool, heard) = watched(&store);
        is_alice(&login(&pool, "1", "alice's"));
        wait_for(|| !store.side_file("-wal").exists());
        let mut longest = Duration::ZERO;
        for turn in 0..8 {
            let begin = Instant::now();
            let file = if turn % 2 == 0 { &nobody } else { &backup };
            let staged = store.path.with_extension("new");
            fs::copy(file, &staged).unwrap();
            fs::rename(&staged, &store.path).unwrap();
            thread::sleep(Duration::from_millis(300));
            longest = longest.max(begin.elapsed());
        }
        let heard = heard.recv_timeout(PATIENCE_FOR_NOTHING);
        let in_time = longest < Duration::from_millis(500);
        assert!(!in_time || heard == Err(mpsc::RecvTimeoutError::Timeout));
        in_time
    });
    assert!(in_time, "no moment was short enough");
}

/// A row that was deleted while its password was checked, without a trigger, lets nobody log in.
#[test]
fn a_row_that_goes_during_the_hash() {
    let slow = Params::new(64 * 1024, 16, 1, None).unwrap();
    let slow = Hash::with(&Secret::new("alice's"), slow).unwrap();
    // As slow as is allowed; but if it is done before the next check, the login is right.
    for _ in 0..10 {
        let store = three();
        let mut members = Members::open(&store.path).unwrap();
        members
            .set_password(Number::new(1).unwrap(), &slow)
            .unwrap();
        drop(members);
        // One of them looks while the other hashes.
        let pool = store.pool_of(&PoolOptions {
            threads: 2,
            ..PoolOptions::default()
        });
        let (events, heard) = mpsc::channel();
        pool.watch(move |event| events.send(event).unwrap());
        assert!(matches!(login(&pool, "2", "bob's"), Answer::Member(_)));
        let (answers, answered) = mpsc::channel();
        let reply = move |_, answer| answers.send(answer).unwrap();
        // So that the next look, 600 ms after the pool's start, comes in the midst of half a second.
        thread::sleep(Duration::from_millis(300));
        pool.submit(identify("1", "alice's"), Reply::new(ticket(), reply));
        thread::sleep(Duration::from_millis(50));
        store.sql(
            "REPLACE INTO members (id, nick, nick_key, name, password)
             VALUES (8, 'bob', 'bob', 'B', ''), (9, 'alice', 'alice', 'A', '')",
        );
        let first = heard.recv_timeout(PATIENCE).unwrap();
        if first == Removed(ALICE) || answered.try_recv().is_ok() {
            continue;
        }
        assert_eq!(first, Removed(BOB));
        let answer = answered.recv_timeout(PATIENCE).unwrap();
        assert_eq!(answer, Answer::Unavailable(Unavailable::Busy));
        assert_eq!(login(&pool, "1", "alice's"), UNKNOWN);
        return;
    }
    panic!("never slow enough");
}

/// Longer than until the next look.
const AFTER: Duration = Duration::from_millis(1000);

/// A file in another's place is looked at twice.
const PATIENCE_FOR_NOTHING: Duration = Duration::from_millis(2500);
