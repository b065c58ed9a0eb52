//! A file that is deleted, replaced, damaged, locked or put back under a running server.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use flashgate::login::{Pool, PoolOptions};
use flashgate::store::{Active, Fault, Members};
use flashgate_core::{Answer, MemberStore, Reply};
use rusqlite::Connection;

use crate::fixture::{
    FAILED, PATIENCE, Place, Store, UNKNOWN, WRONG, cheap, identify, is_alice, login, member,
    ticket, wait_for,
};

#[test]
fn a_file_that_is_moved_away_and_back() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool();
    is_alice(&login(&pool, "1", "alice's"));
    let away = store.path.with_extension("away");
    fs::rename(&store.path, &away).unwrap();
    for _ in 0..3 {
        assert_eq!(login(&pool, "1", "alice's"), FAILED);
        assert_eq!(login(&pool, "99", "x"), FAILED);
    }
    assert!(
        !store.path.exists(),
        "a store that is gone is not made anew"
    );
    fs::rename(&away, &store.path).unwrap();
    is_alice(&login(&pool, "1", "alice's"));
    store.is_sound();
}

#[test]
fn a_file_that_is_deleted_and_restored() {
    for rest in [&["-wal", "-shm"][..], &["-wal"], &["-shm"], &[]] {
        let store = Store::with(&[member(1, "alice", Active::Yes)]);
        let backup = store.backup();
        let pool = store.pool();
        is_alice(&login(&pool, "1", "alice's"));
        fs::remove_file(&store.path).unwrap();
        for suffix in rest {
            fs::remove_file(store.side_file(suffix)).unwrap();
        }
        assert_eq!(login(&pool, "1", "alice's"), FAILED, "{rest:?}");
        fs::copy(&backup, &store.path).unwrap();
        is_alice(&login(&pool, "1", "alice's"));
        store.is_sound();
    }
}

/// The write-ahead log of the old file must not be played into the new one.
#[test]
fn a_file_that_is_replaced_by_another() {
    let store = Store::with(&[
        member(1, "alice", Active::Yes),
        member(2, "bob", Active::Yes),
    ]);
    let other = Store::with(&[member(1, "carol", Active::Yes)]);
    let pool = store.pool();
    is_alice(&login(&pool, "1", "alice's"));
    // Something is in the log that is not in the file, and the server has met it.
    store.sql("UPDATE members SET name = 'A.' WHERE id = 1");
    is_alice(&login(&pool, "1", "alice's"));
    let wal = fs::metadata(store.side_file("-wal")).unwrap();
    assert!(wal.len() > 0);

    let staged = store.path.with_extension("new");
    fs::copy(other.backup(), &staged).unwrap();
    fs::rename(&staged, &store.path).unwrap();
    assert_eq!(login(&pool, "1", "alice's"), WRONG);
    // Put aside, not removed.
    assert!(store.side_file("-wal.stale").exists());
    assert_eq!(login(&pool, "2", "bob's"), UNKNOWN);
    assert!(matches!(login(&pool, "1", "carol's"), Answer::Member(_)));
    store.is_sound();
    let members = Members::open(&store.path).unwrap();
    assert_eq!(members.count().unwrap(), 1);
}

#[test]
fn a_file_that_is_damaged_and_restored_in_place() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let backup = store.backup();
    let pool = store.pool();
    is_alice(&login(&pool, "1", "alice's"));
    let length = fs::metadata(&store.path).unwrap().len() as usize;
    let good = fs::read(&backup).unwrap();
    // No database, an empty file, half a file, and a page of noise behind a good first page.
    let mut noise = good.clone();
    noise[4096..].fill(0xa5);
    for bad in [vec![b'x'; length], Vec::new(), good[..5000].to_vec(), noise] {
        // Whatever the connection had left to write is written before the damage is done.
        wait_for(|| fs::metadata(store.side_file("-wal")).map_or(0, |wal| wal.len()) == 0);
        fs::write(&store.path, &bad).unwrap();
        assert_eq!(login(&pool, "1", "alice's"), FAILED, "{} bytes", bad.len());
        assert_eq!(
            fs::metadata(&store.path).unwrap().len(),
            bad.len() as u64,
            "left alone"
        );
        fs::write(&store.path, &good).unwrap();
        is_alice(&login(&pool, "1", "alice's"));
    }
    store.is_sound();
}

#[test]
fn a_store_that_is_locked() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool();
    let other = Connection::open(&store.path).unwrap();

    // A writer blocks no login; it only keeps the login from being noted.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    is_alice(&login(&pool, "1", "alice's"));
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);

    // Another journal can lock readers out. It takes the place of the store, since a server that
    // has it open does not let its journal be changed.
    let locked = store.path.with_extension("locked");
    fs::copy(store.backup(), &locked).unwrap();
    let other = Connection::open(&locked).unwrap();
    other
        .query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
        .unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    fs::rename(&locked, &store.path).unwrap();
    let start = Instant::now();
    assert_eq!(login(&pool, "1", "alice's"), FAILED);
    let waited = start.elapsed();
    assert!(
        waited > Duration::from_secs(1),
        "{waited:?}: a short lock is waited for"
    );
    assert!(
        waited < Duration::from_secs(10),
        "{waited:?}: the core's limit is 10 s"
    );
    other.execute_batch("ROLLBACK").unwrap();
    is_alice(&login(&pool, "1", "alice's"));
}

#[test]
fn a_newer_schema_is_refused() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool();
    store.sql("PRAGMA user_version = 1000");
    // Makes sure that the file itself has changed, not only its log.
    store.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    assert_eq!(login(&pool, "1", "alice's"), FAILED);
    let error = Members::open(&store.path).unwrap_err();
    assert_eq!(error.fault, Fault::Newer { found: 1000 });
    let error = Members::open_or_create(&store.path).unwrap_err();
    assert!(error.to_string().contains("newer flashgate"), "{error}");
    store.sql("PRAGMA user_version = 3");
    store.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    is_alice(&login(&pool, "1", "alice's"));
}

#[test]
fn a_store_is_never_made_by_looking() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.db");
    assert_eq!(Members::open(&path).unwrap_err().fault, Fault::Missing);
    let error = Pool::open(&path, &PoolOptions::default()).unwrap_err();
    assert_eq!(error.fault, Fault::Missing);
    assert!(error.to_string().contains("members add"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A backup that is copied into place finds no log beside it, and a log that another program begins beside it is not
/// taken for the server's own.
#[test]
fn a_quiet_store_has_no_side_files() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool();
    for (password, expected) in [("alice's", true), ("wrong", false)] {
        let answer = login(&pool, "1", password);
        assert_eq!(matches!(answer, Answer::Member(_)), expected);
        wait_for(|| !store.side_file("-wal").exists() && !store.side_file("-shm").exists());
    }
    is_alice(&login(&pool, "1", "alice's"));
}

/// A server that is never quiet writes its log into the file all the same.
#[test]
fn a_busy_store_does_not_keep_its_log_for_long() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool();
    let before = fs::read(&store.path).unwrap();
    is_alice(&login(&pool, "1", "alice's"));
    let logged = |path: &Path| fs::metadata(path).map_or(0, |wal| wal.len());
    wait_for(|| {
        assert_eq!(login(&pool, "1", "wrong"), WRONG);
        logged(&store.side_file("-wal")) == 0 && fs::read(&store.path).unwrap() != before
    });
}

/// What others have committed beside the new file is never taken for the old file's log.
#[test]
fn a_member_added_to_a_file_that_replaced_another() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let other = Store::with(&[member(1, "carol", Active::Yes)]);
    let pool = store.pool();
    is_alice(&login(&pool, "1", "alice's"));
    let logged = |path: &Path| fs::metadata(path).map_or(0, |wal| wal.len());
    wait_for(|| logged(&store.side_file("-wal")) == 0);

    fs::rename(other.backup(), &store.path).unwrap();
    let mut members = Members::open(&store.path).unwrap();
    members.add(&member(2, "dave", Active::Yes)).unwrap();
    assert!(matches!(login(&pool, "2", "dave's"), Answer::Member(_)));
    assert_eq!(login(&pool, "1", "alice's"), WRONG);
    assert_eq!(members.count().unwrap(), 2);
    drop((members, pool));
    store.is_sound();
    assert_eq!(Members::open(&store.path).unwrap().count().unwrap(), 2);
}

/// Likewise while the server still has the old file open.
#[test]
fn a_member_added_by_another_process_as_soon_as_the_file_is_replaced() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let other = Store::with(&[member(1, "carol", Active::Yes)]);
    let pool = store.pool();
    let backup = other.backup();
    for id in 2..5 {
        assert_eq!(login(&pool, "1", "wrong"), WRONG);
        let staged = store.path.with_extension("new");
        fs::copy(&backup, &staged).unwrap();
        fs::rename(&staged, &store.path).unwrap();
        let hash = cheap("dave's");
        let csv = format!(
            "id,nick,name,password,active\n{id},dave,D,\"{}\",1\n",
            hash.as_str()
        );
        let done = import(store.path.parent().unwrap(), &csv, "members.db");
        assert!(done.status.success(), "{done:?}");
        let answer = login(&pool, &id.to_string(), "dave's");
        assert!(matches!(answer, Answer::Member(_)), "{answer:?}");
        // Of the login that was noted, nothing is in a log that the next file would meet.
        wait_for(|| !store.side_file("-wal").exists());
    }
    store.is_sound();
}

/// To SQLite, these mean no file.
#[test]
fn every_path_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:m.db?mode=memory", "file::memory:"] {
        let import = |csv: &str| import(folder.path(), csv, name);
        let hash = cheap("x");
        let head = "id,nick,name,password,active";
        let done = import(&format!("{head}\n1,a,A,\"{}\",1\n", hash.as_str()));
        assert!(done.status.success(), "{done:?}");
        let members = Members::open(&folder.path().join(name)).unwrap();
        assert_eq!(members.count().unwrap(), 1, "{name}");
    }
    let error = Members::open_or_create(Path::new("")).unwrap_err();
    assert_eq!(error.fault, Fault::NoPath);
    assert!(error.to_string().contains("--members"), "{error}");
    assert_eq!(Members::open(Path::new("")).unwrap_err(), error);
}

/// Reading waits for no writer, and does not write itself.
#[test]
fn a_store_that_is_written_to_can_be_listed() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let writer = Connection::open(&store.path).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    // To wait for the writer would end in an error: it goes on for as long as the test.
    let members = Members::open(&store.path).unwrap();
    assert_eq!(members.list().unwrap().len(), 1);
}

/// A login does not wait for the waits of earlier logins.
#[test]
fn a_locked_store_keeps_nobody_waiting_twice() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    store.sql("PRAGMA journal_mode = DELETE");
    let pool = store.pool();
    let other = Connection::open(&store.path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let start = Instant::now();
    let (answers, answered) = mpsc::channel();
    for _ in 0..6 {
        let answers = answers.clone();
        let reply = move |_, answer| answers.send(answer).unwrap();
        pool.submit(identify("1", "alice's"), Reply::new(ticket(), reply));
    }
    for _ in 0..6 {
        assert_eq!(answered.recv_timeout(PATIENCE).unwrap(), FAILED);
    }
    let waited = start.elapsed();
    // Each of them waits 2 s for a lock.
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    other.execute_batch("ROLLBACK").unwrap();
    is_alice(&login(&pool, "1", "alice's"));
}

#[test]
fn a_file_that_is_refused_makes_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let head = "id,nick,name,password,active\n";
    let bad = import(folder.path(), &format!("{head}1,a,A,x,1\n"), "m.db");
    let said = String::from_utf8(bad.stderr).unwrap();
    assert_eq!(bad.status.code(), Some(65), "{said}");
    assert!(said.contains("m.csv has 1 fault, nothing"), "{said}");
    let none = import(folder.path(), head, "m.db");
    let said = String::from_utf8(none.stdout).unwrap();
    assert!(none.status.success());
    assert!(said.contains("nothing to import"), "{said}");
    assert!(!folder.path().join("m.db").exists());
}

/// Imports in a process of its own, whose folder can be chosen.
fn import(folder: &Path, csv: &str, store: &str) -> Output {
    fs::write(folder.join("m.csv"), csv).unwrap();
    Command::new(env!("CARGO_BIN_EXE_flashgate"))
        .args(["members", "import", "m.csv", "--members", store])
        .current_dir(folder)
        .output()
        .unwrap()
}
