//! Members who logged in a short while ago: they log in again at once, but never if the store would refuse them.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use flashgate::login::{Pool, PoolOptions};
use flashgate::password::Hash;
use flashgate::store::Active;
use flashgate_core::{Answer, MemberStore, Reply};
use rusqlite::Connection;

use crate::fixture::{
    FAILED, INACTIVE, PATIENCE, Place, Store, UNKNOWN, WRONG, cheap, identify, is_alice, login,
    member, occupy, over_both, ticket, wait_for,
};

over_both!(
    a_wrong_password_costs_a_hash_however_well_known_the_member,
    the_stores_word_is_what_counts,
    a_change_is_seen_at_once,
    ten_thousand_come_back_at_once,
);

/// Asks, and says whether a hash was needed.
fn hashed(pool: &Pool, id: &str, password: &str) -> (Answer, bool) {
    let before = pool.work();
    let answer = login(pool, id, password);
    (answer, pool.work() > before)
}

/// Logs alice in until that needs no hash.
fn known(pool: &Pool) {
    is_alice(&login(pool, "1", "alice's"));
    let (answer, needed) = hashed(pool, "1", "alice's");
    is_alice(&answer);
    assert!(!needed, "she was here a moment ago");
}

fn two<P: Place>() -> P {
    P::with(&[
        member(1, "alice", Active::Yes),
        member(2, "bob", Active::Yes),
    ])
}

#[test]
fn a_known_member_waits_for_no_thread() {
    let store = two::<Store>();
    let pool = store.pool_of(&PoolOptions {
        threads: 1,
        ..PoolOptions::default()
    });
    // By each name once.
    for id in ["1", "alice"] {
        is_alice(&login(&pool, id, "alice's"));
    }
    // The only thread there is has something else to do.
    let release = occupy(&pool, 1);
    let work = pool.work();
    for id in ["1", "alice"] {
        let (answers, answered) = mpsc::channel();
        let reply = move |_, answer| answers.send((thread::current().id(), answer)).unwrap();
        pool.submit(identify(id, "alice's"), Reply::new(ticket(), reply));
        let (by, answer) = answered.try_recv().expect("an answer at once");
        assert_eq!(by, thread::current().id());
        is_alice(&answer);
    }
    assert_eq!(pool.work(), work);
    drop(release);
}

fn a_wrong_password_costs_a_hash_however_well_known_the_member<P: Place>() {
    let store = two::<P>();
    let pool = store.pool();
    known(&pool);
    for (id, password) in [
        ("1", "alice'S"),
        ("1", "alice's "),
        ("1", ""),
        ("1", "bob's"),
        ("2", "alice's"),
        ("alice", "x"),
        ("Alice", "alice's"),
        ("01", "alice's"),
        ("3", "alice's"),
    ] {
        for _ in 0..2 {
            let why = match id {
                "1" | "2" | "alice" => WRONG,
                _ => UNKNOWN,
            };
            assert_eq!(hashed(&pool, id, password), (why, true), "{id} {password}");
        }
    }
    // One client cannot make the server forget another member's password.
    let (answer, needed) = hashed(&pool, "1", "alice's");
    is_alice(&answer);
    assert!(!needed);
}

fn the_stores_word_is_what_counts<P: Place>() {
    for turn in 0..3 {
        let store = two::<P>();
        let pool = store.pool();
        let set_password = |hash: &Hash| {
            let hash = hash.as_str();
            store.sql(&format!(
                "UPDATE members SET password = '{hash}' WHERE id = 1"
            ));
        };
        known(&pool);
        set_password(&cheap("another"));
        assert_eq!(hashed(&pool, "1", "alice's"), (WRONG, true), "{turn}");
        is_alice(&login(&pool, "1", "another"));
        set_password(&cheap("alice's"));
        // The same password, but another hash: to be seen by hashing alone.
        assert!(hashed(&pool, "1", "alice's").1);

        known(&pool);
        store.sql("UPDATE members SET active = 0 WHERE id = 1");
        assert_eq!(hashed(&pool, "1", "alice's"), (INACTIVE, true));
        assert_eq!(hashed(&pool, "alice", "alice's"), (INACTIVE, true));
        store.sql("UPDATE members SET active = 1 WHERE id = 1");

        known(&pool);
        store.sql("UPDATE members SET nick = 'alicia', name = 'A.' WHERE id = 1");
        assert_eq!(login(&pool, "alice", "alice's"), UNKNOWN);
        let Answer::Member(renamed) = login(&pool, "1", "alice's") else {
            panic!("denied");
        };
        assert_eq!((&*renamed.nick, &*renamed.name), ("alicia", "A."));
        store.sql("UPDATE members SET nick = 'alice' WHERE id = 1");

        known(&pool);
        store.sql("DELETE FROM members WHERE id = 1");
        assert_eq!(hashed(&pool, "1", "alice's"), (UNKNOWN, true));
        // Another member with her number and her nick.
        let heir = cheap("heir's");
        store.sql(&format!(
            "INSERT INTO members (id, nick, nick_key, name, password) VALUES (1, 'alice', 'alice', 'A', '{}')",
            heir.as_str()
        ));
        assert_eq!(hashed(&pool, "1", "alice's"), (WRONG, true));
        is_alice(&login(&pool, "1", "heir's"));
    }
}

/// A change right behind a login, over and over, so that some fall into one tick of the file
/// system's clock.
fn a_change_is_seen_at_once<P: Place>() {
    let store = two::<P>();
    let pool = store.pool();
    for _ in 0..200 {
        known(&pool);
        store.sql("UPDATE members SET active = 0 WHERE id = 1");
        assert_eq!(login(&pool, "1", "alice's"), INACTIVE);
        store.sql("UPDATE members SET active = 1 WHERE id = 1");
    }
}

#[test]
fn what_an_operator_does_is_seen_at_once() {
    let store = two::<Store>();
    let pool = store.pool();
    known(&pool);
    for (command, is_let_in) in [
        ("disable", false),
        ("enable", true),
        ("passwd", false),
        ("remove", false),
    ] {
        in_another_process(&store, command);
        let said = login(&pool, "1", "alice's");
        assert_eq!(matches!(said, Answer::Member(_)), is_let_in, "{command}");
        if command == "passwd" {
            is_alice(&login(&pool, "1", "another"));
        }
    }
    assert_eq!(login(&pool, "1", "another"), UNKNOWN);
}

/// What an operator does to alice while the server runs.
fn in_another_process(store: &Store, command: &str) {
    let mut running = Command::new(env!("CARGO_BIN_EXE_flashgate"))
        .args(["members", command, "1", "--members"])
        .arg(&store.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut typed = running.stdin.take().unwrap();
    // Only one of them reads it.
    let _ = typed.write_all(b"another\n");
    drop(typed);
    assert!(running.wait().unwrap().success(), "{command}");
}

#[test]
fn another_file_knows_its_own_members() {
    let mut bob = member(2, "bob", Active::Yes);
    bob.password = cheap("another");
    let other = Store::with(&[member(1, "carol", Active::Yes), bob]);
    let store = two::<Store>();
    let pool = store.pool();
    known(&pool);
    assert!(matches!(login(&pool, "2", "bob's"), Answer::Member(_)));
    let staged = store.path.with_extension("new");
    fs::copy(other.backup(), &staged).unwrap();
    fs::rename(&staged, &store.path).unwrap();
    assert_eq!(hashed(&pool, "1", "alice's"), (WRONG, true));
    assert_eq!(login(&pool, "alice", "alice's"), UNKNOWN);
    assert_eq!(login(&pool, "2", "bob's"), WRONG);
    // The logins that the old file has allowed are not noted in this one.
    pool.close(PATIENCE);
    assert_eq!(store.last_logins(), [None, None]);
    store.is_sound();
}

#[test]
fn a_file_overwritten_in_place_does_too() {
    let other = Store::with(&[member(1, "carol", Active::Yes)]);
    let store = two::<Store>();
    let pool = store.pool();
    known(&pool);
    fs::write(&store.path, fs::read(other.backup()).unwrap()).unwrap();
    assert_eq!(hashed(&pool, "1", "alice's"), (WRONG, true));
    pool.close(PATIENCE);
    assert_eq!(store.last_logins(), [None]);
    store.is_sound();
}

#[test]
fn without_a_file_every_login_fails() {
    let store = two::<Store>();
    let backup = store.backup();
    let pool = store.pool();
    known(&pool);
    let away = store.path.with_extension("away");
    fs::rename(&store.path, &away).unwrap();
    for _ in 0..3 {
        assert_eq!(login(&pool, "1", "alice's"), FAILED);
    }
    fs::rename(&away, &store.path).unwrap();
    // Still the hash that was verified.
    let (answer, needed) = hashed(&pool, "1", "alice's");
    is_alice(&answer);
    assert!(!needed);

    fs::remove_file(&store.path).unwrap();
    assert_eq!(login(&pool, "1", "alice's"), FAILED);
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(store.side_file(suffix));
    }
    assert_eq!(login(&pool, "1", "alice's"), FAILED);
    fs::copy(&backup, &store.path).unwrap();
    is_alice(&login(&pool, "1", "alice's"));
    store.is_sound();
}

#[test]
fn with_garbage_in_the_file_every_login_fails() {
    let store = two::<Store>();
    let backup = store.backup();
    let pool = store.pool();
    known(&pool);
    let good = fs::read(&backup).unwrap();
    let mut noise = good.clone();
    noise[4096..].fill(0xa5);
    for bad in [vec![b'x'; good.len()], Vec::new(), noise] {
        // Once the server has closed it, all there is of the store is in the file.
        wait_for(|| !store.side_file("-wal").exists());
        fs::write(&store.path, &bad).unwrap();
        assert_eq!(login(&pool, "1", "alice's"), FAILED, "{} bytes", bad.len());
        fs::write(&store.path, &good).unwrap();
        is_alice(&login(&pool, "1", "alice's"));
    }
    store.is_sound();
}

/// Logins of every kind are noted, and nothing else is: once a second, and at the end.
#[test]
fn logins_are_noted_in_time() {
    let store = two::<Store>();
    let pool = store.pool();
    let last = |id: usize| store.last_logins()[id - 1];
    is_alice(&login(&pool, "1", "alice's"));
    wait_for(|| last(1).is_some());
    assert_eq!(last(2), None);

    // Known by now, so that no thread is asked.
    store.sql("UPDATE members SET last_login_at = NULL");
    is_alice(&login(&pool, "alice", "alice's"));
    known(&pool);
    wait_for(|| last(1).is_some());

    // In the midst of refusals, too.
    store.sql("UPDATE members SET last_login_at = NULL");
    known(&pool);
    wait_for(|| {
        assert_eq!(login(&pool, "2", "wrong"), WRONG);
        last(1).is_some()
    });

    store.sql("UPDATE members SET last_login_at = 7");
    known(&pool);
    pool.close(PATIENCE);
    assert!(last(1).unwrap() > 7, "noted as the pool ends");
    assert_eq!(last(2), Some(7));
}

#[test]
fn notes_wait_for_a_writer() {
    let store = two::<Store>();
    let pool = store.pool();
    let other = Connection::open(&store.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    is_alice(&login(&pool, "1", "alice's"));
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(2500) {
        known(&pool);
        thread::sleep(Duration::from_millis(50));
    }
    other.execute_batch("ROLLBACK").unwrap();
    wait_for(|| store.last_logins()[0].is_some());
}

/// All members reconnect at once after the server was off the network.
fn ten_thousand_come_back_at_once<P: Place>() {
    const MEMBERS: i64 = 10_000;
    let store = P::with(&[]);
    let hash = cheap("secret");
    let row = |id| format!("({id}, 'm{id}', 'm{id}', 'M', '{}')", hash.as_str());
    let rows: Vec<_> = (1..=MEMBERS).map(row).collect();
    store.sql(&format!(
        "INSERT INTO members (id, nick, nick_key, name, password) VALUES {}",
        rows.join(", ")
    ));

    let pool = store.pool_of(&PoolOptions {
        queue: MEMBERS as usize,
        patience: PATIENCE,
        ..PoolOptions::default()
    });
    let all_log_in = || {
        let start = Instant::now();
        let (answers, answered) = mpsc::channel();
        let ticket = ticket();
        for id in 1..=MEMBERS {
            let answers = answers.clone();
            let reply = move |_, answer| answers.send((id, answer)).unwrap();
            pool.submit(
                identify(&id.to_string(), "secret"),
                Reply::new(ticket, reply),
            );
        }
        for _ in 0..MEMBERS {
            match answered.recv_timeout(PATIENCE).unwrap() {
                (id, Answer::Member(member)) => assert_eq!(member.id.0, id),
                (id, answer) => panic!("{id} gets {answer:?}"),
            }
        }
        start.elapsed()
    };
    let first = all_log_in();
    let work = pool.work();
    let again = all_log_in();
    eprintln!("{first:?}, and {again:?} when they came back");
    assert_eq!(pool.work(), work, "nobody is hashed for twice");
}

/// A backup may come back in two parts. Whoever opens it between them, or while the second is being
/// copied, loses what is in that.
#[test]
fn a_file_that_replaced_another_is_not_opened_to_note_logins() {
    let other = two::<Store>();
    let writer = Connection::open(&other.path).unwrap();
    writer
        .execute_batch("PRAGMA wal_autocheckpoint = 0; UPDATE members SET name = 'A.' WHERE id = 1")
        .unwrap();
    let store = two::<Store>();
    let pool = store.pool();
    known(&pool);
    fs::remove_file(&store.path).unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(store.side_file(suffix));
    }
    fs::copy(&other.path, &store.path).unwrap();
    let log = store.side_file("-wal");
    let copied = fs::copy(other.side_file("-wal"), &log).unwrap();
    assert!(copied > 0);
    // Long enough for the logins to be noted, and for the store to be put away.
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(fs::metadata(&log).map(|log| log.len()).ok(), Some(copied));
    let Answer::Member(alice) = login(&pool, "1", "alice's") else {
        panic!("denied");
    };
    assert_eq!(&*alice.name, "A.");
}
