//! Opening the member store, and bringing its schema up to date.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::{Fault, StoreError};
use crate::files;

/// Opens a store for an operator's command or for a server that starts, and migrates it.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = open_file(path, ADMIN_BUSY).map_err(|fault| fault.at(path))?;
    prepare(&mut connection).map_err(|fault| fault.at(path))?;
    Ok(connection)
}

/// Opens a store that must be there and current, changing nothing. For a server that runs.
pub(super) fn open_current(path: &Path, busy: Duration) -> Result<Connection, Fault> {
    is_current(open_file(path, busy)?)
}

fn is_current(connection: Connection) -> Result<Connection, Fault> {
    match check_version(&connection)? {
        0 => Err(Fault::Missing),
        found if found < MIGRATIONS.len() => Err(Fault::Older),
        _ => Ok(connection),
    }
}

/// Whether a store's log holds what the store itself does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    /// There is no log, or it is empty.
    Empty,
    /// There is something in it.
    Holds,
}

/// Opens a store read-only, without locks and without the shared memory file (`-shm`): for a file that no
/// program writes to.
pub(super) fn open_unshared(path: &Path, log: Log) -> Result<Connection, Fault> {
    let mut uri = OsString::from("file:");
    for byte in file_name(path)?.as_os_str().as_bytes() {
        // Whatever could mean something in a URI.
        uri.push(format!("%{byte:02x}"));
    }
    uri.push(match log {
        Log::Empty => "?immutable=1",
        Log::Holds => "?mode=ro&vfs=unix-none",
    });
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?;
    if log == Log::Holds {
        // An exclusive connection keeps the index of the log in memory (SQLite's documentation of WAL,
        // section 8). The log belongs to other programs, and is kept.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
    }
    is_current(connection)
}

/// A store in memory, which ends with its connection.
pub(super) fn open_in_memory() -> Result<Connection, StoreError> {
    let open = || {
        let mut connection = Connection::open_in_memory()?;
        prepare(&mut connection)?;
        Ok(connection)
    };
    open().map_err(|fault: Fault| fault.at(Path::new("in memory")))
}

/// Creates an empty file if there is none. Only its owner can read it, because it will hold password hashes.
/// SQLite gives its side files the same permissions.
pub(super) fn create_file(path: &Path) -> Result<(), StoreError> {
    let file = file_name(path).map_err(|fault| fault.at(path))?;
    match files::create(&file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Fault::CannotCreate(error.to_string()).at(path)),
    }
}

/// Never with SQLITE_OPEN_CREATE: a store that is gone must not come back empty.
fn open_file(path: &Path, busy: Duration) -> Result<Connection, Fault> {
    let path = file_name(path)?;
    if !path.try_exists().unwrap_or(true) {
        return Err(Fault::Missing);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
    // WAL keeps the file consistent without a sync for every login that is noted.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// An absolute path, since SQLite takes `:memory:`, `file:…` and an empty one for something else.
fn file_name(path: &Path) -> Result<PathBuf, Fault> {
    if path.as_os_str().is_empty() {
        return Err(Fault::NoPath);
    }
    std::path::absolute(path).map_err(|error| Fault::CannotOpen(error.to_string()))
}

fn prepare(connection: &mut Connection) -> Result<(), Fault> {
    // Checks the version first, so that another program's database is not switched to WAL.
    if check_version(connection)? == MIGRATIONS.len() {
        return prefer_wal(connection);
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;

    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have migrated it in the meantime.
    let found = check_version(&transaction)?;
    for migration in &MIGRATIONS[found..] {
        transaction.execute_batch(migration)?;
    }
    if found < MIGRATIONS.len() {
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    Ok(transaction.commit()?)
}

/// A backup may have come back with another journal. That is worth mending, not worth waiting for a
/// lock, and no reason to refuse a store that can be read.
fn prefer_wal(connection: &Connection) -> Result<(), Fault> {
    let journal: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if journal != "wal" {
        connection.busy_timeout(Duration::ZERO)?;
        let _ = connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()));
        connection.busy_timeout(ADMIN_BUSY)?;
    }
    Ok(())
}

/// How many migrations the store has seen: none if it is empty.
fn check_version(connection: &Connection) -> Result<usize, Fault> {
    let pragma = |name| connection.query_row(name, [], |row| row.get::<_, i64>(0));
    let found = version(connection)?;
    match pragma("PRAGMA application_id")? {
        APPLICATION if found > VERSION => Err(Fault::Newer { found }),
        APPLICATION => usize::try_from(found).map_err(|_| Fault::Foreign),
        0 if found == 0 && pragma("SELECT count(*) FROM sqlite_schema")? == 0 => Ok(0),
        _ => Err(Fault::Foreign),
    }
}

fn version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// The schema's version is the number of migrations that have made it.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

/// What took the schema from each version to the next. Never changed once released, only added to.
/// The first sets the application id, by which [`check_version`] knows the store as ours.
const MIGRATIONS: &[&str] = &["
    PRAGMA application_id = 0x666c7367;
    CREATE TABLE members (
        id            INTEGER PRIMARY KEY CHECK (id > 0),
        nick          TEXT NOT NULL UNIQUE,
        nick_key      TEXT NOT NULL UNIQUE,  -- nick without case: one of Árvíz, árvíz
        name          TEXT NOT NULL,
        password      TEXT NOT NULL,         -- argon2id, as a PHC string
        active        INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
        created_at    INTEGER NOT NULL DEFAULT (unixepoch()),
        last_login_at INTEGER
    ) STRICT;
", "
    -- What logs members out who are online, for the servers that are. They remember the last row they
    -- have read by its mark, and find it gone when the file is another: so no number comes again.
    CREATE TABLE changes (
        seq    INTEGER PRIMARY KEY AUTOINCREMENT,
        mark   INTEGER NOT NULL DEFAULT (random()),
        what   TEXT NOT NULL CHECK (what IN ('made', 'added', 'disabled', 'renamed', 'removed')),
        member INTEGER CHECK ((member IS NULL) = (what IN ('made', 'added')))
    ) STRICT;
    INSERT INTO changes (what) VALUES ('made');
    CREATE TRIGGER changes_kept AFTER INSERT ON changes BEGIN
        DELETE FROM changes WHERE seq <= NEW.seq - 10000;
    END;

    CREATE TRIGGER member_disabled AFTER UPDATE OF active ON members WHEN OLD.active <> 0 AND NEW.active = 0
    BEGIN
        INSERT INTO changes (what, member) VALUES ('disabled', OLD.id);
    END;
    CREATE TRIGGER member_renamed AFTER UPDATE OF nick ON members WHEN OLD.nick <> NEW.nick BEGIN
        INSERT INTO changes (what, member) VALUES ('renamed', OLD.id);
    END;
    CREATE TRIGGER member_renumbered AFTER UPDATE OF id ON members WHEN OLD.id <> NEW.id BEGIN
        INSERT INTO changes (what, member) VALUES ('removed', OLD.id);
    END;
    CREATE TRIGGER member_removed AFTER DELETE ON members BEGIN
        INSERT INTO changes (what, member) VALUES ('removed', OLD.id);
    END;
    -- REPLACE removes rows without a trigger. One row says so of many, else an import would fill
    -- the table.
    CREATE TRIGGER member_added AFTER INSERT ON members BEGIN
        DELETE FROM changes WHERE what = 'added' AND seq = (SELECT max(seq) FROM changes);
        INSERT INTO changes (what) VALUES ('added');
    END;
", "
    -- Nicks that members have given up, which nobody else can take for a day: the last three of each member.
    CREATE TABLE given_up (
        seq      INTEGER PRIMARY KEY AUTOINCREMENT,
        nick_key TEXT NOT NULL UNIQUE ON CONFLICT REPLACE,
        member   INTEGER NOT NULL,
        at       INTEGER NOT NULL DEFAULT (unixepoch())
    ) STRICT;
    CREATE INDEX given_up_by_member ON given_up (member, seq);
    CREATE INDEX given_up_by_time ON given_up (at);
    CREATE TRIGGER given_up_kept AFTER INSERT ON given_up BEGIN
        DELETE FROM given_up WHERE at <= unixepoch() - 86400;
        DELETE FROM given_up WHERE member = NEW.member AND seq <=
            (SELECT seq FROM given_up WHERE member = NEW.member ORDER BY seq DESC LIMIT 1 OFFSET 3);
    END;

    CREATE TRIGGER nick_changed AFTER UPDATE OF nick_key ON members WHEN OLD.nick_key <> NEW.nick_key BEGIN
        INSERT INTO given_up (nick_key, member) VALUES (OLD.nick_key, OLD.id);
        DELETE FROM given_up WHERE nick_key = NEW.nick_key;
    END;
    CREATE TRIGGER nick_removed AFTER DELETE ON members BEGIN
        INSERT INTO given_up (nick_key, member) VALUES (OLD.nick_key, OLD.id);
    END;
    -- REPLACE removes rows without a trigger: what it removes is looked for before.
    CREATE TRIGGER nick_replaced BEFORE INSERT ON members BEGIN
        INSERT INTO given_up (nick_key, member) SELECT nick_key, id FROM members
            WHERE (id = NEW.id OR nick = NEW.nick) AND nick_key <> NEW.nick_key;
    END;
    CREATE TRIGGER nick_added AFTER INSERT ON members BEGIN
        DELETE FROM given_up WHERE nick_key = NEW.nick_key;
    END;
"];

/// "flsg" in the file's header. Others count the versions of their schemas from 1 too.
const APPLICATION: i64 = 0x666c_7367;

/// How long an operator's command waits for a lock.
pub(super) const ADMIN_BUSY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_made_once_and_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("members.db");
        assert_eq!(open(&path).unwrap_err().fault, Fault::Missing);
        assert!(!path.exists());

        create_file(&path).unwrap();
        let connection = open(&path).unwrap();
        assert_eq!(version(&connection).unwrap(), VERSION);
        let mode: String = connection
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "wal");
        let strict = connection.execute(
            "INSERT INTO members (id, nick, nick_key, name, password) VALUES (1, 'a', 'a', 'A', x'00')",
            [],
        );
        assert!(strict.is_err());
        drop(connection);

        create_file(&path).unwrap();
        open(&path).unwrap();
        open_current(&path, ADMIN_BUSY).unwrap();
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE t (x)").unwrap();
        assert_eq!(open(&path).unwrap_err().fault, Fault::Foreign);

        // Others count the versions of their schemas too.
        for version in [1, 99, -1] {
            other.pragma_update(None, "user_version", version).unwrap();
            let before = std::fs::read(&path).unwrap();
            assert_eq!(open(&path).unwrap_err().fault, Fault::Foreign);
            let running = open_current(&path, ADMIN_BUSY).unwrap_err();
            assert_eq!(running, Fault::Foreign, "{version}");
            assert_eq!(std::fs::read(&path).unwrap(), before);
        }
        // Empty as yet, but claimed by another program.
        let claimed = folder.path().join("claimed.db");
        let claim = Connection::open(&claimed).unwrap();
        claim.pragma_update(None, "application_id", 7).unwrap();
        assert_eq!(open(&claimed).unwrap_err().fault, Fault::Foreign);

        let mode: String = other
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "delete");
    }

    #[test]
    fn a_newer_schema_is_told_from_a_foreign_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("members.db");
        create_file(&path).unwrap();
        let connection = open(&path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let newer = open(&path).unwrap_err();
        assert_eq!(newer.fault, Fault::Newer { found: 99 });
        assert!(newer.to_string().contains("newer flashgate"), "{newer}");
    }

    #[test]
    fn every_migration_is_found_by_its_version() {
        // A store of each older version comes up to date, and keeps what it holds.
        for from in 0..MIGRATIONS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            for migration in &MIGRATIONS[..from] {
                connection.execute_batch(migration).unwrap();
            }
            connection
                .pragma_update(None, "user_version", from as i64)
                .unwrap();
            let add = "INSERT INTO members (id, nick, nick_key, name, password) VALUES (1, 'a', 'a', 'A', '')";
            if from > 0 {
                connection.execute(add, []).unwrap();
            }
            prepare(&mut connection).unwrap();
            assert_eq!(version(&connection).unwrap(), VERSION);
            if from == 0 {
                connection.execute(add, []).unwrap();
            }
            let out = connection.execute("UPDATE members SET active = 0 WHERE id = 1", []);
            assert_eq!(out.unwrap(), 1);
            let last = "SELECT what || member FROM changes ORDER BY seq DESC LIMIT 1";
            let last: String = connection.query_row(last, [], |row| row.get(0)).unwrap();
            assert_eq!(last, "disabled1", "from {from}");
            let rename = "UPDATE members SET nick = 'b', nick_key = 'b' WHERE id = 1";
            connection.execute(rename, []).unwrap();
            let given_up = "SELECT nick_key || member FROM given_up";
            let given_up: String = connection
                .query_row(given_up, [], |row| row.get(0))
                .unwrap();
            assert_eq!(given_up, "a1", "from {from}");
        }
    }
}
