//! A file that is deleted, replaced, damaged, locked or put back under a running server.

use std::fs;
use std::time::{Duration, Instant};

use flashgate::members::{Active, Fault, Members, Pool, PoolOptions};
use flashgate_core::Answer;
use rusqlite::Connection;

use crate::fixture::{FAILED, Store, is_alice, login, member, wait_for};

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
    // Something is in the log that is not in the file.
    let wal = fs::metadata(store.side_file("-wal")).unwrap();
    assert!(wal.len() > 0);

    let staged = store.path.with_extension("new");
    fs::copy(other.backup(), &staged).unwrap();
    fs::rename(&staged, &store.path).unwrap();
    assert_eq!(login(&pool, "1", "alice's"), Answer::Denied);
    assert_eq!(login(&pool, "2", "bob's"), Answer::Denied);
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

    // A writer stands in nobody's way; it only keeps the login from being noted.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    is_alice(&login(&pool, "1", "alice's"));
    other.execute_batch("ROLLBACK").unwrap();
    let members = Members::open(&store.path).unwrap();
    assert_eq!(members.list().unwrap()[0].last_login_at, None);
    drop((members, other));

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
        waited < Duration::from_secs(8),
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
    store.sql("PRAGMA user_version = 1");
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

/// So that a backup copied into place finds no log beside it.
#[test]
fn a_quiet_store_has_an_empty_log() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool();
    is_alice(&login(&pool, "1", "alice's"));
    wait_for(|| fs::metadata(store.side_file("-wal")).unwrap().len() == 0);
    is_alice(&login(&pool, "1", "alice's"));
}
