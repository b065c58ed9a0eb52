//! Stores that are replaced, damaged or locked under a connection.

use std::fs;
use std::sync::mpsc;

use flashgate_core::{MemberEvent, MemberId, Secret};

use rusqlite::Connection;

use super::super::members::{Active, NewMember};
use super::*;
use crate::password::Hash;
use flashgate_core::name::{Name, Nick, Number};

/// Makes a store of alice alone.
fn make(path: &Path) {
    let (mut members, _) = Members::open_or_create(path).unwrap();
    let alice = NewMember {
        id: Number::new(1).unwrap(),
        nick: Nick::new("alice").unwrap(),
        name: Name::new("Alice").unwrap(),
        password: Hash::new(&Secret::new("secret1")).unwrap(),
        active: Active::Yes,
    };
    members.add(&alice).unwrap();
}

fn sql<T: rusqlite::types::FromSql>(path: &Path, query: &str) -> T {
    let connection = Connection::open(path).unwrap();
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

/// The file is replaced between the look at it and its opening.
#[test]
fn logins_are_noted_in_the_file_that_allowed_them() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("m.db"), folder.path().join("other.db"));
    make(&path);
    make(&other);
    for is_replaced in [true, false] {
        let mut lookups = Lookups::file(&path, Duration::MAX).unwrap();
        let found = lookups.find(&Login::parse("alice"), Instant::now());
        assert!(lookups.note_login(&found.unwrap().unwrap()));
        lookups.write_notes_when(|| {
            if is_replaced {
                fs::rename(&other, &path).unwrap();
            }
        });
        drop(lookups);
        let noted: Option<i64> = sql(&path, "SELECT last_login_at FROM members");
        assert_eq!(noted.is_some(), !is_replaced);
    }
}

/// The next lookups tell what those missed that were given up, and these tell nothing any more.
#[test]
fn an_heir_tells_what_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.db");
    make(&path);
    let mut stuck = Lookups::file(&path, Duration::MAX).unwrap();
    let (tell, told) = mpsc::channel();
    stuck.watch(Box::new(move |event| tell.send(event).unwrap()));
    let found = stuck.find(&Login::parse("alice"), Instant::now());
    assert!(stuck.note_login(&found.unwrap().unwrap()));
    let mut heir = stuck.heir().unwrap().lookups();
    heir.set_beside_stuck(true);
    let connection = Connection::open(&path).unwrap();
    let disable = "UPDATE members SET active = 0";
    connection.execute_batch(disable).unwrap();
    stuck.quiet();
    assert_eq!(told.try_recv().ok(), None);
    heir.quiet();
    assert_eq!(told.try_recv(), Ok(MemberEvent::Disabled(MemberId(1))));
    let found = heir.find(&Login::parse("alice"), Instant::now());
    assert!(found.unwrap().is_some());
    // A second connection could harm that of the stuck thread.
    assert!(heir.open.is_none());
    heir.set_beside_stuck(false);
    drop(stuck);
    heir.find(&Login::parse("alice"), Instant::now()).unwrap();
    assert!(heir.open.is_some());
}

/// A view that never ends in place of the table.
#[test]
fn a_lookup_ends_that_computes_for_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.db");
    make(&path);
    let mut lookups = Lookups::file(&path, Duration::from_millis(20)).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "ALTER TABLE members RENAME TO others;
             CREATE VIEW members AS
             WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n)
             SELECT n AS id, nick, name, password, active, last_login_at
             FROM n LEFT JOIN others ON others.id = 0 WHERE length(n) < 0;",
        )
        .unwrap();
    let mut find = || lookups.find(&Login::parse("1"), Instant::now());
    for _ in 0..2 {
        let error = find().err().expect("it never ends");
        assert!(matches!(error.fault, Fault::Slow(_)), "{error}");
    }
    connection
        .execute_batch("DROP VIEW members; ALTER TABLE others RENAME TO members;")
        .unwrap();
    // On a busy machine a lookup may take 20 ms.
    let end = Instant::now() + Duration::from_secs(20);
    let mut found = find();
    while found.is_err() && Instant::now() < end {
        found = find();
    }
    assert!(found.unwrap().is_some());
}

/// A closed file's inode may be given to another file, which would then get the logins.
#[test]
fn a_store_stays_open_while_logins_wait_to_be_noted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.db");
    make(&path);
    let mut lookups = Lookups::file(&path, Duration::MAX).unwrap();
    let found = lookups.find(&Login::parse("alice"), Instant::now());
    assert!(lookups.note_login(&found.unwrap().unwrap()));
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    lookups.idle();
    assert!(lookups.open.is_some());
    drop(writer);
    lookups.idle();
    assert!(lookups.open.is_none());
}
