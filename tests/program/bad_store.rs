//! A file that is no member store: every command refuses it with the same exit code and the same words.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use rusqlite::Connection;
use tempfile::tempdir;

use crate::outside::{import_members, run_in};

/// Every command that opens a store, and whether it makes one where there is none.
const COMMANDS: [(&str, bool); 13] = [
    ("serve --listen=127.0.0.1:0", true),
    ("members add --id=9 --nick=new --name=New", true),
    ("members list", false),
    ("members show 1", false),
    ("members passwd 1", false),
    ("members rename 1 other", false),
    ("members enable 1", false),
    ("members disable 1", false),
    ("members remove 1", false),
    ("members export", false),
    ("members import new.csv", true),
    ("members check", false),
    ("members backup copy.db", false),
];

type Spoil = fn(&Path);

#[test]
fn every_command_ends_with_the_same_code() {
    let files: [(Spoil, i32, &str); 8] = [
        (|path| fs::remove_file(path).unwrap(), 78, "does not exist"),
        (
            |path| fs::write(path, "id,nick\n1,alice\n".repeat(99)).unwrap(),
            78,
            "is not an SQLite database",
        ),
        (
            |path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            },
            78,
            "cannot be opened",
        ),
        (
            |path| fs::set_permissions(path, PermissionsExt::from_mode(0o000)).unwrap(),
            78,
            "cannot be opened",
        ),
        (
            |path| sql(path, "PRAGMA user_version = 99"),
            78,
            "newer flashgate",
        ),
        (
            |path| sql(path, "PRAGMA application_id = 7"),
            78,
            "another program",
        ),
        (
            |path| {
                let mut bytes = fs::read(path).unwrap();
                // The header of the first page, behind what says that it is SQLite's.
                bytes[100..200].fill(0xa5);
                fs::write(path, bytes).unwrap();
            },
            78,
            "is damaged",
        ),
        // The one that may be better at the next try.
        (
            |path| sql(path, "PRAGMA journal_mode = DELETE"),
            1,
            "is locked",
        ),
    ];
    let is_root = rustix::process::geteuid().is_root();
    for (spoil, code, says) in files {
        let folder = tempdir().unwrap();
        let folder = folder.path();
        import_members(folder, 2);
        let store = folder.join("flashgate.db");
        spoil(&store);
        let unread =
            store.is_file() && fs::metadata(&store).unwrap().permissions().mode() & 0o777 == 0;
        if unread && is_root {
            continue; // may read everything
        }
        let _held = (code == 1).then(|| {
            let held = Connection::open(&store).unwrap();
            held.execute_batch("BEGIN EXCLUSIVE").unwrap();
            held
        });
        fs::write(folder.join("new.csv"), "id,nick,name,password,active\n").unwrap();
        // At once, since a command waits 5 s for a lock.
        thread::scope(|scope| {
            let wanted = COMMANDS
                .iter()
                .filter(|(_, makes)| store.exists() || !makes);
            for (command, _) in wanted {
                scope.spawn(move || {
                    let words: Vec<_> = command.split(' ').collect();
                    let done = run_in(folder, &words, "secret1\n");
                    assert!(done.stderr.contains(says), "{command}: {done:?}");
                    // The command that looks for damage says so by its code, wherever the damage is.
                    let finds = *command == "members check" && says == "is damaged";
                    let code = if finds { 65 } else { code };
                    assert_eq!(done.code, code, "{command}: {done:?}");
                });
            }
        });
        assert!(!folder.join("copy.db").exists());
    }
}

fn sql(path: &Path, sql: &str) {
    let store = Connection::open(path).unwrap();
    store.execute_batch(sql).unwrap();
}
