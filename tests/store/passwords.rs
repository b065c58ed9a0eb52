//! Another password: the old one is checked like at a login, and refused from the answer on.

use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use flashgate::login::{Pool, PoolOptions};
use flashgate::password::Hash;
use flashgate::store::{Active, NewMember};
use flashgate_core::{
    Answer, Denial, MemberId, MemberStore, Query, Reply, Secret, Source, Unavailable,
};
use rusqlite::Connection;

use crate::fixture::{PATIENCE, Place, Store, WRONG, is_alice, login, member, ticket, wait_for};

fn change(pool: &Pool, id: i64, old: &str, new: &str) -> Answer {
    let (answer, answered) = mpsc::channel();
    let reply = move |_, said| answer.send(said).unwrap();
    let query = Query::ChangePassword {
        member: MemberId(id),
        old: Secret::new(old),
        new: Secret::new(new),
        source: Source::Address([192, 0, 2, 1].into()),
    };
    pool.submit(query, Reply::new(ticket(), reply));
    answered.recv_timeout(PATIENCE).expect("an answer in time")
}

fn denied(why: Denial, id: i64) -> Answer {
    Answer::Denied(why, Some(MemberId(id)))
}

#[test]
fn the_old_password_is_refused_at_once() {
    let store = Store::with(&[
        member(1, "alice", Active::Yes),
        member(2, "bob", Active::No),
    ]);
    let [one, other] = [(); 2].map(|()| store.pool());
    // Both servers remember that it was right.
    for pool in [&one, &other] {
        is_alice(&login(pool, "1", "alice's"));
        is_alice(&login(pool, "alice", "alice's"));
    }
    assert_eq!(
        change(&one, 1, "alice's", "new one"),
        Answer::PasswordChanged
    );
    for pool in [&one, &other] {
        for id in ["1", "alice"] {
            assert_eq!(login(pool, id, "alice's"), WRONG, "{id}");
            is_alice(&login(pool, id, "new one"));
        }
    }
    assert_eq!(
        change(&other, 1, "alice's", "x"),
        denied(Denial::WrongPassword, 1)
    );
    assert_eq!(change(&other, 2, "bob's", "x"), denied(Denial::Inactive, 2));
    assert_eq!(
        change(&other, 3, "x", "x"),
        Answer::Denied(Denial::Unknown, None)
    );
    // The last of two changes counts.
    assert_eq!(
        change(&other, 1, "new one", "newer"),
        Answer::PasswordChanged
    );
    assert_eq!(login(&one, "1", "new one"), WRONG);
    is_alice(&login(&one, "1", "newer"));
    let row = &store.rows()[0];
    assert!(row.contains("|$argon2id$v=19$m=19456,t=2,p=1$"), "{row}");
    store.is_sound();
}

#[test]
fn a_password_that_identify_could_not_send_is_refused() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool();
    let (longest, too_long) = ("é".repeat(512), "x".repeat(1025));
    for new in ["", " x", "x\t", "a\nb", "a\rb", &too_long] {
        let answer = change(&pool, 1, "alice's", new);
        assert_eq!(answer, Answer::PasswordNotAllowed, "{new:?}");
        // Only a client that knows the old one learns that.
        assert_eq!(change(&pool, 1, "x", new), denied(Denial::WrongPassword, 1));
    }
    is_alice(&login(&pool, "1", "alice's"));
    assert_eq!(
        change(&pool, 1, "alice's", &longest),
        Answer::PasswordChanged
    );
    is_alice(&login(&pool, "1", &longest));
}

/// The hash of the old password is still to be renewed when the password is changed: that comes too late.
#[test]
fn an_old_hash_is_not_renewed_over_a_new_password() {
    let alice = NewMember {
        // The MD5 of `password1`.
        password: Hash::parse("7c6a180b36896a0a8c02787eeafb0e4c").unwrap(),
        ..member(1, "alice", Active::Yes)
    };
    let store = Store::with(&[alice]);
    let pool = store.pool();
    is_alice(&login(&pool, "1", "password1"));
    wait_for(|| {
        let answer = change(&pool, 1, "password1", "new");
        assert!(matches!(
            answer,
            Answer::PasswordChanged | Answer::Unavailable(Unavailable::Busy)
        ));
        answer == Answer::PasswordChanged
    });
    pool.close(PATIENCE);
    let pool = store.pool();
    assert_eq!(login(&pool, "1", "password1"), WRONG);
    is_alice(&login(&pool, "1", "new"));
}

#[test]
fn a_store_that_cannot_be_written_changes_nothing() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool();
    is_alice(&login(&pool, "1", "alice's"));
    let other = Connection::open(&store.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let failed = Answer::Unavailable(Unavailable::Failed);
    thread::scope(|scope| {
        let changes = scope.spawn(|| change(&pool, 1, "alice's", "new"));
        // Others log in meanwhile.
        for _ in 0..10 {
            is_alice(&login(&pool, "1", "alice's"));
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(changes.join().unwrap(), failed);
    });
    is_alice(&login(&pool, "1", "alice's"));
    // A short wait does no harm.
    thread::scope(|scope| {
        let changes = scope.spawn(|| change(&pool, 1, "alice's", "new"));
        thread::sleep(Duration::from_millis(300));
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(changes.join().unwrap(), Answer::PasswordChanged);
    });
    is_alice(&login(&pool, "1", "new"));
    drop(other);
    fs::remove_file(&store.path).unwrap();
    assert_eq!(change(&pool, 1, "new", "newer"), failed);
}

/// A client that is told to try again later must not find the password changed.
#[test]
fn a_change_that_waited_too_long_is_not_made() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool_of(&PoolOptions {
        patience: Duration::ZERO,
        ..PoolOptions::default()
    });
    let late = Answer::Unavailable(Unavailable::TimedOut);
    assert_eq!(change(&pool, 1, "alice's", "new"), late);
    is_alice(&login(&store.pool(), "1", "alice's"));
}
