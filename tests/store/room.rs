//! A store in a folder where no files can be made: logins go on, and are noted once files can be made again.

use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;

use flashgate::login::{Pool, PoolOptions};
use flashgate::store::{Active, Members, Number};
use flashgate_core::{Answer, MemberEvent, MemberId};
use rusqlite::Connection;

use crate::fixture::{
    FAILED, INACTIVE, PATIENCE, Place, Store, UNKNOWN, WRONG, is_alice, login, member, wait_for,
};

#[test]
fn no_inodes_are_left() {
    on_a_disk("no_inodes_are_left", "size=2m,nr_inodes=20", |disk| {
        let store = disk.join("members.db");
        fs::copy(trio().backup(), &store).unwrap();
        let pool = Pool::open(&store, &PoolOptions::default()).unwrap();
        wait_for(|| !disk.join("members.db-wal").exists());
        let full = (0..20).take_while(|n| File::create(disk.join(n.to_string())).is_ok());
        assert!(full.count() < 20, "there were more inodes");
        all_is_well(&pool);
        // A server that starts is no worse off.
        all_is_well(&Pool::open(&store, &PoolOptions::default()).unwrap());
        fs::remove_file(disk.join("0")).unwrap();
        fs::remove_file(disk.join("1")).unwrap();
        is_noted(&pool, &store);
    });
}

#[test]
fn a_disk_becomes_read_only() {
    on_a_disk("a_disk_becomes_read_only", "size=2m", |disk| {
        let store = disk.join("members.db");
        fs::copy(trio().backup(), &store).unwrap();
        let pool = Pool::open(&store, &PoolOptions::default()).unwrap();
        is_alice(&login(&pool, "1", "alice's"));
        wait_for(|| !disk.join("members.db-wal").exists());
        mount(&["-o", "remount,ro"], &[disk]);
        all_is_well(&pool);
        all_is_well(&Pool::open(&store, &PoolOptions::default()).unwrap());
        mount(&["-o", "remount,rw"], &[disk]);
        is_noted(&pool, &store);
    });
}

/// A server was killed, so its log holds what the store does not.
#[test]
fn a_disk_is_read_only_and_the_log_holds_something() {
    let test = "a_disk_is_read_only_and_the_log_holds_something";
    on_a_disk(test, "size=2m", |disk| {
        let killed = trio();
        let writer = Connection::open(&killed.path).unwrap();
        let disable = "PRAGMA wal_autocheckpoint = 0; UPDATE members SET active = 0 WHERE id = 2";
        writer.execute_batch(disable).unwrap();
        let (store, log) = (disk.join("members.db"), disk.join("members.db-wal"));
        fs::copy(&killed.path, &store).unwrap();
        fs::copy(killed.side_file("-wal"), &log).unwrap();
        let files = || (fs::read(&store).unwrap(), fs::read(&log).unwrap());
        let before = files();
        assert!(!before.1.is_empty());
        mount(&["-o", "remount,ro"], &[disk]);
        let pool = Pool::open(&store, &PoolOptions::default()).unwrap();
        is_alice(&login(&pool, "1", "alice's"));
        assert_eq!(login(&pool, "2", "bob's"), INACTIVE);
        pool.close(PATIENCE);
        assert!(files() == before, "it was left as it was");

        // What was begun and not finished is in the store itself, and no member.
        mount(&["-o", "remount,rw"], &[disk]);
        fs::write(
            disk.join("members.db-journal"),
            b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7 and so on",
        )
        .unwrap();
        fs::remove_file(&log).unwrap();
        mount(&["-o", "remount,ro"], &[disk]);
        assert!(Pool::open(&store, &PoolOptions::default()).is_err());
    });
}

/// As in a container, which others write to from outside.
#[test]
fn others_change_what_is_read_only_here() {
    on_a_disk("others_change_what_is_read_only_here", "size=4m", |disk| {
        let (outside, inside) = (disk.join("outside"), disk.join("inside"));
        for folder in [&outside, &inside] {
            fs::create_dir(folder).unwrap();
        }
        fs::copy(trio().backup(), outside.join("members.db")).unwrap();
        mount(&["--bind"], &[&outside, &inside]);
        mount(&["-o", "remount,ro,bind"], &[&inside]);
        let pool = Pool::open(&inside.join("members.db"), &PoolOptions::default()).unwrap();
        let (tell, told) = mpsc::channel();
        pool.watch(move |event| tell.send(event).unwrap());
        all_is_well(&pool);
        let mut members = Members::open(&outside.join("members.db")).unwrap();
        members
            .set_active(Number::new(1).unwrap(), Active::No)
            .unwrap();
        drop(members);
        let told = told.recv_timeout(PATIENCE).unwrap();
        assert_eq!(told, MemberEvent::Disabled(MemberId(1)));
        assert_eq!(login(&pool, "1", "alice's"), INACTIVE);
    });
}

#[test]
fn something_else_has_the_names_of_the_files_beside() {
    for suffix in ["-wal", "-shm", "-journal"] {
        for is_folder in [true, false] {
            let store = trio();
            let pool = store.pool();
            let beside = store.side_file(suffix);
            wait_for(|| !store.side_file("-wal").exists());
            if is_folder {
                fs::create_dir(&beside).unwrap();
            } else {
                fs::write(&beside, vec![0xa5; 5000]).unwrap();
            }
            eprintln!("{suffix}, a folder: {is_folder}");
            all_is_well(&pool);
            all_is_well(&store.pool());
            if is_folder {
                fs::remove_dir(&beside).unwrap();
            }
            is_noted(&pool, &store.path);
            store.is_sound();
        }
    }
}

/// The same while the server has the store open.
#[test]
fn the_files_beside_are_taken_away_and_put_back() {
    for suffix in ["-wal", "-shm"] {
        let store = trio();
        let pool = store.pool();
        is_alice(&login(&pool, "1", "alice's"));
        let (beside, away) = (store.side_file(suffix), store.side_file(".away"));
        let is_there = fs::rename(&beside, &away).is_ok();
        fs::create_dir(&beside).unwrap();
        for _ in 0..3 {
            is_alice(&login(&pool, "1", "alice's"));
            assert_eq!(login(&pool, "1", "wrong"), WRONG);
        }
        fs::remove_dir(&beside).unwrap();
        if is_there {
            let _ = fs::rename(&away, &beside);
        }
        is_noted(&pool, &store.path);
        store.is_sound();
    }
}

/// The store itself cannot be read: logins fail until it can be read again.
#[test]
fn a_folder_in_the_place_of_the_store() {
    let store = trio();
    let pool = store.pool();
    let away = store.side_file(".away");
    fs::rename(&store.path, &away).unwrap();
    fs::create_dir(&store.path).unwrap();
    assert_eq!(login(&pool, "1", "alice's"), FAILED);
    assert!(Pool::open(&store.path, &PoolOptions::default()).is_err());
    fs::remove_dir(&store.path).unwrap();
    fs::rename(&away, &store.path).unwrap();
    all_is_well(&pool);
}

/// Alice and Bob may log in, Carol may not.
fn trio() -> Store {
    Store::with(&[
        member(1, "alice", Active::Yes),
        member(2, "bob", Active::Yes),
        member(3, "carol", Active::No),
    ])
}

fn all_is_well(pool: &Pool) {
    // By number, by nick, and known by now.
    for id in ["1", "alice", "1", "alice"] {
        is_alice(&login(pool, id, "alice's"));
    }
    let answer = login(pool, "2", "bob's");
    assert!(matches!(answer, Answer::Member(_)), "{answer:?}");
    for (id, password, denied) in [
        ("1", "wrong", WRONG),
        ("3", "carol's", INACTIVE),
        ("4", "dave's", UNKNOWN),
        ("dave", "", UNKNOWN),
    ] {
        assert_eq!(login(pool, id, password), denied, "{id}");
    }
}

/// Checks that logins are noted in the store now.
fn is_noted(pool: &Pool, store: &Path) {
    all_is_well(pool);
    let all = "SELECT last_login_at IS NOT NULL FROM members ORDER BY id";
    wait_for(|| {
        let connection = Connection::open(store).unwrap();
        let mut all = connection.prepare(all).unwrap();
        let noted = all.query_map([], |row| row.get(0)).unwrap();
        noted.collect::<Result<Vec<bool>, _>>().unwrap() == [true, true, false]
    });
}

/// Runs a test on a file system of its own, which only it sees. It fails where the system allows none.
fn on_a_disk(test: &str, options: &str, run: impl Fn(&Path)) {
    if let Some(disk) = env::var_os(DISK) {
        return run(Path::new(&disk));
    }
    let folder = tempfile::tempdir().unwrap();
    let user: &[&str] = if rustix::process::geteuid().is_root() {
        &[]
    } else {
        &["--user", "--map-root-user"]
    };
    let script = "mount -t tmpfs -o \"$1\" none \"$2\" && exec \"$3\" --exact \"$4\" --nocapture";
    let done = Command::new("unshare")
        .args(user)
        .args(["--mount", "sh", "-c", script, "sh", options])
        .arg(folder.path())
        .arg(env::current_exe().unwrap())
        .arg(format!("room::{test}"))
        .env(DISK, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let is_run = done.status.success() && said.contains("1 passed");
    assert!(is_run, "{said}{}", String::from_utf8_lossy(&done.stderr));
}

/// A file that is just being closed may yet be in the way.
fn mount(options: &[&str], places: &[&Path]) {
    wait_for(|| {
        let mut command = Command::new("mount");
        let done = command.args(options).args(places).output().unwrap();
        eprintln!("{done:?}");
        done.status.success()
    });
}

/// Where a test finds its file system.
const DISK: &str = "FLASHGATE_TEST_DISK";
