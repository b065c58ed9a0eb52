//! NICK in the store: who may have which nick, and which nicks are given up.

use std::sync::mpsc;

use flashgate::login::{Pool, PoolOptions};
use flashgate::store::{Active, Change, Members, Nick, Number};
use flashgate_core::{Answer, Denial, Member, MemberId, MemberStore, Query, Reply, Source};

use crate::fixture::{FAILED, PATIENCE, Place, Store, UNKNOWN, login, member, ticket};

fn three() -> Store {
    Store::with(&[
        member(1, "alice", Active::Yes),
        member(2, "bob", Active::Yes),
        member(3, "carol", Active::No),
    ])
}

/// What the pool answers to a member that wants a nick.
fn wants(pool: &Pool, id: i64, nick: &str) -> Answer {
    let (answer, answered) = mpsc::channel();
    let query = Query::Rename {
        member: MemberId(id),
        nick: nick.into(),
        source: Source::Address([192, 0, 2, 1].into()),
    };
    let reply = move |_, said| answer.send(said).unwrap();
    pool.submit(query, Reply::new(ticket(), reply));
    answered.recv_timeout(PATIENCE).expect("an answer in time")
}

fn is(id: i64, nick: &str, was: &str) -> Answer {
    Answer::Renamed(Member {
        id: MemberId(id),
        nick: nick.into(),
        name: format!("Name of {was}").into(),
    })
}

#[test]
fn a_nick_is_given_once() {
    let store = three();
    let pool = store.pool();
    assert_eq!(wants(&pool, 1, "Bob"), Answer::Taken);
    assert_eq!(
        wants(&pool, 1, "CAROL"),
        Answer::Taken,
        "she may not log in"
    );
    assert_eq!(wants(&pool, 1, "Zoë"), is(1, "Zoë", "alice"));
    assert_eq!(wants(&pool, 2, "zOË"), Answer::Taken);
    // Another letter case, which gives nothing up.
    assert_eq!(wants(&pool, 1, "zoë"), is(1, "zoë", "alice"));
    assert_eq!(login(&pool, "alice", "alice's"), UNKNOWN);
    assert!(matches!(login(&pool, "zoë", "alice's"), Answer::Member(_)));
    let nobody = |id| Answer::Denied(Denial::Unknown, Some(MemberId(id)));
    assert_eq!(wants(&pool, 9, "nine"), nobody(9));
    assert_eq!(wants(&pool, 3, "caro"), nobody(3));
    assert_eq!(store.rows()[0].split('|').nth(2), Some("zoë"));
    // A nick that SQL has set without its key.
    store.sql("UPDATE members SET nick = 'robert' WHERE id = 2");
    assert_eq!(wants(&pool, 1, "robert"), Answer::Taken);
}

#[test]
fn a_nick_that_was_given_up_is_taken_for_others_for_a_day() {
    let store = three();
    let pool = store.pool();
    assert_eq!(wants(&pool, 1, "a2"), is(1, "a2", "alice"));
    assert_eq!(wants(&pool, 2, "Alice"), Answer::Taken);
    let ages = |hours: i64| store.sql(&format!("UPDATE given_up SET at = at - {hours} * 3600"));
    ages(23);
    // A further one is kept beside it.
    store.sql("UPDATE members SET nick = 'c2', nick_key = 'c2' WHERE id = 3");
    assert_eq!(wants(&pool, 2, "alice"), Answer::Taken);
    assert_eq!(wants(&pool, 1, "alice"), is(1, "alice", "alice"));
    assert_eq!(wants(&pool, 2, "a2"), Answer::Taken);
    ages(24);
    assert_eq!(wants(&pool, 2, "a2"), is(2, "a2", "bob"));
    // What is over is forgotten.
    let rows = |store: &Store| -> Vec<String> {
        let connection = rusqlite::Connection::open(&store.path).unwrap();
        let mut all = connection
            .prepare("SELECT nick_key FROM given_up ORDER BY seq")
            .unwrap();
        let rows = all.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(rows(&store), ["bob"]);
    // The last three of a member.
    for nick in ["b3", "b4", "b5"] {
        assert_eq!(wants(&pool, 2, nick), is(2, nick, "bob"));
    }
    assert_eq!(rows(&store), ["a2", "b3", "b4"]);
    assert_eq!(wants(&pool, 1, "b4"), Answer::Taken);
    assert_eq!(wants(&pool, 1, "bob"), is(1, "bob", "alice"));
}

#[test]
fn whatever_changes_a_nick_gives_it_up() {
    let store = three();
    let pool = store.pool();
    let number = |id| Number::new(id).unwrap();
    let nick = |text| Nick::new(text).unwrap();
    store.sql("UPDATE members SET nick = 'a2', nick_key = 'a2' WHERE id = 1");
    assert_eq!(wants(&pool, 2, "alice"), Answer::Taken);
    store.sql("DELETE FROM members WHERE id = 3");
    assert_eq!(wants(&pool, 2, "carol"), Answer::Taken);
    store.sql(
        "REPLACE INTO members (id, nick, nick_key, name, password) VALUES (1, 'a3', 'a3', 'A', '')",
    );
    assert_eq!(wants(&pool, 2, "a2"), Answer::Taken);
    // The operator may give it away, and then it is nobody else's.
    let mut members = Members::open(&store.path).unwrap();
    assert_eq!(members.given_up(&nick("ALICE"), number(2)), Ok(Some(1)));
    assert_eq!(members.given_up(&nick("alice"), number(1)), Ok(None));
    assert_eq!(
        members.rename(number(2), &nick("alice"), None),
        Ok(Change::Done)
    );
    assert_eq!(members.given_up(&nick("alice"), number(9)), Ok(None));
    members.add(&member(4, "carol", Active::Yes)).unwrap();
    assert_eq!(members.given_up(&nick("carol"), number(9)), Ok(None));
    assert_eq!(wants(&pool, 1, "alice"), Answer::Taken);
    store.is_sound();
}

#[test]
fn a_store_in_memory_changes_nicks_and_one_that_is_locked_does_not() {
    let options = PoolOptions::default();
    let pool = Pool::in_memory(&[member(1, "alice", Active::Yes)], &options).unwrap();
    assert_eq!(wants(&pool, 1, "a2"), is(1, "a2", "alice"));
    let store = three();
    let pool = store.pool();
    let other = rusqlite::Connection::open(&store.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(wants(&pool, 1, "a2"), FAILED);
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(wants(&pool, 1, "a2"), is(1, "a2", "alice"));
}

/// A login is noted for the member under its new nick.
#[test]
fn a_login_just_before_the_change_is_noted() {
    let store = three();
    let pool = store.pool();
    assert!(matches!(login(&pool, "1", "alice's"), Answer::Member(_)));
    assert_eq!(wants(&pool, 1, "a2"), is(1, "a2", "alice"));
    pool.close(PATIENCE);
    assert!(store.last_logins()[0].is_some());
}
