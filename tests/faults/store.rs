//! A member store that another program locks, deletes or damages.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::crowd::Manners;
use crate::scene::Scene;

/// The store is locked, deleted, filled with garbage and put back. Meanwhile logins get "try later" and all others chat
/// on. Afterwards logins work again.
pub(crate) fn the_store_breaks(runtime: &'static str) {
    let scene = Scene::open(runtime, "a broken store", Manners::GOOD, &[]);
    let start = std::time::Instant::now();
    scene.until_settled();
    let backup = scene.folder.path().join("backup.db");
    let copy = format!("VACUUM INTO '{}'", backup.display());
    connect(&scene.store())
        .execute_batch(&copy)
        .expect("a copy");
    loop {
        locked(&scene, &backup);
        deleted(&scene, &backup);
        garbage(&scene, &backup);
        if start.elapsed() >= scene.length() {
            break;
        }
    }
    let judged = scene.close();
    let seen = &judged[0].seen;
    assert!(seen.contains_key("login unavailable"), "{}", judged[0]);
}

/// Another program locks the store for longer than a login waits. The journal of an open store cannot be changed, so a
/// locked copy takes its place.
fn locked(scene: &Scene, backup: &Path) {
    let copy = scene.folder.path().join("locked.db");
    fs::copy(backup, &copy).expect("a copy");
    let other = connect(&copy);
    let journal = other.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()));
    journal.expect("nobody else has it open");
    other.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    fs::rename(&copy, scene.store()).expect("the same folder");
    nobody_logs_in(scene);
    other.execute_batch("ROLLBACK").expect("the lock was held");
    scene.until_more("logins", |counts| &counts.logins, 3);
    put_back(scene, backup);
}

fn deleted(scene: &Scene, backup: &Path) {
    for file in side_files(scene) {
        let _ = fs::remove_file(file);
    }
    fs::remove_file(scene.store()).expect("it is there");
    nobody_logs_in(scene);
    put_back(scene, backup);
}

fn garbage(scene: &Scene, backup: &Path) {
    let garbage: Vec<u8> = (0..40_000_u32).map(|n| (n * n / 7) as u8).collect();
    fs::write(scene.store(), garbage).expect("it may be written");
    nobody_logs_in(scene);
    put_back(scene, backup);
}

/// Checks that members who are online chat on.
fn nobody_logs_in(scene: &Scene) {
    scene.until_more("refusals", |counts| &counts.later, 5);
    scene.until_more("messages", |counts| &counts.messages, 5);
    scene.until_more("answers", |counts| &counts.pongs, 10);
}

/// Replaces the store by renaming, as the manual says.
fn put_back(scene: &Scene, backup: &Path) {
    let copy = scene.folder.path().join("copy.db");
    fs::copy(backup, &copy).expect("a copy");
    fs::rename(&copy, scene.store()).expect("the same folder");
    scene.until_more("logins", |counts| &counts.logins, 5);
}

fn side_files(scene: &Scene) -> [PathBuf; 2] {
    ["-wal", "-shm"].map(|suffix| {
        let mut name = scene.store().into_os_string();
        name.push(suffix);
        name.into()
    })
}

fn connect(path: &Path) -> Connection {
    Connection::open(path).expect("a store")
}
